import type { Random } from '../harness/random.ts'
import type { Direction } from './proxy.ts'

/** One thing that goes wrong. `at` is when, in milliseconds of its cycle; `pick` is whom it meets, as a fraction of those who are there. */
export type Fault = { at: number; pick: number } & (
  | { kind: 'frame cut' | 'request cut'; direction: Direction; within: number }
  | { kind: 'stall'; direction: Direction; ms: number }
  | { kind: 'delay'; by: number; ms: number }
  | { kind: 'silence' }
  | { kind: 'storm' }
  | { kind: 'reader that does not read'; ms: number }
  | { kind: 'member removed'; ms: number }
  | { kind: 'session revoked' }
  | { kind: 'frame repeated' | 'request repeated' }
  | { kind: 'object aborted' | 'object evicted' }
  | { kind: 'clock put wrong'; byMs: number; ms: number }
  | { kind: 'disk full'; ms: number }
)
export type FaultKind = Fault['kind']

/** A stretch of time that ends with a kill. */
export type Cycle = {
  ms: number
  faults: Fault[]
  /** The server is killed once more so soon after it is back: while everybody returns. */
  again: number | null
}

/** The cycles of a seed: the same seed gives the same, for as many as are asked. */
export function* cycles(random: Random, length: { from: number; to: number }): Generator<Cycle> {
  for (;;) {
    const ms = Math.round(random.between(length.from, length.to))
    const faults = FREQUENCIES.flatMap(([perSecond, make]) => {
      const expected = (perSecond * ms) / 1000
      const count = Math.floor(expected) + (random.chance(expected % 1) ? 1 : 0)
      return Array.from({ length: count }, () => ({ at: Math.round(random.between(0, ms)), ...make(random) }))
    })
    faults.sort((a, b) => a.at - b.at)
    yield { ms, faults, again: random.chance(0.15) ? Math.round(random.between(50, 1_200)) : null }
  }
}

type Made = Fault extends infer Each ? (Each extends Fault ? Omit<Each, 'at'> : never) : never

const direction = (random: Random): Direction => (random.chance(0.5) ? 'up' : 'down')
const ms = (random: Random, from: number, to: number): number => Math.round(random.between(from, to))

const MINUTE_MS = 60_000
/** A clock that goes far ahead ends all tokens, of which a row of its own tells. */
const CLOCKS_MS = [-24 * 60 * MINUTE_MS, -60 * MINUTE_MS, -MINUTE_MS, -3_000, 3_000, MINUTE_MS]

/** How often each comes, per second. */
const FREQUENCIES: [perSecond: number, make: (random: Random) => Made][] = [
  [0.6, (r) => ({ kind: 'frame cut', pick: r.next(), direction: direction(r), within: r.next() })],
  [0.3, (r) => ({ kind: 'request cut', pick: r.next(), direction: direction(r), within: r.next() })],
  [0.4, (r) => ({ kind: 'stall', pick: r.next(), direction: direction(r), ms: ms(r, 200, 2_500) })],
  [0.4, (r) => ({ kind: 'delay', pick: r.next(), by: ms(r, 20, 400), ms: ms(r, 300, 2_000) })],
  [0.23, (r) => ({ kind: 'silence', pick: r.next() })],
  [0.23, (r) => ({ kind: 'storm', pick: r.next() })],
  // One counts only where its device is there and it lasts to its end, which the next kill comes before now and then.
  [0.45, (r) => ({ kind: 'reader that does not read', pick: r.next(), ms: ms(r, 1_500, 3_000) })],
  [0.3, (r) => ({ kind: 'member removed', pick: r.next(), ms: ms(r, 300, 2_500) })],
  [0.25, (r) => ({ kind: 'session revoked', pick: r.next() })],
  [0.4, (r) => ({ kind: 'frame repeated', pick: r.next() })],
  [0.3, (r) => ({ kind: 'request repeated', pick: r.next() })],
  [0.3, (r) => ({ kind: 'object aborted', pick: r.next() })],
  // Five of six find their object at work, and come to nothing.
  [1.5, (r) => ({ kind: 'object evicted', pick: r.next() })],
  [0.28, (r) => ({ kind: 'clock put wrong', pick: r.next(), byMs: r.pick(CLOCKS_MS), ms: ms(r, 200, 1_500) })],
  [0.25, (r) => ({ kind: 'disk full', pick: r.next(), ms: ms(r, 100, 800) })],
]
