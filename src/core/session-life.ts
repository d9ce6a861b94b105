import { DAY_MS } from './time.ts'

const MINUTE = 60_000

/** How long a session lasts since it was last refreshed, and how long each of its access tokens does. */
export type SessionLife = { sessionMs: number; accessMs: number }

/** For clients that refresh: short tokens in a session that slides. */
export const REFRESHED_LIFE: SessionLife = { sessionMs: 30 * DAY_MS, accessMs: 10 * MINUTE }

/** For clients that know one token and no refreshing. It is as revocable as any, for each request looks its session up. */
export const SINGLE_TOKEN_LIFE: SessionLife = { sessionMs: 7 * DAY_MS, accessMs: 7 * DAY_MS }
