import type { CatchUp } from './batch.ts'
import type { InboxBook } from './inbox-book.ts'
import { logFault } from './log.ts'
import { conversationOf } from './stubs.ts'

/** How long a missing frame may still be on its way before the hub asks for it. */
export const GAP_MS = 1_000

type Hub = { userId: number; env: Env; inbox: InboxBook; broadcast: (frames: string[]) => void }

/** Asks conversations for frames that did not come, once it is plain that they do not come by themselves. */
export class GapFiller {
  readonly #hub: Hub
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>()

  constructor(hub: Hub) {
    this.#hub = hub
  }

  /** To be called when a conversation was heard of, with the head it is known to stand at, if it is. */
  watch(conversationId: number, head = 0): void {
    const { inbox } = this.#hub
    if (this.#timers.has(conversationId) || !inbox.lags(conversationId, head)) return
    const known = inbox.line(conversationId)?.order.known
    const timer = setTimeout(() => {
      this.#timers.delete(conversationId)
      if (!inbox.lags(conversationId, head)) return
      // In a lively conversation something is always on its way: only what has not moved on since is stuck.
      if (inbox.line(conversationId)?.order.known === known) void this.fill(conversationId)
      else this.watch(conversationId, head)
    }, GAP_MS)
    this.#timers.set(conversationId, timer)
  }

  /** Asks now. */
  async fill(conversationId: number): Promise<void> {
    const { userId, env, inbox, broadcast } = this.#hub
    try {
      for (let more = true; more;) {
        const after = inbox.line(conversationId)?.order.known ?? null
        if (after === null) return
        const catchUp: CatchUp | null = await conversationOf(env, conversationId).catchUpFor({ userId, after })
        if (!catchUp) return
        broadcast(inbox.receiveCatchUp(catchUp))
        ;({ more } = catchUp)
      }
    } catch (error) {
      logFault('gap.unfilled', error, { conversationId, userId })
      this.watch(conversationId, Number.POSITIVE_INFINITY)
    }
  }

  forget(conversationId: number): void {
    clearTimeout(this.#timers.get(conversationId))
    this.#timers.delete(conversationId)
  }
}
