import type { Batch, CatchUp, Nap } from './batch.ts'
import { fitting, PART_CHARACTERS } from './call-size.ts'

/** Above this a queue is not worth keeping frame by frame: the present state of what changed is smaller. */
const MAX_QUEUED = 500
const MAX_QUEUED_CHARACTERS = 2 * PART_CHARACTERS
const MAX_RETRY_MS = 5_000
/** Calls go out this far apart at least. The first of a burst goes at once, and no screen shows the next one sooner. */
const PACE_MS = 16
/** The more calls the last time took, the farther apart: a busy conversation makes no more than some 2,000 of them a second. */
const PACE_PER_CALL_MS = 0.5
const MAX_PACE_MS = 100

type Queue = {
  revs: number[]
  frames: string[]
  /** Characters of them. */
  characters: number
  /** What the call in flight carries, as far as it is still to be told, and when it was made. */
  flying: Taken | null
  flyingSince: number
  inFlight: boolean
  failures: number
  /** Set when frames were given up for a catch-up: all above this revision is missing. */
  missing: number | null
}

type Deps = {
  log: { readonly id: number; readonly epoch: string; readonly rev: number }
  deliver: (userId: number, batch: Batch) => Promise<Nap>
  deliverCatchUp: (userId: number, catchUp: CatchUp) => Promise<Nap>
  catchUpFor: (after: number) => CatchUp
  onAsleep: (userId: number, nap: number) => void
  /** A call went well; the first of what it took waited at most so long. */
  onDelivered: (waitedMs: number) => void
  onSettled: () => void
  onFailure: (userId: number, error: unknown) => void
}

/**
 * Tells the members' hubs. One call per member is in flight and the next one keeps its distance; what comes meanwhile goes in it as a
 * batch, so that under load the cost per message falls and the order per member is kept. A failed call is tried again with the same
 * frames.
 */
export class FanOut {
  readonly #queues = new Map<number, Queue>()
  readonly #deps: Deps
  #busy = 0
  #departure: Promise<void> | null = null
  #departed = { at: 0, calls: 0 }
  /** The last catch-up that was made, and at which head. */
  #made: { rev: number; catchUp: CatchUp } | null = null

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get settled(): boolean {
    return this.#busy === 0
  }

  push(userId: number, rev: number, frame: string): void {
    const queue = this.#queueOf(userId)
    const isFull = queue.frames.length >= MAX_QUEUED || queue.characters >= MAX_QUEUED_CHARACTERS
    // A signal is not worth a catch-up.
    if (rev === 0 && (isFull || queue.missing !== null)) return
    if (isFull) giveUpFrames(queue, (firstOf(queue) ?? rev) - 1)
    if (queue.missing === null) {
      queue.revs.push(rev)
      queue.frames.push(frame)
      queue.characters += frame.length
    }
    this.#start(userId, queue)
  }

  /** Tells the present state of everything above `after`, in place of the single changes. */
  catchUp(userId: number, after: number): void {
    const queue = this.#queueOf(userId)
    giveUpFrames(queue, after)
    this.#start(userId, queue)
  }

  /** Waits no longer for calls that were made before `time`: what they carry goes in others. */
  giveUpCalls(time: number): void {
    for (const [userId, queue] of this.#queues) {
      if (!queue.flying || queue.flyingSince > time) continue
      const { flying, revs, frames, characters, missing, failures } = queue
      const next = { ...newQueue(), revs, frames, characters, missing, failures }
      putBack(next, flying)
      this.#queues.set(userId, next)
      this.#busy -= 1
      this.#deps.onFailure(userId, new Error('The call has not ended.'))
      this.#start(userId, next)
    }
  }

  /** Forgets what waits for somebody who is to hear nothing more. */
  drop(userId: number): void {
    const queue = this.#queues.get(userId)
    if (!queue) return
    queue.revs = []
    queue.frames = []
    queue.characters = 0
    queue.missing = null
    queue.flying = null
    this.#end(userId, queue)
  }

  #queueOf(userId: number): Queue {
    let queue = this.#queues.get(userId)
    if (!queue) {
      queue = newQueue()
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
    let waitingSince = Date.now()
    while (queue.frames.length > 0 || queue.missing !== null) {
      await this.#nextDeparture()
      const taken = take(queue)
      // Somebody who left meanwhile is to hear nothing more.
      if (taken.missing === null && taken.frames.length === 0) continue
      const takenAt = Date.now()
      try {
        queue.flying = taken
        queue.flyingSince = takenAt
        const nap = await this.#deliver(userId, queue, taken)
        if (this.#queues.get(userId) !== queue) return
        queue.flying = null
        queue.failures = 0
        this.#deps.onDelivered(Date.now() - waitingSince)
        waitingSince = takenAt
        if (nap !== null) this.#deps.onAsleep(userId, nap)
      } catch (error) {
        if (this.#queues.get(userId) !== queue) return
        if (queue.flying) putBack(queue, queue.flying)
        queue.flying = null
        queue.failures += 1
        this.#deps.onFailure(userId, error)
        await pause(Math.min(50 * 2 ** queue.failures, MAX_RETRY_MS))
      }
    }
    this.#end(userId, queue)
  }

  /** Nothing more comes of this queue, also where a call of it is under way still. */
  #end(userId: number, queue: Queue): void {
    if (this.#queues.get(userId) !== queue || !queue.inFlight) return
    this.#queues.delete(userId)
    this.#busy -= 1
    if (this.#busy > 0) return
    this.#made = null
    this.#deps.onSettled()
  }

  /** When calls may go out next. The queues share it, so that many members cost one timer. */
  #nextDeparture(): Promise<void> {
    this.#departure ??= this.#depart()
    return this.#departure
  }

  async #depart(): Promise<void> {
    const { at, calls } = this.#departed
    const pace = Math.min(MAX_PACE_MS, Math.max(PACE_MS, calls * PACE_PER_CALL_MS))
    const wait = at + pace - Date.now()
    // Where nothing is to be waited for, the orders of one batch still make their frames first, and go in one call.
    await (wait > 0 ? pause(Math.min(wait, pace)) : null)
    this.#departure = null
    this.#departed = { at: Date.now(), calls: this.#queues.size }
  }

  /** A large catch-up comes in parts: where there is another one, it waits in the queue when this returns. */
  async #deliver(userId: number, queue: Queue, { missing, revs, frames }: Taken): Promise<Nap> {
    const { log, deliver, deliverCatchUp, catchUpFor } = this.#deps
    if (missing === null) return deliver(userId, { conversationId: log.id, epoch: log.epoch, revs, frames })
    // After a crash all members need the same one, at once: each with a copy of its own could be more than the memory holds.
    const isMade = this.#made?.rev === log.rev && this.#made.catchUp.after === missing
    const catchUp = this.#made && isMade ? this.#made.catchUp : catchUpFor(missing)
    this.#made = { rev: log.rev, catchUp }
    const nap = await deliverCatchUp(userId, catchUp)
    if (catchUp.more && nap === null && queue.flying) giveUpFrames(queue, catchUp.upTo)
    return nap
  }
}

type Taken = Pick<Queue, 'missing' | 'revs' | 'frames'>

const newQueue = (): Queue => ({
  revs: [],
  frames: [],
  characters: 0,
  flying: null,
  flyingSince: 0,
  inFlight: false,
  failures: 0,
  missing: null,
})

/** Takes what goes into the next call. */
const take = (queue: Queue): Taken => {
  const { missing } = queue
  queue.missing = null
  const count = fitting(queue.frames, (frame) => frame.length).length
  const frames = queue.frames.splice(0, count)
  queue.characters -= charactersIn(frames)
  return { missing, revs: queue.revs.splice(0, count), frames }
}

/** The first revision that these tell; null where they are signals only. */
const firstOf = ({ missing, revs }: Pick<Taken, 'missing' | 'revs'>): number | null =>
  missing !== null ? missing + 1 : (revs.find((rev) => rev > 0) ?? null)

const giveUpFrames = (queue: Queue, after: number): void => {
  queue.missing = Math.min(after, queue.missing ?? after)
  queue.revs = []
  queue.frames = []
  queue.characters = 0
}

const charactersIn = (frames: string[]): number => frames.reduce((sum, frame) => sum + frame.length, 0)

const putBack = (queue: Queue, { missing, revs, frames }: Taken): void => {
  if (missing !== null) giveUpFrames(queue, missing)
  else if (queue.missing === null) {
    queue.revs = [...revs, ...queue.revs]
    queue.frames = [...frames, ...queue.frames]
    queue.characters += charactersIn(frames)
  } else {
    const first = firstOf({ missing, revs })
    if (first !== null) giveUpFrames(queue, first - 1)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
