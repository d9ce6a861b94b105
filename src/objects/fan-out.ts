import type { Batch, CatchUp, Delivered } from './batch.ts'

/** Above this a queue is not worth keeping frame by frame: the present state of what changed is smaller. */
const MAX_QUEUED = 500
const MAX_RETRY_MS = 5_000

type Queue = {
  revs: number[]
  frames: string[]
  inFlight: boolean
  failures: number
  /** Set when frames were given up for a catch-up from this revision. */
  catchUpAfter: number | null
}

type Ports = {
  conversationId: number
  deliver: (userId: number, batch: Batch) => Promise<Delivered>
  deliverCatchUp: (userId: number, catchUp: CatchUp) => Promise<Delivered>
  catchUpFor: (after: number) => CatchUp
  onAsleep: (userId: number, nap: number) => void
  onSettled: () => void
  onFailure: (userId: number, error: unknown) => void
}

/**
 * Tells the members' hubs. One call per member is in flight; what comes meanwhile goes in the next as a batch, so that under load
 * the cost per message falls and the order per member is kept. A failed call is tried again with the same frames.
 */
export class FanOut {
  readonly #queues = new Map<number, Queue>()
  readonly #ports: Ports
  #busy = 0

  constructor(ports: Ports) {
    this.#ports = ports
  }

  get settled(): boolean {
    return this.#busy === 0
  }

  push(userId: number, rev: number, frame: string): void {
    const queue = this.#queueOf(userId)
    if (queue.catchUpAfter !== null) {
      if (rev === 0) return
    } else if (queue.frames.length >= MAX_QUEUED) {
      const first = queue.revs.find((queued) => queued > 0) ?? rev
      queue.catchUpAfter = first - 1
      queue.revs = []
      queue.frames = []
    } else {
      queue.revs.push(rev)
      queue.frames.push(frame)
    }
    this.#start(userId, queue)
  }

  /** Tells the present state of everything above `after`, in place of the single changes. */
  catchUp(userId: number, after: number): void {
    const queue = this.#queueOf(userId)
    queue.catchUpAfter = Math.min(after, queue.catchUpAfter ?? after)
    queue.revs = []
    queue.frames = []
    this.#start(userId, queue)
  }

  /** Forgets what waits for somebody who is to hear nothing more. */
  drop(userId: number): void {
    const queue = this.#queues.get(userId)
    if (!queue) return
    queue.revs = []
    queue.frames = []
    queue.catchUpAfter = null
  }

  #queueOf(userId: number): Queue {
    let queue = this.#queues.get(userId)
    if (!queue) {
      queue = { revs: [], frames: [], inFlight: false, failures: 0, catchUpAfter: null }
      this.#queues.set(userId, queue)
    }
    return queue
  }

  #start(userId: number, queue: Queue): void {
    if (queue.inFlight) return
    queue.inFlight = true
    this.#busy += 1
    void this.#run(userId, queue)
  }

  async #run(userId: number, queue: Queue): Promise<void> {
    // The orders of one batch make their frames in one turn: they go in one call.
    await Promise.resolve()
    while (queue.frames.length > 0 || queue.catchUpAfter !== null) {
      const { catchUpAfter, revs, frames } = queue
      queue.revs = []
      queue.frames = []
      queue.catchUpAfter = null
      try {
        const delivered =
          catchUpAfter === null
            ? await this.#ports.deliver(userId, { conversationId: this.#ports.conversationId, revs, frames })
            : await this.#ports.deliverCatchUp(userId, this.#ports.catchUpFor(catchUpAfter))
        queue.failures = 0
        if (delivered.asleep) this.#ports.onAsleep(userId, delivered.nap)
      } catch (error) {
        this.#putBack(queue, { catchUpAfter, revs, frames })
        queue.failures += 1
        this.#ports.onFailure(userId, error)
        await pause(Math.min(50 * 2 ** queue.failures, MAX_RETRY_MS))
      }
    }
    queue.inFlight = false
    this.#queues.delete(userId)
    this.#busy -= 1
    if (this.#busy === 0) this.#ports.onSettled()
  }

  #putBack(queue: Queue, taken: { catchUpAfter: number | null; revs: number[]; frames: string[] }): void {
    if (taken.catchUpAfter !== null) {
      queue.catchUpAfter = Math.min(taken.catchUpAfter, queue.catchUpAfter ?? taken.catchUpAfter)
      queue.revs = []
      queue.frames = []
    } else if (queue.catchUpAfter === null) {
      queue.revs = [...taken.revs, ...queue.revs]
      queue.frames = [...taken.frames, ...queue.frames]
    } else {
      const first = taken.revs.find((rev) => rev > 0)
      if (first !== undefined) queue.catchUpAfter = Math.min(first - 1, queue.catchUpAfter)
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
