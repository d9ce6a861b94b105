import { backoff } from '../src/sdk/backoff.ts'

/** How long clients by hand wait before try number `tries` (from 0), as our own do: as long as they were asked to, a little apart, or by its backoff. */
export const pauseBefore = (tries: number, askedMs: number): number =>
  askedMs > 0 ? askedMs + Math.random() * 1_000 : backoff(tries, Math.random)
