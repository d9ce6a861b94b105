const FIRST_MS = 500
const MAX_MS = 30_000

/** How long to wait before try number `attempt` (from 0): full jitter, so that a crowd that lost its server does not come back as one. */
export const backoff = (attempt: number, random: () => number): number =>
  random() * Math.min(MAX_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
