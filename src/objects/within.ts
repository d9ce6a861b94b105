import type { Deadlines } from './deadlines.ts'

/** How long a call of another object may take. Mostly milliseconds; a longer one is given up, and made again where that matters. */
export const CALL_LIMIT_MS = 5_000

/** Where such calls are few, each has a timer of its own. */
const OWN_TIMER: Pick<Deadlines, 'set'> = {
  set: (ms, over) => {
    const timer = setTimeout(over, ms)
    return () => clearTimeout(timer)
  },
}

/** A call did not end in time. What it asked may be done, or be done yet. */
export class GivenUp extends Error {
  constructor() {
    super('The call has not ended.')
  }
}

/** Waits so long for a call and no longer: one that does not end at all must not hold up for good what comes after it. */
export const within = <Result>(ms: number, call: Promise<Result>, deadlines = OWN_TIMER): Promise<Result> =>
  new Promise((resolve, reject) => {
    const ended = deadlines.set(ms, () => reject(new GivenUp()))
    call.then(resolve, reject).finally(ended)
  })

/** The same for a call that may be made twice: an object that is started anew breaks the one under way. */
export const withinTwice = <Result>(ms: number, call: () => Promise<Result>): Promise<Result> =>
  within(ms, call()).catch((error: unknown) => (error instanceof GivenUp ? Promise.reject(error) : within(ms, call())))
