import type { Order } from '../core/orders.ts'
import type { InboxEntry } from '../protocol/conversation.ts'
import { refuse } from '../protocol/errors.ts'
import type { CatchUp } from './batch.ts'
import type { ConversationRow, MemberRow, Renewal } from './conversation-schema.ts'
import type { ConversationStore } from './conversation-store.ts'
import { catchUpOf, changesOf, entryOf, historyOf, intimatesOf, memberListOf } from './log-reading.ts'
import { LogState } from './log-state.ts'
import {
  addMembers,
  changeRole,
  deleteConversation,
  eraseMember,
  joinMember,
  removeMember,
  rename,
} from './member-orders.ts'
import {
  deleteMessage,
  editMessage,
  getMessage,
  markRead,
  pinMessage,
  reactToMessage,
  repeatOf,
  sendMessage,
  signalTyping,
} from './message-orders.ts'
import { answered, type Emission, type Outcome, refused } from './outcome.ts'

const DELETED_AT_ONCE = 2_000

/** The log of one conversation: takes orders, answers questions, and knows whom to tell. Synchronous throughout. */
export class ConversationLog {
  readonly #store: ConversationStore
  #state: LogState

  constructor(store: ConversationStore, row: ConversationRow) {
    this.#store = store
    this.#state = new LogState(store, row)
  }

  /** Takes the state from the storage again, where a change was rolled back. */
  reload(): void {
    this.#state = new LogState(this.#store, this.#store.conversation() ?? this.#state.row)
  }

  get id(): number {
    return this.#state.id
  }

  get epoch(): string {
    return this.#state.row.epoch
  }

  get rev(): number {
    return this.#state.rev
  }

  get isDeleted(): boolean {
    return this.#state.row.deletedAt !== null
  }

  /** Whether it is deleted and its messages are still there. */
  get hasRemains(): boolean {
    return this.isDeleted && this.#store.lastMessage() !== undefined
  }

  /** Deletes a part of the messages of a conversation that was deleted. */
  deleteRemains(): void {
    this.#store.deleteOldest(DELETED_AT_ONCE)
  }

  member(userId: number): MemberRow | undefined {
    return this.#state.member(userId)
  }

  /** Those whose hub does not know yet that they joined or left. */
  untold(): MemberRow[] {
    return this.#state.untold()
  }

  /** Whether it is to be begun anew before anybody reads or writes. */
  get isRenewalDue(): boolean {
    return this.#state.row.renewal?.isDue ?? false
  }

  /** Those whose hub does not know yet that a restoration took them out. While it is not known who is in, this is everybody who was. */
  former(): number[] {
    return this.#state.row.renewal?.former ?? []
  }

  /** Notes that it is to be begun anew, also by a later life, and that these were in before. */
  oweRenewal(former: number[]): void {
    this.#noteRenewal({ isDue: true, former: [...new Set([...this.former(), ...former])] })
  }

  /** It has begun anew: those who are in are told so, and of the others that they are out. */
  endRenewal(): void {
    const isOut = (userId: number) => this.#state.member(userId)?.leftAt !== null
    this.#noteRenewal({ isDue: false, former: this.former().filter(isOut) })
  }

  /** This one knows, or is in again. */
  forgetFormer(userId: number): void {
    this.#noteRenewal({ isDue: this.isRenewalDue, former: this.former().filter((id) => id !== userId) })
  }

  #noteRenewal(renewal: Renewal): void {
    this.#state.changeConversation({ renewal: renewal.isDue || renewal.former.length > 0 ? renewal : null })
  }

  /** Whether every hub knows who is in and who is not. */
  get isToldToAll(): boolean {
    return this.#state.untold().length === 0 && this.former().length === 0
  }

  /** Whom to call for a frame: members who are in, whose hub knows of it and is awake. */
  audience(emission: Emission): number[] {
    const { only, except } = emission
    const listeners = this.#state.listeners()
    if (only === undefined && except === undefined) return listeners
    return listeners.filter((id) => id !== except && (only === undefined || id === only))
  }

  /** Notes what is known of a member's hub; takes no revision, for no client sees it. */
  noteHub(userId: number, note: Partial<Pick<MemberRow, 'asleep' | 'nap' | 'told'>>): void {
    const member = this.#state.member(userId)
    if (member) this.#state.putMember({ ...member, ...note })
  }

  /** A hub fell asleep. One that woke meanwhile said so with the same number, and its wake stands. */
  noteAsleep(userId: number, nap: number): void {
    const member = this.member(userId)
    if (member && !member.asleep && nap > member.nap) this.noteHub(userId, { asleep: true })
  }

  /** Notes who of the two has blocked the other; takes no revision, for neither is told. */
  noteBlockers(blockers: number[]): void {
    for (const member of this.#state.everybody()) {
      const blocks = blockers.includes(member.userId)
      if (blocks !== member.blocks) this.#state.putMember({ ...member, blocks })
    }
  }

  /** The two people of a direct conversation; null for a group. */
  pair(): [number, number] | null {
    const [one, other] = this.#state.everybody()
    return this.#state.kind === 'direct' && one && other ? [one.userId, other.userId] : null
  }

  /** Adds the first members. The first of them made the conversation, which in a group makes its owner. */
  found(userIds: number[], now: number): void {
    userIds.forEach((userId, i) => {
      joinMember(this.#state, { userId, role: i === 0 && this.#state.kind === 'group' ? 'owner' : 'member' }, now)
    })
  }

  /**
   * Begins a new log where an older state of the storage came back: what hubs and clients know of the old one no longer fits. Present
   * members are told again; who is `erased` since is erased again and told nothing.
   */
  renew(input: { epoch: string; erased: number[]; now: number }): void {
    const { epoch, erased, now } = input
    this.#state.changeConversation({ epoch })
    for (const { userId } of this.#state.present()) this.noteHub(userId, { told: false, asleep: false })
    for (const userId of erased) {
      while (erasesMore(this.apply(userId, { type: 'member.erase', conversationId: this.id }, now))) {
        // A part at a time.
      }
      this.noteHub(userId, { told: true })
    }
  }

  get createdAt(): number {
    return this.#state.row.createdAt
  }

  get seq(): number {
    return this.#state.seq
  }

  /** Everybody who is or was in it, and those who are in. */
  userIds(): { all: number[]; present: number[] } {
    const idOf = ({ userId }: MemberRow) => userId
    return { all: this.#state.everybody().map(idOf), present: this.#state.present().map(idOf) }
  }

  intimates(): number[] {
    return intimatesOf(this.#state)
  }

  entry(member: MemberRow): InboxEntry {
    return entryOf(this.#state, member)
  }

  catchUp(after: number): CatchUp {
    return catchUpOf(this.#state, after)
  }

  apply(userId: number, order: Order, now: number): Outcome {
    const state = this.#state
    const actor = state.member(userId)
    if (!actor) return refused(refuse('conversation.not_found'))
    // Also of what they left, and of what is deleted for everybody.
    if (order.type === 'member.erase') return eraseMember({ state, actor, now })
    if (this.isDeleted) return refused(refuse('conversation.not_found'))
    if (actor.leftAt !== null) {
      const otherwise = refuse('conversation.not_found')
      // Removed between a message and the repeat of a call that got no answer: a refusal would say that it was not stored.
      return order.type === 'message.send' ? repeatOf(state, { actor, order, otherwise }) : refused(otherwise)
    }
    const given = { state, actor, now }
    switch (order.type) {
      case 'message.send':
        return sendMessage({ ...given, order })
      case 'message.edit':
        return editMessage({ ...given, order })
      case 'message.delete':
        return deleteMessage({ ...given, order })
      case 'reaction.add':
      case 'reaction.remove':
        return reactToMessage({ ...given, order })
      case 'pin.add':
      case 'pin.remove':
        return pinMessage({ ...given, order })
      case 'message.get':
        return getMessage(state, order.messageId)
      case 'read.mark':
        return markRead({ ...given, order })
      case 'typing.start':
      case 'typing.stop':
        return signalTyping({ ...given, order })
      case 'changes.get':
        return answered(changesOf(state, order.since, order.limit))
      case 'history.get':
        return answered(historyOf(state, order))
      case 'entry.get':
        return answered(entryOf(state, actor))
      case 'members.get':
        return answered(memberListOf(state))
      case 'member.add':
        return addMembers(given, order)
      case 'member.remove':
        return removeMember(given, order.userId)
      case 'member.role':
        return changeRole(given, order)
      case 'conversation.rename':
        return rename(given, order.title)
      case 'conversation.delete':
        return deleteConversation(given)
    }
  }
}

const erasesMore = ({ answer }: Outcome): boolean => answer.ok && (JSON.parse(answer.json) as { more: boolean }).more
