import { accept, acceptCatchUp, fitsCatchUp, hasGap, newRevOrder, type RevOrder } from '../core/rev-order.ts'
import type { InboxEntry } from '../protocol/conversation.ts'
import { ConversationEvent, type EventOf } from '../protocol/events.ts'
import { nextInboxEntry } from '../protocol/inbox.ts'
import type { Batch, CatchUp, Left } from './batch.ts'
import type { HubStore } from './hub-store.ts'

/**
 * Characters of frames that are kept for one conversation until its entry is read, which may be in days. Above this it is cheaper to ask
 * the conversation for its entry.
 */
const MAX_TAIL = 64 * 1024
/** The same for all conversations, counted since all that was kept was last dropped. */
const MAX_TAILS = 4 * 1024 * 1024
/** A conversation that was quiet for this long is worth a clean row: a later hello then need not ask for it. */
const QUIET_MS = 60 * 60 * 1000

type Subscription = {
  /** The log that the revisions are of: a restoration begins another one. */
  epoch: string
  stale: boolean
  asleep: boolean
  nap: number
  order: RevOrder
  /** The entry as of some revision, and the frames after it that nobody has looked at yet. */
  base: InboxEntry | null
  tail: string[]
  tailCharacters: number
  /** How far the user has read, as far as frames told that have no revision. */
  markedSeq: number
  /** The last revision that came, whether somebody heard it or not: an entry from before it is out of date. */
  lastRev: number
}

/**
 * How far the sockets have heard the conversations that spoke last, kept where a hibernation does not reach. Noting one may push out another,
 * which is answered.
 */
type Sockets = {
  size: number
  heard: (conversationId: number) => number | null
  noteHeard: (conversationId: number, rev: number | null) => { conversationId: number; rev: number } | null
}

/** The user's conversations as the hub knows them: which there are, where each stands, and what its entry says. */
export class InboxBook {
  readonly #store: HubStore
  readonly #userId: number
  readonly #sockets: Sockets
  readonly #subscriptions = new Map<number, Subscription>()
  /** Those that something is about to change in: what they say now is soon of the past. */
  readonly #expecting = new Set<number>()
  #keptCharacters = 0

  constructor({ store, userId, sockets }: { store: HubStore; userId: number; sockets: Sockets }) {
    this.#store = store
    this.#userId = userId
    this.#sockets = sockets
    for (const { heard, ...row } of store.flags()) {
      // What a row says of sockets that have closed since is of the past.
      const known = sockets.heard(row.conversationId) ?? (sockets.size > 0 ? heard : null)
      this.#subscriptions.set(row.conversationId, { ...row, order: newRevOrder(known), ...nothing() })
    }
  }

  ids(): number[] {
    return [...this.#subscriptions.keys()]
  }

  has(conversationId: number): boolean {
    return this.#subscriptions.has(conversationId)
  }

  subscription(conversationId: number): Readonly<Subscription> | undefined {
    return this.#subscriptions.get(conversationId)
  }

  /** Whether these are of a log that came before the one that is followed here, or after it. */
  isOfAnotherLog({ conversationId, epoch }: Pick<Batch, 'conversationId' | 'epoch'>): boolean {
    const subscription = this.#subscriptions.get(conversationId)
    return subscription !== undefined && subscription.epoch !== epoch
  }

  /** Takes frames in; answers those that are due, in order: where nobody is here, none. */
  receive(batch: Batch): string[] {
    const subscription = this.#subscriptions.get(batch.conversationId)
    if (subscription?.epoch !== batch.epoch || (subscription.asleep && this.#sockets.size === 0)) return []
    subscription.lastRev = Math.max(subscription.lastRev, ...batch.revs)
    if (batch.revs.some((rev, i) => rev > 0 || isMark(batch.frames[i]))) this.#touch(batch.conversationId, subscription)
    const due = accept(subscription.order, batch)
    this.#note(batch.conversationId, subscription)
    for (const [i, rev] of batch.revs.entries())
      if (rev === 0) subscription.markedSeq = Math.max(subscription.markedSeq, markOf(batch.frames[i]))
    if (subscription.base) {
      subscription.tail.push(...due)
      for (const frame of due) {
        subscription.tailCharacters += frame.length
        this.#keptCharacters += frame.length
      }
    }
    if (subscription.tailCharacters > MAX_TAIL) forget(subscription)
    if (this.#keptCharacters > MAX_TAILS) this.#forgetTails()
    return due
  }

  receiveCatchUp(catchUp: CatchUp): string[] {
    const subscription = this.#subscriptions.get(catchUp.conversationId)
    if (subscription?.epoch !== catchUp.epoch) return []
    this.#touch(catchUp.conversationId, subscription)
    const due = acceptCatchUp(subscription.order, catchUp)
    this.#note(catchUp.conversationId, subscription)
    // Collapsed changes say where things stand, not how many there were: only the conversation can count.
    if (due.length > 0) forget(subscription)
    return due
  }

  /** What its entry says may be out of date: it is asked for when it is next needed. */
  doubt(conversationId: number): void {
    const subscription = this.#subscriptions.get(conversationId)
    if (!subscription) return
    this.#touch(conversationId, subscription)
    forget(subscription)
  }

  /** Something is about to change there. Where the word of it does not come, the row must not say that nothing did. */
  expectChange(conversationId: number): void {
    this.#expecting.add(conversationId)
    const subscription = this.#subscriptions.get(conversationId)
    if (subscription) this.#touch(conversationId, subscription)
  }

  /** The word of it came, or never will. */
  expectNoMore(conversationId: number): void {
    this.#expecting.delete(conversationId)
  }

  /** Whether a catch-up goes on from what the sockets have seen, or begins behind it. */
  fits(catchUp: CatchUp): boolean {
    const subscription = this.#subscriptions.get(catchUp.conversationId)
    if (!subscription) return true
    if (subscription.epoch !== catchUp.epoch) return false
    this.#touch(catchUp.conversationId, subscription)
    return fitsCatchUp(subscription.order, catchUp)
  }

  /** Whether a frame is missing, given where the conversation says it stands. */
  lags(conversationId: number, head: number): boolean {
    const order = this.#subscriptions.get(conversationId)?.order
    return order !== undefined && (hasGap(order) || (order.known !== null && order.known < head))
  }

  join(entry: InboxEntry, options: { asleep: boolean; now: number }): number {
    const conversationId = entry.conversation.id
    // A subscription that went with an earlier membership took its number along: counting from the time stays above it.
    const nap = (this.#subscriptions.get(conversationId)?.nap ?? options.now) + (options.asleep ? 1 : 0)
    const { asleep } = options
    // Nobody listens during a nap: how far the sockets are is known when it ends.
    const heard = asleep ? null : entry.rev
    const row = { conversationId, stale: asleep, asleep, nap }
    this.#store.putInbox({ ...row, entry: asleep ? outlineOf(entry) : entry, heard })
    this.#sockets.noteHeard(conversationId, null)
    const { epoch } = entry
    const base = asleep ? null : entry
    this.#subscriptions.set(conversationId, { ...row, epoch, order: newRevOrder(heard), ...nothing(), base })
    return nap
  }

  /** The user was in already, or had left and the hub was not told of that: the entry says since when that is overtaken. */
  joinAgain(entry: InboxEntry): void {
    const conversationId = entry.conversation.id
    const subscription = this.#subscriptions.get(conversationId)
    if (!subscription || entry.rev <= (this.entryOnce(conversationId)?.rev ?? 0)) return
    this.#touch(conversationId, subscription)
    forget(subscription)
    this.#store.updateInbox(conversationId, { entry: outlineOf(entry) })
  }

  /** Whether the user left after this entry was made, so that the word of the joining comes late. */
  hasLeft({ conversation, epoch, rev }: InboxEntry): boolean {
    const left = this.#store.left(conversation.id)
    return left?.epoch === epoch && left.rev > rev
  }

  /** Answers false where the user was not in, or joined again since. */
  leave(conversationId: number, left: Left): boolean {
    const entry = this.entryOnce(conversationId)
    if (left && entry?.epoch === left.epoch && entry.rev > left.rev) return false
    this.#store.putParted(conversationId, left)
    this.#sockets.noteHeard(conversationId, null)
    if (!this.#subscriptions.delete(conversationId)) return false
    this.#store.deleteInbox(conversationId)
    return true
  }

  /** Those that the user is in, and those that the user was in. */
  everIn(): number[] {
    return [...new Set([...this.ids(), ...this.#store.parted()])]
  }

  /** Deletes every trace of it, the note of having left too. */
  forget(conversationId: number): void {
    this.leave(conversationId, null)
    this.#store.deleteParted(conversationId)
  }

  /** Nobody is here: the conversation need not call again. Answers the number of this nap. */
  fallAsleep(conversationId: number): number {
    const subscription = this.#subscriptions.get(conversationId)
    if (!subscription) return 0
    // Where it is asleep already, the conversation thinks that it woke since: the next number says that it did not.
    subscription.nap += 1
    const { nap } = subscription
    if (subscription.asleep) this.#store.updateInbox(conversationId, { nap })
    else this.#store.updateInbox(conversationId, { ...this.#stale(conversationId), asleep: true, nap, heard: null })
    subscription.asleep = true
    subscription.stale = true
    forget(subscription)
    subscription.order = newRevOrder()
    this.#sockets.noteHeard(conversationId, null)
    return subscription.nap
  }

  /** The entry as it stands, if that can be told without asking the conversation. */
  peek(conversationId: number): InboxEntry | null {
    const subscription = this.#subscriptions.get(conversationId)
    if (!subscription || subscription.asleep) return null
    if (!subscription.base && !subscription.stale) this.#load(conversationId, subscription)
    let entry = subscription.base
    for (const frame of subscription.tail) {
      const event = ConversationEvent.safeParse(JSON.parse(frame))
      if (entry && event.success) entry = nextInboxEntry(entry, event.data, this.#userId)
    }
    forget(subscription)
    subscription.base = entry
    return entry
  }

  /** The entry as it once was: what never changes of a conversation can be read from it, whatever happened since. */
  entryOnce(conversationId: number): InboxEntry | null {
    const subscription = this.#subscriptions.get(conversationId)
    return subscription ? (subscription.base ?? this.#store.entry(conversationId) ?? null) : null
  }

  /** Takes the entry that the conversation gave. Where `nap` is given, it was told of that, and calls us again if it was the last one. */
  learn(entry: InboxEntry, options: { nap: number | null; now: number }): void {
    const conversationId = entry.conversation.id
    const subscription = this.#subscriptions.get(conversationId)
    // It began another one while the answer was under way, and the conversation knows of that.
    if (!subscription || (subscription.asleep && options.nap !== null && options.nap !== subscription.nap)) return
    const lastActivity = Date.parse(entry.lastMessage?.createdAt ?? entry.conversation.createdAt)
    // A frame overtook the entry on its way: it is out of date already, and the caller asks once more.
    const isOvertaken =
      Math.max(subscription.order.known ?? 0, subscription.lastRev) > entry.rev ||
      subscription.markedSeq > entry.readSeq
    const quiet = !isOvertaken && !this.#expecting.has(conversationId) && options.now - lastActivity > QUIET_MS
    if (options.nap !== null && subscription.asleep) {
      subscription.asleep = false
      // Nobody listened during the nap, so nothing of it is on its way; what came since may wait already. Where frames were told before the
      // conversation could be asked, what lies between is to be told too.
      if (!isOvertaken && subscription.order.known === null) {
        const held = [...subscription.order.held].filter(([rev]) => rev > entry.rev)
        subscription.order = { known: entry.rev, held: new Map(held) }
      }
      subscription.stale = !quiet
      const heard = subscription.order.known
      this.#store.updateInbox(conversationId, {
        asleep: false,
        stale: subscription.stale,
        heard,
        ...(quiet ? { entry } : {}),
      })
    } else if (quiet && subscription.stale && !subscription.asleep) {
      subscription.stale = false
      this.#store.updateInbox(conversationId, { entry, stale: false, heard: subscription.order.known ?? entry.rev })
    }
    if (subscription.asleep || isOvertaken) return
    forget(subscription)
    subscription.base = entry
    if (subscription.order.known !== null) return
    subscription.order.known = entry.rev
    this.#note(conversationId, subscription)
  }

  /** Nobody has heard anything yet. Where a conversation sleeps still, what somebody heard who is gone by now counts no more. */
  startOver(): void {
    for (const subscription of this.#subscriptions.values()) if (subscription.asleep) subscription.order = newRevOrder()
  }

  #forgetTails(): void {
    this.#keptCharacters = 0
    for (const subscription of this.#subscriptions.values()) if (subscription.tail.length > 0) forget(subscription)
  }

  #note(conversationId: number, { order }: Subscription): void {
    const forgotten = this.#sockets.noteHeard(conversationId, order.known)
    if (forgotten) this.#store.updateInbox(forgotten.conversationId, { heard: forgotten.rev })
  }

  #touch(conversationId: number, subscription: Subscription): void {
    if (subscription.stale) return
    this.#load(conversationId, subscription)
    subscription.stale = true
    this.#store.updateInbox(conversationId, this.#stale(conversationId))
  }

  #stale(conversationId: number): { stale: true; entry?: InboxEntry } {
    const entry = this.entryOnce(conversationId)
    return { stale: true, ...(entry && { entry: outlineOf(entry) }) }
  }

  /** A row that is not stale says where the conversation stands: what comes next must follow it. */
  #load(conversationId: number, subscription: Subscription): void {
    if (subscription.base) return
    subscription.base = this.#store.entry(conversationId) ?? null
    if (subscription.base && subscription.order.known === null) subscription.order.known = subscription.base.rev
  }
}

const nothing = () => ({ base: null, tail: [], tailCharacters: 0, markedSeq: 0, lastRev: 0 })

/** A private mark has no revision and is in the entry all the same; typing is not. */
const isMark = (frame = ''): boolean => frame.startsWith('{"type":"read.changed"')

/** What never changes of a conversation, and nothing that was said. */
const outlineOf = (entry: InboxEntry): InboxEntry => ({
  ...entry,
  conversation: { ...entry.conversation, title: null },
  lastMessage: null,
})

/** How far a private mark says that the user has read. */
const markOf = (frame = ''): number => (isMark(frame) ? (JSON.parse(frame) as EventOf<'read.changed'>).seq : 0)

const forget = (subscription: Subscription): void => {
  subscription.base = null
  subscription.tail = []
  subscription.tailCharacters = 0
}
