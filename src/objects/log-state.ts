import type { ConversationRow, MemberRow, MessageRow } from './conversation-schema.ts'
import type { ConversationKind } from '../protocol/conversation.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { ConversationStore, NewMessageRow } from './conversation-store.ts'

/** The nap of a hub that no conversation calls again: its account was erased. */
export const FOR_GOOD = Number.MAX_SAFE_INTEGER

/**
 * The head of a conversation and its members, kept in memory as a cache of the store, which it is the only writer of. Every change
 * takes the next revision from here.
 */
export class LogState {
  readonly store: ConversationStore
  readonly #members: Map<number, MemberRow>
  #row: ConversationRow
  #rev: number
  #seq: number
  #lastCreatedAt: number
  // Counted rather than looked for: a read mark must not cost a walk through all members.
  #presentCount = 0
  #blockerCount = 0
  #erasedCount = 0
  #untoldCount = 0
  // Every message asks for them, and they change seldom.
  #listeners: number[] | null = null
  /** What was counted at this revision: whoever asks often while nothing happens has it counted once. */
  #unread = { rev: 0, counts: new Map<string, number>() }

  constructor(store: ConversationStore, row: ConversationRow) {
    this.store = store
    this.#row = row
    this.#members = new Map(store.members().map((member) => [member.userId, member]))
    const last = store.lastMessage()
    this.#seq = last?.seq ?? 0
    this.#lastCreatedAt = last?.createdAt ?? 0
    this.#rev = Math.max(row.rev, last?.rev ?? 0, store.lastChange())
    for (const member of this.#members.values()) {
      this.#rev = Math.max(this.#rev, member.rev)
      this.#count(member, 1)
    }
  }

  get row(): ConversationRow {
    return this.#row
  }

  get id(): number {
    return this.#row.id
  }

  get kind(): ConversationKind {
    return this.#row.kind
  }

  get rev(): number {
    return this.#rev
  }

  get seq(): number {
    return this.#seq
  }

  get presentCount(): number {
    return this.#presentCount
  }

  /** Whether a member has blocked another, which is known of the two in a direct conversation only. */
  get isBlocked(): boolean {
    return this.#blockerCount > 0
  }

  /** Whether the account of a member was erased who stays in it, as in a direct conversation. */
  get hasErased(): boolean {
    return this.#erasedCount > 0
  }

  /** Everybody who is or was in it. */
  everybody(): MemberRow[] {
    return [...this.#members.values()]
  }

  /** The members to call: those who are in, whose hub knows of it and is awake. */
  listeners(): number[] {
    this.#listeners ??= this.everybody().flatMap((member) => (isListening(member) ? [member.userId] : []))
    return this.#listeners
  }

  /** The members whose hub does not know yet that they joined or left. */
  untold(): MemberRow[] {
    return this.#untoldCount === 0 ? [] : this.everybody().filter((member) => !member.told)
  }

  /** The members who are in now. */
  present(): MemberRow[] {
    return this.everybody().filter((member) => member.leftAt === null)
  }

  member(userId: number): MemberRow | undefined {
    return this.#members.get(userId)
  }

  /** Messages of others above `readSeq`, among the newest that are counted. */
  unread(userId: number, readSeq: number): number {
    if (this.#unread.rev !== this.#rev) this.#unread = { rev: this.#rev, counts: new Map() }
    const above = Math.max(readSeq, this.#seq - LIMITS.countedMessages)
    const key = `${userId}/${above}`
    const known = this.#unread.counts.get(key)
    if (known !== undefined) return known
    const counted = this.store.unread(userId, above)
    this.#unread.counts.set(key, counted)
    return counted
  }

  nextRev(): number {
    this.#rev += 1
    return this.#rev
  }

  putMember(member: MemberRow): MemberRow {
    const before = this.#members.get(member.userId)
    this.store.putMember(member)
    this.#members.set(member.userId, member)
    if (before) this.#count(before, -1)
    this.#count(member, 1)
    if (!before || isListening(before) !== isListening(member)) this.#listeners = null
    return member
  }

  changeConversation(change: Partial<ConversationRow>): void {
    this.#row = { ...this.#row, ...change }
    this.store.updateConversation(change)
  }

  /** Null where the sender has a message of this client id already. */
  addMessage(message: Pick<NewMessageRow, 'senderId' | 'clientId' | 'body'>, now: number): MessageRow | null {
    const row = {
      ...message,
      seq: this.#seq + 1,
      rev: this.#rev + 1,
      // A clock that went back must not make a message older than the one before it.
      createdAt: Math.max(now, this.#lastCreatedAt),
    }
    if (!this.store.insertMessage(row)) return null
    this.#seq = row.seq
    this.#rev = row.rev
    this.#lastCreatedAt = row.createdAt
    return { ...row, changedRev: null, editedAt: null, deletedAt: null, pinnedAt: null, reactions: null }
  }

  #count(member: MemberRow, by: 1 | -1): void {
    if (member.leftAt === null) this.#presentCount += by
    if (member.blocks) this.#blockerCount += by
    if (member.nap === FOR_GOOD) this.#erasedCount += by
    if (!member.told) this.#untoldCount += by
  }
}

const isListening = (member: MemberRow): boolean => member.leftAt === null && member.told && !member.asleep
