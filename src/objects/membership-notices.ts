import { logFault } from '../directory/faults.ts'
import type { Left, Nap } from './batch.ts'
import type { ConversationLog } from './conversation-log.ts'
import type { MemberRow } from './conversation-schema.ts'
import type { FanOut } from './fan-out.ts'
import type { Guard } from './guard.ts'
import { Rounds } from './rounds.ts'
import { hubOf } from './stubs.ts'
import { CALL_LIMIT_MS, withinTwice } from './within.ts'

type Deps = { env: Env; log: ConversationLog; fanOut: FanOut; guard: Guard }

/** After these pauses it is tried again, for until then somebody finds no conversation, or one that is not theirs any more. */
const PAUSES_MS = [500, 2_000]

/** Tells the hubs of those who joined or left. What cannot be told now is told by the alarm. */
export class MembershipNotices {
  readonly #deps: Deps
  readonly #tellings = new Map<number, Rounds<void>>()
  /** How often each was tried in vain. */
  #tries = new Map<number, number>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Tells all who are not told yet, once it is known who is in. */
  async send(): Promise<void> {
    const { log, guard, fanOut } = this.#deps
    if (log.isRenewalDue || log.isToldToAll) return
    guard.arm()
    await Promise.all(this.#untold().map((userId) => this.#tellingOf(userId).next(() => this.#tell(userId))))
    const missed = this.#untold()
    this.#tries = new Map(missed.map((userId) => [userId, (this.#tries.get(userId) ?? 0) + 1]))
    if (missed.length === 0) {
      if (fanOut.settled) guard.settle()
      return
    }
    guard.arm()
    const pause = PAUSES_MS[Math.min(...this.#tries.values()) - 1]
    if (pause !== undefined) setTimeout(() => void this.send(), pause)
  }

  /** Tells a hub that knows nothing of it yet that its user was in and left. */
  async sendFormer(userId: number): Promise<void> {
    const { env, log } = this.#deps
    const [member, hub] = [log.member(userId), hubOf(env, userId)]
    if (member) await hub.join(log.entry(member))
    await hub.leave(log.id, null)
  }

  #untold(): number[] {
    const { log } = this.#deps
    return [...new Set([...log.former(), ...log.untold().map(({ userId }) => userId)])]
  }

  /** One call at a time for each member: of two under way at once nobody could say which the hub took last. */
  #tellingOf(userId: number): Rounds<void> {
    const telling = this.#tellings.get(userId) ?? new Rounds<void>()
    this.#tellings.set(userId, telling)
    return telling
  }

  async #tell(userId: number): Promise<void> {
    const { env, log, fanOut } = this.#deps
    if (log.former().includes(userId) && !(await this.#tellFormer(userId))) return
    const member = log.member(userId)
    if (!member || member.told) return
    // Joined or left while the call was under way: that is still to be told.
    const isCurrent = () => {
      const current = log.member(userId)
      return current?.joinedAt === member.joinedAt && current.leftAt === member.leftAt
    }
    try {
      if (member.leftAt !== null) {
        fanOut.drop(userId)
        await withinTwice(CALL_LIMIT_MS, () => hubOf(env, userId).leave(log.id, leftBy(log, member), log.intimates()))
        if (isCurrent()) log.noteHub(userId, { told: true })
        return
      }
      const entry = log.entry(member)
      // Until the hub knows, its user finds no conversation.
      const nap = await withinTwice<Nap>(CALL_LIMIT_MS, () => hubOf(env, userId).join(entry))
      if (!isCurrent()) return
      log.noteHub(userId, { told: true, ...(nap === null && { asleep: false }) })
      if (nap !== null) log.noteAsleep(userId, nap)
      // Also where it slept when it was told: it may have woken since, and what was said in between went to nobody.
      if (!log.member(userId)?.asleep && log.rev > entry.rev) fanOut.catchUp(userId, entry.rev)
    } catch (error) {
      this.#note(error, userId)
    }
  }

  /** Tells a hub that its user is out, by a log that it does not know yet. Who came in again meanwhile is told that alone. */
  async #tellFormer(userId: number): Promise<boolean> {
    const { env, log } = this.#deps
    try {
      if (log.member(userId)?.leftAt !== null) {
        await withinTwice(CALL_LIMIT_MS, () => hubOf(env, userId).leave(log.id, null))
      }
      log.forgetFormer(userId)
      return true
    } catch (error) {
      this.#note(error, userId)
      return false
    }
  }

  #note(error: unknown, userId: number): void {
    logFault('tell.failed', error, { conversationId: this.#deps.log.id, userId })
  }
}

export const leftBy = (log: ConversationLog, { rev }: MemberRow): Left => ({ epoch: log.epoch, rev })
