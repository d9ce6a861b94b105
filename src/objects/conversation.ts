import { DurableObject } from 'cloudflare:workers'
import migrations from '../../migrations/conversation/migrations.js'
import { isContested, type Order } from '../core/orders.ts'
import { DAY_MS } from '../core/time.ts'
import { blockersAmong } from '../directory/blocks.ts'
import type { Created, FirstMembers } from '../directory/context.ts'
import { erasedAmong } from '../directory/restoration.ts'
import { count, countDelivery, isReportDue, reportMetrics } from '../directory/metrics.ts'
import { askDirectory } from './ask-directory.ts'
import { FOR_GOOD } from './log-state.ts'
import { logFault } from '../directory/faults.ts'
import type { BackupPage, Loaded, LoadConversationRows } from '../protocol/backup.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Restored } from '../protocol/restoration.ts'
import { loadRows, pageOf } from './backup.ts'
import type { CatchUp, EntryAnswer, Submitted } from './batch.ts'
import { PART_CHARACTERS } from './call-size.ts'
import { ConversationLog } from './conversation-log.ts'
import { ConversationStore } from './conversation-store.ts'
import { countedStorage } from './counted-storage.ts'
import { FanOut } from './fan-out.ts'
import { Guard } from './guard.ts'
import { leftBy, MembershipNotices } from './membership-notices.ts'
import { hasStorage, migrateStorage } from './migrate.ts'
import { type Emission, LATER, ofAnotherTry, type Outcome, refused } from './outcome.ts'
import { keptHubs } from './stubs.ts'
import { type Turn, Turns } from './turns.ts'
import { CALL_LIMIT_MS } from './within.ts'

/** Orders after which somebody may have to be told of being in or out. */
const MEMBERSHIP = {
  'message.send': false,
  'message.edit': false,
  'message.delete': false,
  'reaction.add': false,
  'reaction.remove': false,
  'pin.add': false,
  'pin.remove': false,
  'read.mark': false,
  'typing.start': false,
  'typing.stop': false,
  'changes.get': false,
  'entry.get': false,
  'history.get': false,
  'message.get': false,
  'members.get': false,
  'member.add': true,
  'member.remove': true,
  'member.role': false,
  'member.erase': true,
  'conversation.rename': false,
  'conversation.delete': true,
} satisfies Record<Order['type'], boolean>
/** The answers of a turn are kept for another try only while they and its frames are no longer than this, in characters: those about a full group's members fit. */
const MAX_NOTED = 512 * 1024
/** Between two parts of the messages of a deleted conversation, so that a million of them take some minutes. */
const REMAINS_PAUSE_MS = 500
/** So far back the platform keeps the history of an object. */
const HISTORY_MS = 30 * DAY_MS

/** One conversation: the only writer of its messages, members and read marks, in its own storage. */
export class Conversation extends DurableObject<Env> {
  #log: ConversationLog | null = null
  #fanOut: FanOut | null = null
  #guard: Guard | null = null
  #notices: MembershipNotices | null = null
  #blocksRead: Promise<unknown> = Promise.resolve()
  #isRewinding = false
  /** While messages are deleted, part by part. */
  #tellAgainAt = 0
  readonly #turns = new Turns()

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    void ctx.blockConcurrencyWhile(async () => {
      if (!hasStorage(ctx.storage)) return
      await migrateStorage(ctx.storage, migrations)
      const alarmAt = await ctx.storage.getAlarm()
      const log = this.#wire({ isAlarmSet: alarmAt !== null })
      if (log && alarmAt !== null && !log.isRenewalDue) this.#takeUp(log, alarmAt)
    })
  }

  /**
   * Makes the conversation with its first members, of whom the first made it. Doing it again changes nothing, so that a
   * registry row whose object was never reached heals by another try. Answers the entry of the first member, or null where the
   * conversation was deleted; and whose hubs do not know of it yet: they refuse what their users say there.
   */
  async create(input: FirstMembers): Promise<Created | Refusal> {
    const { conversationId, kind, title, userIds } = input
    const [creator = 0] = userIds
    if (!this.#log) {
      if (!hasStorage(this.ctx.storage)) await migrateStorage(this.ctx.storage, migrations)
      // Two first calls may both have waited for the migration; the first to come back here founds it.
      this.#found({ conversationId, kind, title, userIds, creator })
    } else {
      // A block or an unblock may not have reached it.
      await this.blocksChanged()
    }
    if (this.#log?.isRenewalDue) return LATER
    await this.#notices?.send()
    const untold = this.#log?.untold().map(({ userId }) => userId) ?? []
    return { entry: this.entryFor({ userId: creator, nap: null }).entry, untold }
  }

  /**
   * Takes the orders of one member, in order, and answers each. The events that they made come back with the answers: they are
   * the sender's own delivery. An answer means that what it says is durable. Orders that no answer came for are to be posted again.
   * Refuses with `server.unavailable` a try that comes after a later turn of the same hub; another try of a turn with orders that are not
   * to be performed twice gets the answers of the first, and what another try of other orders is refused is refused so too.
   */
  async submit(input: { userId: number; orders: Order[]; turn?: Turn }): Promise<Submitted> {
    const log = this.#log
    const submitted: Submitted = {
      answers: [],
      batch: { conversationId: log?.id ?? 0, epoch: log?.epoch ?? '', revs: [], frames: [] },
      rev: 0,
    }
    if (this.#log?.isRenewalDue) return { ...submitted, answers: input.orders.map(() => LATER) }
    const taken = input.turn ? this.#turns.take(input.userId, input.turn) : null
    if (taken === 'late') {
      return { ...submitted, answers: input.orders.map(() => LATER) }
    }
    if (taken !== null && taken !== 'again') {
      await this.#notices?.send()
      return { ...submitted, answers: taken, rev: log?.rev ?? 0 }
    }
    let characters = 0
    for (const order of input.orders) {
      if (characters > PART_CHARACTERS) break
      if (!log) {
        submitted.answers.push(refuse('conversation.not_found'))
        continue
      }
      const outcome = this.#apply(log, input.userId, order)
      submitted.answers.push(outcome.answer)
      if (order.type === 'message.send' && outcome.emissions.length > 0) count('causerie_messages_total')
      if (outcome.answer.ok) characters += outcome.answer.json.length
      for (const emission of outcome.emissions) {
        this.#emit(emission, input.userId, submitted)
        characters += emission.frame.length
      }
    }
    submitted.rev = log?.rev ?? 0
    if (taken === 'again') submitted.answers = ofAnotherTry(submitted.answers)
    if (input.turn && input.orders.some(isContested) && characters < MAX_NOTED) {
      this.#turns.note(input.userId, input.turn, { answers: submitted.answers, characters })
    }
    // For the word to those whom others added or removed nobody else waits.
    if (input.orders.some(({ type }) => MEMBERSHIP[type])) await this.#tellWhoIsIn()
    if (isReportDue(Date.now())) this.#report()
    return submitted
  }

  /** A throw in the middle must leave nothing of a change, neither in the storage nor in memory. */
  #apply(log: ConversationLog, userId: number, order: Order): Outcome {
    try {
      return this.ctx.storage.transactionSync(() => log.apply(userId, order, Date.now()))
    } catch (error) {
      logFault('order.failed', error, { conversationId: log.id, userId, type: order.type })
      log.reload()
      return refused(refuse('server.fault'))
    }
  }

  /** Whether this member's own hub does not know yet that they are in: it refuses what they say there. */
  isUntold(userId: number): boolean {
    return this.#log?.member(userId)?.told === false
  }

  /**
   * The entry of one member's inbox, or that the user is not a member. `nap` is given by a hub that woke from that nap: from now on it is
   * called again.
   */
  entryFor(input: { userId: number; nap: number | null }): EntryAnswer {
    this.#refuseWhileRenewing()
    const { userId, nap } = input
    const log = this.#log
    const member = log?.member(userId)
    if (!log) return { entry: null, left: null }
    if (!member || member.leftAt !== null || log.isDeleted) {
      return { entry: null, left: member ? leftBy(log, member) : null }
    }
    if (nap !== null) this.#report()
    // A greeting of before the erasure must not undo that.
    const wakes = nap !== null && member.nap !== FOR_GOOD && (member.asleep || nap > member.nap)
    if (wakes) log.noteHub(userId, { asleep: false, nap })
    return { entry: log.entry(member) }
  }

  /** A part of what changed above `after`, for a hub that missed something; null where the user is not a member. */
  catchUpFor({ userId, after }: { userId: number; after: number }): CatchUp | null {
    this.#refuseWhileRenewing()
    const member = this.#log?.member(userId)
    if (!this.#log || !member || member.leftAt !== null) return null
    return this.#log.catchUp(after)
  }

  /**
   * Reads from the directory who of the two has blocked the other, so that sending need not ask. False where there is no such
   * conversation yet. One reading at a time: an older answer must not come after a newer one.
   */
  async blocksChanged(): Promise<boolean> {
    const pair = this.#log?.pair()
    if (!pair) return this.#log !== null
    const read = this.#blocksRead.then(async () => {
      this.#log?.noteBlockers(await askDirectory(this.env, (db) => blockersAmong(db, pair)))
    })
    this.#blocksRead = read.catch(() => undefined)
    await read
    return true
  }

  /**
   * Has the platform put the storage back to how it stood at `time`, in milliseconds since 1970, which it does when this object next starts;
   * `reopen` is to follow.
   * Answers who is a member now, or was before a restoration that is not done yet. Refuses with `conversation.not_found`, `restore.out_of_range` and `restore.unavailable`.
   */
  async rewind(time: number): Promise<number[] | Refusal> {
    const log = this.#log
    if (!log) return refuse('conversation.not_found')
    const now = Date.now()
    if (time < log.createdAt || time < now - HISTORY_MS || time > now) return refuse('restore.out_of_range')
    try {
      const { storage } = this.ctx
      await storage.onNextSessionRestoreBookmark(await storage.getBookmarkForTime(time))
    } catch (error) {
      logFault('rewind.failed', error, { level: 'warn', conversationId: log.id })
      return refuse('restore.unavailable')
    }
    this.#isRewinding = true
    return [...new Set([...log.userIds().present, ...log.former()])]
  }

  /**
   * Goes on with the storage that came back: as a new log, which all who were in then are told of, and `former` members who were not are
   * told that they are out. Doing it again is harmless. Throws until the object has started anew.
   */
  async reopen(former: number[]): Promise<Restored> {
    if (this.#isRewinding) this.ctx.abort('restored')
    const log = this.#log
    if (!log) throw new Error('nothing came back')
    log.oweRenewal(former)
    const { present, epoch } = await this.#renew(log)
    await this.#tellWhoIsIn()
    return { conversationId: log.id, epoch, rev: log.rev, seq: log.seq, memberIds: present }
  }

  /** A part of what a backup holds of this conversation, behind the message of this number. Empty where it was never created. */
  backup(cursor: number): BackupPage {
    return this.#log ? pageOf(this.ctx.storage, cursor) : { items: [], nextCursor: null }
  }

  /**
   * Takes rows of a backup; with the last, the conversation's own, it begins as a new log, and its members are told. Doing it again changes
   * nothing but that. Refuses with `request.invalid`, and with `backup.occupied` where there is something else.
   */
  async load(input: LoadConversationRows & { conversationId: number }): Promise<Loaded | Refusal> {
    if (!hasStorage(this.ctx.storage)) await migrateStorage(this.ctx.storage, migrations)
    const loaded = loadRows(countedStorage(this.ctx.storage), { ...input, isThere: this.#log !== null })
    if (isRefusal(loaded) || input.table !== 'conversation') return loaded
    const log = this.#log ?? this.#wire({ isAlarmSet: false })
    if (!log) throw new Error('nothing was loaded')
    log.oweRenewal([])
    const { erased, all, present } = await this.#renew(log)
    // Who left: the hub remembers what its user was in, for the day on which the account ends.
    const left = all.filter((id) => !present.includes(id) && !erased.includes(id))
    await Promise.all(left.map(async (userId) => this.#notices?.sendFormer(userId)))
    await this.#tellWhoIsIn()
    return loaded
  }

  /**
   * The guard of the deliveries: set before a burst, it fires where nobody took it back. Then what an earlier life left is taken up, calls
   * that do not end are made again, those who joined or left are told so, and of a deleted conversation some messages more are deleted. Running
   * it twice changes nothing.
   */
  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    const log = this.#log
    if (!log || !this.#guard || !this.#fanOut) return
    if (this.#guard.fired()) this.#fanOut.giveUpCalls(Date.now() - CALL_LIMIT_MS)
    else if (!log.isRenewalDue) this.#takeUp(log, info?.scheduledTime ?? Date.now())
    if (log.hasRemains) log.deleteRemains()
    if (log.hasRemains) this.#guard.arm(REMAINS_PAUSE_MS)
    else if (!this.#fanOut.settled) this.#guard.arm()
    if (log.isRenewalDue) {
      await this.#renew(log).catch((error: unknown) => logFault('renew.failed', error, { conversationId: log.id }))
    }
    await this.#tellNowAndThen(log)
    this.#report()
  }

  /**
   * Begins a new log with what the storage holds now, and without accounts that ended since. Until it is known which those are, and who has
   * blocked whom, nobody reads or writes: also where that fails or the object dies, for then the guard asks again.
   */
  async #renew(log: ConversationLog) {
    this.#guard?.arm()
    const erased = await askDirectory(this.env, (db) => erasedAmong(db, log.userIds().all))
    const epoch = crypto.randomUUID()
    log.renew({ epoch, erased, now: Date.now() })
    await this.blocksChanged()
    log.endRenewal()
    return { epoch, erased, ...log.userIds() }
  }

  #refuseWhileRenewing(): void {
    if (this.#log?.isRenewalDue) throw new Error('It is being restored.')
  }

  /** To be done after a change of who is in: a conversation that nobody is in any more is deleted. */
  async #tellWhoIsIn(): Promise<void> {
    if (this.#log?.hasRemains) this.#guard?.arm()
    await this.#notices?.send()
  }

  /** What is deleted does not wait for a hub that cannot be reached, and that hub is not called with each part. */
  async #tellNowAndThen(log: ConversationLog): Promise<void> {
    if (log.isRenewalDue || !this.#notices) return
    if (!log.hasRemains) return this.#notices.send()
    if (Date.now() < this.#tellAgainAt) return
    this.#tellAgainAt = Date.now() + Guard.DELAY_MS
    this.ctx.waitUntil(this.#notices.send())
  }

  #found(input: FirstMembers & { creator: number }) {
    if (this.#log) return
    const { conversationId, kind, title, userIds, creator } = input
    const now = Date.now()
    this.ctx.storage.transactionSync(() => {
      this.#store().insertConversation({
        id: conversationId,
        kind,
        title,
        createdBy: creator,
        createdAt: now,
        epoch: crypto.randomUUID(),
        readReceipts: new Set(userIds).size <= LIMITS.intimateMembers,
        deletedAt: null,
        rev: 1,
        renewal: null,
      })
      this.#wire({ isAlarmSet: false })?.found([...new Set(userIds)], now)
    })
  }

  #store(): ConversationStore {
    return new ConversationStore(countedStorage(this.ctx.storage))
  }

  #wire({ isAlarmSet }: { isAlarmSet: boolean }): ConversationLog | null {
    const store = this.#store()
    const row = store.conversation()
    if (!row) return null
    const log = new ConversationLog(store, row)
    const guard = new Guard(countedStorage(this.ctx.storage), {
      isAlarmSet,
      isSettled: () => fanOut.settled && log.isToldToAll && !log.hasRemains && !log.isRenewalDue,
      isWaiting: () => {
        fanOut.giveUpCalls(Date.now() - CALL_LIMIT_MS)
        return !fanOut.settled
      },
    })
    const hubs = keptHubs(this.env)
    const fanOut = new FanOut({
      log,
      deliver: (userId, batch) => hubs.get(userId).deliver(batch),
      deliverCatchUp: (userId, catchUp) => hubs.get(userId).deliverCatchUp(catchUp),
      catchUpFor: (after) => {
        this.#refuseWhileRenewing()
        return log.catchUp(after)
      },
      onAsleep: (userId, nap) => log.noteAsleep(userId, nap),
      onDelivered: countDelivery,
      onSettled: () => guard.settle(),
      onFailure: (userId, error) => {
        hubs.drop(userId)
        logFault('fan-out.failed', error, { conversationId: row.id, userId })
      },
    })
    this.#log = log
    this.#guard = guard
    this.#fanOut = fanOut
    this.#notices = new MembershipNotices({ env: this.env, log, fanOut, guard })
    // Work that an earlier life left behind, with no alarm to take it up: a fired alarm is gone.
    if (!log.isToldToAll || log.hasRemains || log.isRenewalDue) guard.arm()
    return log
  }

  /**
   * An earlier life may have died between its writes and its deliveries, and left its alarm. So every awake member is told again what changed
   * since that was set: a hub drops what it has seen, and asks for what it misses from before.
   */
  #takeUp(log: ConversationLog, alarmAt: number): void {
    const setAt = alarmAt - Guard.DELAY_MS
    const after = this.#store().revBefore(setAt - 1_000)
    for (const userId of log.audience({ rev: 0, frame: '' })) this.#fanOut?.catchUp(userId, after)
  }

  #emit(emission: Emission, senderId: number, submitted: Submitted): void {
    for (const userId of this.#log?.audience(emission) ?? []) {
      if (userId === senderId) continue
      // Typing is not worth an alarm: it is stale before the alarm would fire.
      if (emission.rev > 0) this.#guard?.arm()
      this.#fanOut?.push(userId, emission.rev, emission.frame)
    }
    if (emission.except === senderId || (emission.only ?? senderId) !== senderId) return
    submitted.batch.revs.push(emission.rev)
    submitted.batch.frames.push(emission.frame)
  }

  /** Once a minute at most, whoever calls. */
  #report(): void {
    this.ctx.waitUntil(reportMetrics(this.env, Date.now()))
  }
}
