import type { InboxEntry, Member } from '../protocol/conversation.ts'
import type { ConversationEvent } from '../protocol/events.ts'
import type { Attachment, Content, Message } from '../protocol/message.ts'
import { newClientId } from './client-id.ts'
import { signedOut } from './errors.ts'
import type { Http } from './http.ts'
import type { Inbox } from './inbox.ts'
import { LiveReplica } from './live-replica.ts'
import { changeMessage, type MessageChange } from './message-changes.ts'
import type { Outbox, PendingMessage } from './outbox.ts'
import type { ReadMarks } from './read-marks.ts'
import type { Replica } from './replica.ts'
import type { Connection } from './socket.ts'
import type { Typing } from './typing.ts'

export type SendOptions = { replyTo?: number; mentions?: number[]; attachments?: Attachment[] }

/** What a conversation needs of its client. */
export type ConversationPorts = {
  http: Http
  connection: Connection
  inbox: Inbox
  outbox: Outbox
  typing: Typing
  readMarks: ReadMarks
  isSignedIn: () => boolean
  onChange: (conversation: LiveConversation) => void
  now: () => number
}

const NOTHING: readonly never[] = []

/** One conversation, as a copy that keeps itself up to date while it is open. */
export class LiveConversation {
  readonly id: number
  readonly #ports: ConversationPorts
  #copy: LiveReplica | null = null
  #isGone = false

  constructor(id: number, ports: ConversationPorts) {
    this.id = id
    this.#ports = ports
  }

  /** `opening` until the first page is here; `gone` where the user is no member (any more). */
  get state(): 'closed' | 'opening' | 'open' | 'gone' {
    if (this.#isGone) return 'gone'
    if (!this.#copy) return 'closed'
    return this.#copy.held ? 'open' : 'opening'
  }

  /** Its line of the inbox. */
  get entry(): InboxEntry | undefined {
    return this.#ports.inbox.get(this.id)
  }

  /** The newest messages without a hole, oldest first. A new array whenever something changed. */
  get messages(): readonly Message[] {
    return this.replica?.messages ?? NOTHING
  }

  /** Who is in it now. `readSeq` is how far they have read, where that is shared. */
  get members(): readonly Member[] {
    return this.replica?.members ?? NOTHING
  }

  /** Who else is typing now. */
  get typing(): readonly number[] {
    return this.#ports.typing.in(this.id)
  }

  /** What was written here and is not acknowledged, oldest first. */
  get pending(): readonly PendingMessage[] {
    return this.#ports.outbox.of(this.id)
  }

  /** Whether there are messages before the first of `messages`. */
  get hasOlder(): boolean {
    return (this.replica?.from ?? 1) > 1
  }

  /** The user's own read mark. */
  get readSeq(): number {
    return this.entry?.readSeq ?? 0
  }

  /** The copy itself; null while there is none. */
  get replica(): Replica | null {
    return this.#copy?.held ?? null
  }

  /**
   * Loads the newest page and the members and keeps them live. Rejects where the user is no member, or without a network; in that
   * case the next connection tries again by itself.
   */
  async open(): Promise<void> {
    if (!this.#ports.isSignedIn()) throw signedOut()
    const { http, connection, inbox } = this.#ports
    this.#isGone = false
    this.#copy ??= new LiveReplica(this.id, {
      http,
      connection,
      inbox,
      onChange: () => this.#changed(),
      onGone: () => this.end(),
    })
    await this.#copy.open()
  }

  /** Drops the copy. What is pending stays. */
  close(): void {
    this.#copy?.close()
    this.#copy = null
    this.#changed()
  }

  /** Loads a page of older messages. Answers whether there are still older ones. */
  async loadOlder(): Promise<boolean> {
    return this.#copy?.loadOlder() ?? false
  }

  /** Sends text or other content. Resolves when it is durable, waits while offline, and survives a reload. */
  async send(content: string | Content, options: SendOptions = {}): Promise<Message> {
    if (!this.#ports.isSignedIn()) throw signedOut()
    this.#ports.typing.sent(this.id)
    return this.#ports.outbox.add({
      ...options,
      clientId: newClientId(),
      conversationId: this.id,
      content: contentOf(content),
      createdAt: new Date(this.#ports.now()).toISOString(),
    })
  }

  /** Sends a failed message again. */
  retry(clientId: string): void {
    this.#ports.outbox.retry(clientId)
  }

  /** Gives up a message that waits or failed. False where it is on its way already. */
  discard(clientId: string): boolean {
    return this.#ports.outbox.discard(clientId)
  }

  edit(messageId: number, content: string | Content): Promise<Message> {
    return this.#change({ type: 'message.edit', messageId, content: contentOf(content) })
  }

  delete(messageId: number): Promise<Message> {
    return this.#change({ type: 'message.delete', messageId })
  }

  react(messageId: number, emoji: string): Promise<Message> {
    return this.#change({ type: 'reaction.add', messageId, emoji })
  }

  unreact(messageId: number, emoji: string): Promise<Message> {
    return this.#change({ type: 'reaction.remove', messageId, emoji })
  }

  pin(messageId: number): Promise<Message> {
    return this.#change({ type: 'pin.add', messageId })
  }

  unpin(messageId: number): Promise<Message> {
    return this.#change({ type: 'pin.remove', messageId })
  }

  /** Marks as read up to `seq`, by default all that is here. Forward only; calls of one moment make one command. */
  markRead(seq = this.messages.at(-1)?.seq ?? 0): void {
    this.#ports.readMarks.mark(this.id, seq)
  }

  /** Say it at every key stroke: it is told every few seconds only. */
  startTyping(): void {
    this.#ports.typing.start(this.id)
  }

  stopTyping(): void {
    this.#ports.typing.stop(this.id)
  }

  /** @internal */
  apply(event: ConversationEvent): void {
    this.#copy?.apply(event)
  }

  /** @internal Where the conversation stands, as the inbox heard it. */
  hear(entry: InboxEntry): void {
    this.#copy?.hear(entry)
  }

  /** @internal A message as the answer to a command showed it. */
  merge(message: Message): void {
    this.#copy?.merge(message)
  }

  /** @internal There is a connection. */
  resume(): void {
    this.#copy?.resume()
  }

  /** @internal The user is no member any more. */
  end(): void {
    this.#copy?.close()
    this.#copy = null
    this.#isGone = true
    this.#changed()
  }

  async #change(change: MessageChange): Promise<Message> {
    const message = await changeMessage(this.#ports, change)
    this.merge(message)
    return message
  }

  #changed(): void {
    this.#ports.onChange(this)
  }
}

const contentOf = (content: string | Content): Content =>
  typeof content === 'string' ? { kind: 'text', text: content } : content
