import { eq, lte, sql } from 'drizzle-orm'
import { GUESS_WINDOW_MS, secondsUntilGuess } from '../core/throttle.ts'
import type { Directory } from './directory.ts'
import { loginAttempts } from './schema.ts'
import { sha256 } from './secrets.ts'

/**
 * Counts a guess before it is evaluated, so that parallel ones cannot pass together; answers 0, or the seconds to wait.
 * The count is here and not in the account's hub, for a login without an account must be counted alike.
 */
export const countGuess = async (db: Directory, key: string, now: number): Promise<number> => {
  const [, [attempts]] = await db.batch([
    db.delete(loginAttempts).where(lte(loginAttempts.windowStart, now - GUESS_WINDOW_MS)),
    db
      .insert(loginAttempts)
      .values({ key, windowStart: now, count: 1 })
      .onConflictDoUpdate({ target: loginAttempts.key, set: { count: sql`${loginAttempts.count} + 1` } })
      .returning(),
  ])
  return attempts === undefined ? 0 : secondsUntilGuess(attempts, now)
}

/** A guess that was right does not count. The others still do: the owner's sign-in must not make room for a guesser's. */
export const forgiveGuess = (db: Directory, key: string) =>
  db
    .update(loginAttempts)
    .set({ count: sql`${loginAttempts.count} - 1` })
    .where(eq(loginAttempts.key, key))

/** Hashed, for people type passwords into the wrong field. */
export const guessKey = (kind: 'login' | 'account' | 'email', name: string): Promise<string> =>
  sha256(`${kind}:${name}`)
