import { logFault } from '../directory/faults.ts'
import type { CatchUp } from './batch.ts'
import type { InboxBook } from './inbox-book.ts'
import { conversationOf } from './stubs.ts'
import { CALL_LIMIT_MS, within } from './within.ts'

/** How long a missing frame may still be on its way before the hub asks for it. */
export const GAP_MS = 1_000
/** What cannot be asked is asked ever less often. */
export const MAX_PAUSE_MS = 10_000

type Deps = {
  userId: number
  env: Env
  inbox: InboxBook
  /** Whether somebody misses anything. */
  isHere: () => boolean
  broadcast: (frames: string[]) => void
  /** What was asked is of another log than the hub follows. */
  askForLog: (conversationId: number) => Promise<void>
}

/** Asks conversations for frames that did not come, once it is plain that they do not come by themselves. */
export class GapFiller {
  readonly #deps: Deps
  /** What is looked at again in a moment, and up to where something was missing when it was last heard of. */
  readonly #watched = new Map<number, { timer: ReturnType<typeof setTimeout>; head: number }>()
  /** How often in a row a conversation could not be asked. */
  readonly #failures = new Map<number, number>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** To be called when a conversation was heard of, with the head it is known to stand at, if it is. */
  watch(conversationId: number, head = 0): void {
    const slow = this.#failures.delete(conversationId) ? this.#watched.get(conversationId) : undefined
    // It answers again: what is missing need not wait as long as it did while nobody answered.
    if (slow) this.forget(conversationId)
    this.#arm(conversationId, Math.max(head, slow?.head ?? 0))
  }

  /** To be called where a conversation could not be asked, so that nobody knows whether something is missing. */
  suspect(conversationId: number): void {
    this.#arm(conversationId, Number.POSITIVE_INFINITY)
  }

  #arm(conversationId: number, head: number): void {
    const { inbox } = this.#deps
    const watched = this.#watched.get(conversationId)
    if (watched) watched.head = Math.max(watched.head, head)
    if (watched || !inbox.lags(conversationId, head)) return
    const known = inbox.subscription(conversationId)?.order.known
    const timer = setTimeout(() => {
      const last = this.#watched.get(conversationId)?.head ?? head
      this.#watched.delete(conversationId)
      if (!inbox.lags(conversationId, last)) return
      // In a lively conversation something is always on its way: only what has not moved on since is stuck.
      if (inbox.subscription(conversationId)?.order.known === known) void this.fill(conversationId)
      else this.#arm(conversationId, last)
    }, this.#pauseFor(conversationId))
    this.#watched.set(conversationId, { timer, head })
  }

  /** Asks now. */
  async fill(conversationId: number): Promise<void> {
    const { userId, env, inbox, isHere, broadcast, askForLog } = this.#deps
    // Who comes next is greeted with what the conversation says then.
    if (!isHere()) {
      inbox.doubt(conversationId)
      return this.forget(conversationId)
    }
    try {
      for (let more = true; more;) {
        const after = inbox.subscription(conversationId)?.order.known ?? null
        if (after === null) return
        const catchUp: CatchUp | null = await within(
          CALL_LIMIT_MS,
          conversationOf(env, conversationId).catchUpFor({ userId, after }),
        )
        this.#failures.delete(conversationId)
        if (!catchUp) return
        if (inbox.isOfAnotherLog(catchUp)) return await askForLog(conversationId)
        broadcast(inbox.receiveCatchUp(catchUp))
        ;({ more } = catchUp)
      }
    } catch (error) {
      logFault('gap.unfilled', error, { conversationId, userId })
      this.#failures.set(conversationId, (this.#failures.get(conversationId) ?? 0) + 1)
      this.suspect(conversationId)
    }
  }

  forget(conversationId: number): void {
    clearTimeout(this.#watched.get(conversationId)?.timer)
    this.#watched.delete(conversationId)
    this.#failures.delete(conversationId)
  }

  #pauseFor(conversationId: number): number {
    const failures = this.#failures.get(conversationId) ?? 0
    return Math.min(GAP_MS * 2 ** Math.max(0, failures - 1), MAX_PAUSE_MS)
  }
}
