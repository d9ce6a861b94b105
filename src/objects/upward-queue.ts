import type { Order } from '../core/orders.ts'
import { refuse } from '../protocol/errors.ts'
import type { Answer } from './batch.ts'

const MAX_BATCH = 100
/** Who sends faster than answers come waits this long between two calls. Whoever awaits each answer never does. */
const PACE_MS = 8
/** Orders of one user that may wait for one conversation; above this the answer is "later", never silence. */
const MAX_WAITING = 1_000

type Waiting = { order: Order; resolve: (answer: Answer) => void }
type Queue = { waiting: Waiting[]; inFlight: boolean }

/**
 * Takes one user's orders to the conversations. While a call is in flight, what is ordered meanwhile waits and goes as one batch in
 * the next. That keeps a sender's messages in the order sent (the handlers of one socket run concurrently) and divides the cost.
 */
export class UpwardQueue {
  readonly #queues = new Map<number, Queue>()
  readonly #post: (conversationId: number, orders: Order[]) => Promise<Answer[]>

  /** `post` must not throw: it answers the first of the orders or more of them, if need be with a refusal. The rest comes again. */
  constructor(post: (conversationId: number, orders: Order[]) => Promise<Answer[]>) {
    this.#post = post
  }

  submit(conversationId: number, order: Order): Promise<Answer> {
    const queue = this.#queues.get(conversationId) ?? { waiting: [], inFlight: false }
    this.#queues.set(conversationId, queue)
    if (queue.waiting.length >= MAX_WAITING) return Promise.resolve(refuse('server.unavailable', { retryAfter: 1 }))
    return new Promise((resolve) => {
      queue.waiting.push({ order, resolve })
      if (!queue.inFlight) void this.#run(conversationId, queue)
    })
  }

  async #run(conversationId: number, queue: Queue): Promise<void> {
    queue.inFlight = true
    for (let wait = 0; queue.waiting.length > 0; wait = PACE_MS) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      const batch = queue.waiting.splice(0, MAX_BATCH)
      const answers = await this.#post(
        conversationId,
        batch.map((each) => each.order),
      )
      answers.forEach((answer, i) => batch[i]?.resolve(answer))
      queue.waiting.unshift(...batch.slice(answers.length))
    }
    this.#queues.delete(conversationId)
  }
}
