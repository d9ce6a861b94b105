import type { Changes, Conversation, Member, MemberList } from '../../src/protocol/conversation.ts'
import type { ConversationEvent } from '../../src/protocol/events.ts'
import { messageIdOf } from '../../src/protocol/ids.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import type { HistoryPage, Message } from '../../src/protocol/message.ts'

/** What may happen in a conversation; numbers are taken modulo what is there. */
export type Happening =
  | { does: 'send' | 'edit' | 'delete' | 'react' | 'pin'; who: number; what: number }
  | { does: 'read' | 'come' | 'go' | 'promote'; who: number; what: number }
  | { does: 'rename' | 'outgrow'; who: number; what: number }

const ID = 7
const AT = '2026-01-01T00:00:00.000Z'

/** A conversation's log in its simplest form: what a server would say of it at any moment. */
export class LogModel {
  readonly events: ConversationEvent[] = []
  rev = 0
  conversation: Conversation = {
    id: ID,
    kind: 'group',
    title: 'Picnic',
    createdBy: 1,
    createdAt: AT,
    readReceipts: true,
  }
  readonly #messages: Message[] = []
  readonly #members = new Map<number, { member: Member; rev: number }>()
  #conversationRev = 0

  constructor(userIds = [1, 2, 3]) {
    for (const userId of userIds) this.#come(userId)
  }

  happen({ does, who, what }: Happening): void {
    const users = [1, 2, 3, 4, 5]
    const userId = users[who % users.length] ?? 1
    const message = this.#messages[what % Math.max(1, this.#messages.length)]
    const present = this.#members.get(userId)?.member.leftAt === null
    switch (does) {
      case 'send':
        return this.#send(userId)
      case 'edit':
        return this.#change(message, 'message.updated', {
          content: { kind: 'text', text: `edit ${what}` },
          editedAt: AT,
        })
      case 'delete':
        return this.#change(message, 'message.deleted', { content: null, deletedAt: AT, reactions: [] })
      case 'pin':
        return this.#change(message, 'message.updated', { pinnedAt: message?.pinnedAt ? null : AT })
      case 'react':
        return this.#react(message, userId)
      case 'read':
        return present ? this.#read(userId, 1 + (what % Math.max(1, this.#messages.length))) : undefined
      case 'come':
        return present ? undefined : this.#come(userId)
      case 'go':
        return present && userId !== 1 ? this.#putMember(userId, { leftAt: AT }) : undefined
      case 'promote':
        return present ? this.#putMember(userId, { role: 'admin' }) : undefined
      case 'rename':
        return this.#putConversation({ title: `Title ${what}` })
      case 'outgrow':
        return this.conversation.readReceipts ? this.#outgrow() : undefined
    }
  }

  changes(since: number, limit: number): Changes {
    const changed = this.#messages.filter(({ rev }) => rev > since).toSorted((a, b) => a.rev - b.rev)
    const messages = changed.slice(0, limit)
    const more = changed.length > limit
    const rev = more ? (messages.at(-1)?.rev ?? this.rev) : this.rev
    const within = (at: number) => at > since && at <= rev
    return {
      conversationId: ID,
      epoch: 'e1',
      since,
      rev,
      more,
      conversation: within(this.#conversationRev) ? this.conversation : null,
      members: [...this.#members.values()].filter((each) => within(each.rev)).map(({ member }) => this.#shown(member)),
      messages,
    }
  }

  /** The newest message as it stands, as the answer to a command shows it. */
  newest(): Message | undefined {
    return this.#messages.at(-1)
  }

  page(limit: number, before = Number.POSITIVE_INFINITY): HistoryPage {
    const below = this.#messages.filter(({ seq }) => seq < before)
    const items = below.slice(-limit).toReversed()
    const nextCursor = below.length > limit ? String(items.at(-1)?.seq) : null
    return { items, nextCursor, epoch: 'e1', rev: this.rev }
  }

  memberList(): MemberList {
    const present = [...this.#members.values()].map(({ member }) => member).filter(({ leftAt }) => leftAt === null)
    return { items: present.map((member) => this.#shown(member)), nextCursor: null, epoch: 'e1', rev: this.rev }
  }

  #send(senderId: number): void {
    const seq = this.#messages.length + 1
    const message: Message = {
      id: messageIdOf(ID, seq),
      conversationId: ID,
      seq,
      rev: ++this.rev,
      senderId,
      clientId: `c${seq}`,
      createdAt: AT,
      editedAt: null,
      deletedAt: null,
      content: { kind: 'text', text: `message ${seq}` },
      replyTo: null,
      attachments: [],
      mentions: [],
      reactions: [],
      pinnedAt: null,
    }
    this.#messages.push(message)
    this.events.push({ type: 'message.created', conversationId: ID, rev: this.rev, message })
  }

  #change(message: Message | undefined, type: 'message.updated' | 'message.deleted', change: Partial<Message>): void {
    if (!message || message.deletedAt !== null) return
    const changed = { ...message, ...change, rev: ++this.rev }
    this.#messages[message.seq - 1] = changed
    this.events.push({ type, conversationId: ID, rev: this.rev, message: changed })
  }

  #react(message: Message | undefined, userId: number): void {
    if (!message || message.deletedAt !== null) return
    const emoji = '👍'
    const before = message.reactions.find((reaction) => reaction.emoji === emoji)?.userIds ?? []
    const added = !before.includes(userId)
    const userIds = added ? [...before, userId] : before.filter((id) => id !== userId)
    const reactions = userIds.length > 0 ? [{ emoji, userIds }] : []
    const rev = ++this.rev
    this.#messages[message.seq - 1] = { ...message, reactions, rev }
    const facts = { conversationId: ID, rev, messageId: message.id, reactions, userId, emoji, added }
    this.events.push({ type: 'reaction.changed', ...facts })
  }

  #read(userId: number, seq: number): void {
    const known = this.#members.get(userId)
    if (!known || seq <= (known.member.readSeq ?? 0) || seq > this.#messages.length) return
    const { readReceipts } = this.conversation
    if (readReceipts) this.rev += 1
    this.#members.set(userId, { member: { ...known.member, readSeq: seq }, rev: readReceipts ? this.rev : known.rev })
    // A private mark is told to its owner only, who is user 1 here.
    if (readReceipts || userId === 1) {
      this.events.push({ type: 'read.changed', conversationId: ID, rev: readReceipts ? this.rev : 0, userId, seq })
    }
  }

  #come(userId: number): void {
    const member: Member = { userId, role: 'member', joinedAt: AT, leftAt: null, readSeq: this.#messages.length }
    this.#members.set(userId, { member, rev: this.rev })
    this.#putMember(userId, {})
  }

  /** Sharing ends with the member who is one too many. */
  #outgrow(): void {
    const guests = LIMITS.intimateMembers + 1 - this.memberList().items.length
    for (let userId = 100; userId < 100 + guests; userId += 1) this.#come(userId)
    this.#putConversation({ readReceipts: false })
  }

  #putMember(userId: number, change: Partial<Member>): void {
    const known = this.#members.get(userId)
    if (!known) return
    const member = { ...known.member, ...change }
    this.#members.set(userId, { member, rev: ++this.rev })
    this.events.push({ type: 'member.changed', conversationId: ID, rev: this.rev, member: this.#shown(member) })
  }

  #putConversation(change: Partial<Conversation>): void {
    this.conversation = { ...this.conversation, ...change }
    this.#conversationRev = ++this.rev
    this.events.push({
      type: 'conversation.updated',
      conversationId: ID,
      rev: this.rev,
      conversation: this.conversation,
    })
  }

  #shown(member: Member): Member {
    return this.conversation.readReceipts ? member : { ...member, readSeq: null }
  }
}
