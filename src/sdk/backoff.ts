const FIRST_MS = 500
/** Whoever was gone for a moment is back soon after the server is. One that is overloaded refuses with a time to wait. */
const MAX_MS = 5_000
/** After so many tries, about a minute, there is likely no network at all. */
const LONG_AFTER = 20
const LONG_MS = 30_000

/** How long to wait before try number `attempt` (from 0): full jitter, so that a crowd that lost its server does not come back as one. */
export const backoff = (attempt: number, random: () => number): number =>
  random() * (attempt < LONG_AFTER ? Math.min(MAX_MS, FIRST_MS * 2 ** attempt) : LONG_MS)
