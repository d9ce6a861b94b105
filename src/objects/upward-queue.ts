import { charactersOf, type Order } from '../core/orders.ts'
import { logFault } from '../directory/faults.ts'
import { refuse } from '../protocol/errors.ts'
import type { Answer } from './batch.ts'
import { fitting } from './call-size.ts'
import type { Deadlines } from './deadlines.ts'
import { LATER } from './outcome.ts'

const MAX_BATCH = 100
/** Who sends faster than answers come waits this long between two calls. Whoever awaits each answer never does. */
const PACE_MS = 8
/** Orders of one user that may wait for one conversation; above this the answer is "later", never silence. */
const MAX_WAITING = 1_000
/** Characters of one user's waiting orders, over all conversations: many hubs share one isolate's memory. */
const MAX_CHARACTERS = 8 * 1024 * 1024
/** Whoever has waited so long is told to come later, before they give up the connection; the call goes on, for it may be done already. */
const OVERDUE_MS = 12_000

type Waiting = { order: Order; since: number; isOver: () => boolean; resolve: (answer: Answer) => void }
type Queue = { waiting: Waiting[]; inFlight: boolean; isOverdue: boolean }

/**
 * Takes one user's orders to the conversations. While a call is in flight, what is ordered meanwhile waits and goes as one batch in
 * the next. That keeps a sender's messages in the order sent (the handlers of one socket run concurrently) and divides the cost.
 */
export class UpwardQueue {
  readonly #queues = new Map<number, Queue>()
  readonly #post: (conversationId: number, orders: Order[]) => Promise<Answer[]>
  readonly #deadlines: Deadlines
  #characters = 0

  /** `post` answers the first of the orders or more of them, if need be with a refusal. The rest comes again. */
  constructor(deadlines: Deadlines, post: (conversationId: number, orders: Order[]) => Promise<Answer[]>) {
    this.#post = post
    this.#deadlines = deadlines
  }

  /** `isOver` says whether who asked may no longer: it is asked once more when the order's turn has come. */
  submit(conversationId: number, order: Order, isOver: () => boolean = () => false): Promise<Answer> {
    const queue = this.#queues.get(conversationId) ?? { waiting: [], inFlight: false, isOverdue: false }
    this.#queues.set(conversationId, queue)
    const characters = charactersOf(order)
    const isFull = queue.waiting.length >= MAX_WAITING || this.#characters + characters > MAX_CHARACTERS
    if (isFull || queue.isOverdue) return Promise.resolve(LATER)
    this.#characters += characters
    return new Promise((answer) => {
      let held = characters
      const resolve = (given: Answer) => {
        this.#characters -= held
        held = 0
        answer(given)
      }
      queue.waiting.push({ order, since: Date.now(), isOver, resolve })
      if (!queue.inFlight) void this.#run(conversationId, queue)
    })
  }

  async #run(conversationId: number, queue: Queue): Promise<void> {
    queue.inFlight = true
    for (let wait = 0; queue.waiting.length > 0; wait = PACE_MS) {
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      const batch = this.#take(queue)
      const answered = this.#deadlines.set(overdueIn(batch), () => {
        queue.isOverdue = true
        for (const { resolve } of [...batch, ...queue.waiting.splice(0)]) resolve(LATER)
      })
      const answers = await this.#answersTo(conversationId, batch)
      answered()
      answers.forEach((answer, i) => batch[i]?.resolve(answer))
      // Performed now, what waits would come before what is tried again.
      if (answers.some((answer) => !answer.ok && answer.code === LATER.code))
        for (const { resolve } of queue.waiting.splice(0)) resolve(LATER)
      // What was answered meanwhile is not performed any more.
      if (!queue.isOverdue) queue.waiting.unshift(...batch.slice(answers.length))
      queue.isOverdue = false
    }
    this.#queues.delete(conversationId)
  }

  /** As many as one call carries well. Those that may not be performed any more are answered. */
  #take(queue: Queue): Waiting[] {
    const count = fitting(queue.waiting.slice(0, MAX_BATCH), ({ order }) => 2 * charactersOf(order)).length
    const taken = queue.waiting.splice(0, count)
    return taken.filter(({ isOver, resolve }) => {
      if (!isOver()) return true
      resolve(refuse('session.revoked'))
      return false
    })
  }

  async #answersTo(conversationId: number, batch: Waiting[]): Promise<Answer[]> {
    if (batch.length === 0) return []
    try {
      return await this.#post(
        conversationId,
        batch.map(({ order }) => order),
      )
    } catch (error) {
      // Nobody else would go on with the queue.
      logFault('post.failed', error, { conversationId })
      return batch.map(() => LATER)
    }
  }
}

/** How long the oldest of them may still wait. A clock that was put back does not make it longer. */
const overdueIn = ([oldest]: Waiting[]): number =>
  oldest ? Math.min(OVERDUE_MS, Math.max(0, oldest.since + OVERDUE_MS - Date.now())) : OVERDUE_MS
