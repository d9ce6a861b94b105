import { and, desc, eq, exists, gt, isNotNull, isNull, lt, ne, or, sql } from 'drizzle-orm'
import { type KnownRefreshToken, SPENT_MEMORY_MS } from '../core/refresh.ts'
import { DAY_MS } from '../core/time.ts'
import type { Directory } from './directory.ts'
import { refreshTokens, sessions, users } from './schema.ts'
import type { Account } from './users.ts'

export type Session = typeof sessions.$inferSelect

const LISTED = 100

/** The account that a session is opened for, as it was when its password was found right. */
export type Proof = Pick<Account, 'usernameKey' | 'passwordHash'>

/**
 * The statements that open a session, for a batch. They open none if the password was changed since it was verified: a
 * sign-in under way would else outlive the change that was made to end it.
 */
export const openSession = (
  db: Directory,
  session: { id: string; proof: Proof; device: string | null; now: number; expiresAt: number; tokenHash: string },
) => {
  const { id, proof, device, now, expiresAt, tokenHash } = session
  return [
    db
      .insert(sessions)
      .select(
        db
          .select({
            id: sql<string>`${id}`.as('id'),
            userId: users.id,
            device: sql<string | null>`${device}`.as('device'),
            createdAt: sql<number>`${now}`.as('created_at'),
            lastUsedAt: sql<number>`${now}`.as('last_used_at'),
            expiresAt: sql<number>`${expiresAt}`.as('expires_at'),
            revokedAt: sql<null>`NULL`.as('revoked_at'),
          })
          .from(users)
          .where(
            and(
              eq(users.usernameKey, proof.usernameKey),
              eq(users.passwordHash, proof.passwordHash),
              isNull(users.deletedAt),
            ),
          ),
      )
      .returning(),
    insertToken(db, { sessionId: id, hash: tokenHash, now }),
  ] as const
}

/** A session that may still be used. */
export const liveSession = async (db: Directory, id: string, now: number): Promise<Session | undefined> => {
  const [found] = await db
    .select({ session: sessions })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.id, id), isLive(now), isNull(users.deletedAt)))
  return found?.session
}

/** The live sessions of an account, last used first. */
export const sessionsOfUser = (db: Directory, userId: number, now: number): Promise<Session[]> =>
  db
    .select()
    .from(sessions)
    .where(and(eq(sessions.userId, userId), isLive(now)))
    .orderBy(desc(sessions.lastUsedAt), desc(sessions.createdAt))
    .limit(LISTED)

/** Whether the account has, or had, such a session. */
export const isSessionOf = async (db: Directory, session: { id: string; userId: number }): Promise<boolean> => {
  const { id, userId } = session
  const found = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, id), eq(sessions.userId, userId)))
  return found.length > 0
}

/** False where the account has no such live session. */
export const revokeSession = async (
  db: Directory,
  session: { id: string; userId: number; now: number },
): Promise<boolean> => {
  const { id, userId, now } = session
  const revoked = await db
    .update(sessions)
    .set({ revokedAt: now })
    .where(and(eq(sessions.id, id), eq(sessions.userId, userId), isLive(now)))
    .returning({ id: sessions.id })
  return revoked.length > 0
}

/** Ends all sessions of an account but one, where this is its password: of two changes at once, one counts. */
export const revokeSessionsExcept = (
  db: Directory,
  except: { userId: number; sessionId: string; passwordHash: string; now: number },
) => {
  const { userId, sessionId, passwordHash, now } = except
  const isPassword = and(eq(users.id, userId), eq(users.passwordHash, passwordHash))
  return db
    .update(sessions)
    .set({ revokedAt: now })
    .where(
      and(
        eq(sessions.userId, userId),
        isNull(sessions.revokedAt),
        ne(sessions.id, sessionId),
        exists(db.select().from(users).where(isPassword)),
      ),
    )
    .returning({ id: sessions.id })
}

/** Sessions that ended are of no use to anybody; their refresh tokens go with them. */
export const pruneSessions = (db: Directory, proof: Proof, now: number) =>
  db
    .delete(sessions)
    .where(
      and(
        sql`${sessions.userId} = (SELECT id FROM users WHERE username_key = ${proof.usernameKey})`,
        or(lt(sessions.expiresAt, now), lt(sessions.revokedAt, now - DAY_MS)),
      ),
    )

export type KnownToken = Omit<KnownRefreshToken, 'isAskedAgain'> & {
  sessionId: string
  account: Account
  attempt: string | null
}

export const knownToken = async (db: Directory, hash: string): Promise<KnownToken | undefined> => {
  const [found] = await db
    .select({
      sessionId: sessions.id,
      spentAt: refreshTokens.spentAt,
      attempt: refreshTokens.attempt,
      sessionExpiresAt: sessions.expiresAt,
      sessionRevokedAt: sessions.revokedAt,
      account: users,
    })
    .from(refreshTokens)
    .innerJoin(sessions, eq(sessions.id, refreshTokens.sessionId))
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(refreshTokens.hash, hash), isNull(users.deletedAt)))
  return found
}

/**
 * Spends a token and stores its successor, in one transaction. Of many that come at once the first spends and stores, and the
 * others find it done. False where the session ended meanwhile.
 */
export const rotateToken = async (
  db: Directory,
  rotation: {
    sessionId: string
    hash: string
    attempt: string | null
    successorHash: string
    now: number
    expiresAt: number
  },
): Promise<boolean> => {
  const { sessionId, hash, attempt, successorHash, now, expiresAt } = rotation
  const [, , extended] = await db.batch([
    db
      .update(refreshTokens)
      .set({ spentAt: now, attempt })
      .where(and(eq(refreshTokens.hash, hash), isNull(refreshTokens.spentAt))),
    insertToken(db, { sessionId, hash: successorHash, now }),
    db
      .update(sessions)
      .set({ lastUsedAt: now, expiresAt })
      .where(and(eq(sessions.id, sessionId), isLive(now)))
      .returning({ id: sessions.id }),
    db.delete(refreshTokens).where(
      and(
        eq(refreshTokens.sessionId, sessionId),
        // The one that is asked with may have to be asked with once more.
        ne(refreshTokens.hash, hash),
        isNotNull(refreshTokens.spentAt),
        lt(refreshTokens.spentAt, now - SPENT_MEMORY_MS),
      ),
    ),
  ])
  return extended.length > 0
}

const isLive = (now: number) => and(isNull(sessions.revokedAt), gt(sessions.expiresAt, now))

// From the session's row, so that there is nothing to insert if it is gone.
const insertToken = (db: Directory, token: { sessionId: string; hash: string; now: number }) =>
  db
    .insert(refreshTokens)
    .select(
      db
        .select({
          hash: sql<string>`${token.hash}`.as('hash'),
          sessionId: sessions.id,
          createdAt: sql<number>`${token.now}`.as('created_at'),
          spentAt: sql<null>`NULL`.as('spent_at'),
          attempt: sql<null>`NULL`.as('attempt'),
        })
        .from(sessions)
        .where(eq(sessions.id, token.sessionId)),
    )
    .onConflictDoNothing()
