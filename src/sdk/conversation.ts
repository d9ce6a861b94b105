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
export type ConversationDeps = {
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

/**
 * One conversation, as a copy that keeps itself up to date while it is open. What asks the server is refused with `conversation.not_found`
 * where the user is no member.
 */
export class LiveConversation {
  readonly id: number
  readonly #deps: ConversationDeps
  #copy: LiveReplica | null = null
  #isGone = false

  constructor(id: number, deps: ConversationDeps) {
    this.id = id
    this.#deps = deps
  }

  /** `opening` until the first page is here; `gone` where the user is no member (any more). */
  get state(): 'closed' | 'opening' | 'open' | 'gone' {
    if (this.#isGone) return 'gone'
    if (!this.#copy) return 'closed'
    return this.#copy.held ? 'open' : 'opening'
  }

  /** Its entry of the inbox. */
  get entry(): InboxEntry | undefined {
    return this.#deps.inbox.get(this.id)
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
    return this.#deps.typing.in(this.id)
  }

  /** What was written here and is not acknowledged, oldest first. */
  get pending(): readonly PendingMessage[] {
    return this.#deps.outbox.of(this.id)
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
    if (!this.#deps.isSignedIn()) throw signedOut()
    const { http, connection, inbox } = this.#deps
    this.#isGone = false
    this.#copy ??= new LiveReplica(this.id, {
      http,
      connection,
      inbox,
      onChange: () => this.#changed(),
      onGone: () => {
        this.end()
        inbox.remove(this.id)
      },
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
    if (!this.#deps.isSignedIn()) throw signedOut()
    this.#deps.typing.sent(this.id)
    return this.#deps.outbox.add({
      ...options,
      clientId: newClientId(),
      conversationId: this.id,
      content: contentOf(content),
      createdAt: new Date(this.#deps.now()).toISOString(),
    })
  }

  /** Sends a failed message again. */
  retry(clientId: string): void {
    this.#deps.outbox.retry(clientId)
  }

  /** Gives up a message that waits or failed. False where it is on its way already. */
  discard(clientId: string): boolean {
    return this.#deps.outbox.discard(clientId)
  }

  /** Gives a message of one's own other words. `message.not_found`, `message.not_owner`, `message.deleted`, `conversation.blocked`. */
  edit(messageId: number, content: string | Content): Promise<Message> {
    return this.#change({ type: 'message.edit', messageId, content: contentOf(content) })
  }

  /** Takes away what a message says; in a group its admins and owner may, too. `message.not_found`, `message.not_owner`. */
  delete(messageId: number): Promise<Message> {
    return this.#change({ type: 'message.delete', messageId })
  }

  /** Adds a reaction, once. `message.not_found`, `message.deleted`, `message.too_many_reactions`, `conversation.blocked`. */
  react(messageId: number, emoji: string): Promise<Message> {
    return this.#change({ type: 'reaction.add', messageId, emoji })
  }

  /** Takes it back. `message.not_found`, `message.deleted`, `conversation.blocked`. */
  unreact(messageId: number, emoji: string): Promise<Message> {
    return this.#change({ type: 'reaction.remove', messageId, emoji })
  }

  /** `member.not_allowed` for plain members of a group, `message.not_found`, `message.deleted`, `conversation.blocked`. */
  pin(messageId: number): Promise<Message> {
    return this.#change({ type: 'pin.add', messageId })
  }

  /** Refused like `pin`. */
  unpin(messageId: number): Promise<Message> {
    return this.#change({ type: 'pin.remove', messageId })
  }

  /** Marks as read up to `seq`, by default all that is here. Forward only; calls of one moment make one command. */
  markRead(seq = this.messages.at(-1)?.seq ?? 0): void {
    this.#deps.readMarks.mark(this.id, seq)
  }

  /** Say it at every key stroke: it is told every few seconds only. */
  startTyping(): void {
    this.#deps.typing.start(this.id)
  }

  /** Tells the others at once, if they were told that the user types. Never refused. */
  stopTyping(): void {
    this.#deps.typing.stop(this.id)
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
    const message = await changeMessage(this.#deps, change)
    this.merge(message)
    return message
  }

  #changed(): void {
    this.#deps.onChange(this)
  }
}

const contentOf = (content: string | Content): Content =>
  typeof content === 'string' ? { kind: 'text', text: content } : content
