import type { ErrorCode } from '../protocol/errors.ts'
import { DAY_MS } from './time.ts'

/** A client whose answer got lost asks again with the same token; within this time that is no theft, also where it names no attempt. */
export const REPLAY_MS = 10_000

/** After this a spent token is forgotten: it opens nothing, and its reuse no longer ends the session. */
export const SPENT_MEMORY_MS = 7 * DAY_MS

export type KnownRefreshToken = {
  spentAt: number | null
  sessionExpiresAt: number
  sessionRevokedAt: number | null
  /** It was spent by the same attempt of a client that asks now, and the successor which that gave was not used. */
  isAskedAgain: boolean
}

/** What becomes of a refresh token that somebody presents: `reused` ends the session, for two parties hold it. */
export const judgeRefresh = (
  token: KnownRefreshToken | undefined,
  now: number,
): 'rotate' | Extract<ErrorCode, 'refresh.invalid' | 'refresh.reused' | 'session.revoked'> => {
  if (token === undefined || token.sessionExpiresAt <= now) return 'refresh.invalid'
  if (token.sessionRevokedAt !== null) return 'session.revoked'
  if (token.spentAt !== null && now - token.spentAt > REPLAY_MS && !token.isAskedAgain) return 'refresh.reused'
  return 'rotate'
}
