import { isCommonPassword } from '../core/common-passwords.ts'
import { nameKey } from '../core/names.ts'
import { judgeRefresh } from '../core/refresh.ts'
import { REFRESHED_LIFE, type SessionLife } from '../core/session-life.ts'
import type { AuthSession, ChangePassword, Login, Refresh, Register, SignedIn } from '../protocol/auth.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { hashPassword, needsRehash, verifyNothing, verifyPassword } from './credentials.ts'
import { type Directory, openDirectory } from './directory.ts'
import { insist } from './insist.ts'
import { countGuess, forgiveGuess, guessKey } from './login-attempts.ts'
import { randomToken, sha256, successorOf } from './secrets.ts'
import {
  knownToken,
  liveSession,
  openSession,
  pruneSessions,
  isSessionOf,
  revokeSession,
  revokeSessionsExcept,
  rotateToken,
  sessionsOfUser,
} from './sessions.ts'
import { signAccessToken, type TokenEnv, verifyAccessToken } from './tokens.ts'
import { type Account, accountById, accountByLogin, insertUser, meOf, setPasswordHash, takenName } from './users.ts'

/** Who makes a request. */
export type Caller = { userId: number; sessionId: string }

/** Where the sockets of a user are closed. */
export type SocketsOfUser = {
  endSessions(sessionIds: string[]): Promise<void>
}

export type AccountsEnv = TokenEnv & { DIRECTORY: D1Database; REFRESH_SECRET: string }

/** What every use case here works on. */
export type Accounts = {
  env: AccountsEnv
  db: Directory
  socketsOf: (userId: number) => SocketsOfUser
  now: () => number
}

export const accountsOf = (env: AccountsEnv, socketsOf: Accounts['socketsOf']): Accounts => ({
  env,
  db: openDirectory(env),
  socketsOf,
  now: Date.now,
})

/** What a client tells beside its credentials, and how long what it gets shall last. */
export type SignInOptions = { device: string | null; life?: SessionLife }

/** `anyPassword` is for clients that know no rule for passwords and could not tell their users of one. */
export const register = async (
  accounts: Accounts,
  input: Register & SignInOptions & { anyPassword?: boolean },
): Promise<SignedIn | Refusal> => {
  const { db } = accounts
  if (!input.anyPassword && isCommonPassword(input.password, input)) return refuse('password.common')
  const taken = await takenName(db, input)
  if (taken) return taken
  const proof = { usernameKey: nameKey(input.username), passwordHash: hashPassword(input.password) }
  const opening = await newSession(accounts, input)
  const { username, email, displayName = username } = input
  const [[account]] = await db.batch([
    insertUser(db, { username, email, displayName, passwordHash: proof.passwordHash, now: opening.now }),
    ...openSession(db, { ...opening, proof }),
  ])
  // Somebody else was faster.
  if (!account) return (await takenName(db, input)) ?? refuse('server.unavailable')
  return signedIn(accounts, { ...opening, account })
}

export const logIn = async (accounts: Accounts, input: Login & SignInOptions): Promise<SignedIn | Refusal> => {
  const { db } = accounts
  const guess = await guessKey('login', nameKey(input.login))
  const retryAfter = await countGuess(db, guess, accounts.now())
  if (retryAfter > 0) return refuse('rate.limited', { retryAfter })
  const account = await accountByLogin(db, input.login)
  const isRight = account ? verifyPassword(account.passwordHash, input.password) : verifyNothing(input.password)
  if (!account || !isRight) return refuse('auth.invalid_credentials')

  const opening = await newSession(accounts, input)
  const [[session]] = await db.batch([
    ...openSession(db, { ...opening, proof: account }),
    forgiveGuess(db, guess),
    pruneSessions(db, account, opening.now),
  ])
  if (!session) return refuse('auth.invalid_credentials')
  if (needsRehash(account.passwordHash)) {
    await setPasswordHash(db, { id: account.id, from: account.passwordHash, to: hashPassword(input.password) })
  }
  return signedIn(accounts, { ...opening, account })
}

export const refresh = async (accounts: Accounts, input: Refresh): Promise<SignedIn | Refusal> => {
  const { db, env } = accounts
  const { refreshToken: token } = input
  const now = accounts.now()
  const hash = await sha256(token)
  const known = await knownToken(db, hash)
  const successor = await successorOf(token, env.REFRESH_SECRET)
  const successorHash = await sha256(successor)
  const attempt = input.attempt === undefined ? null : await sha256(input.attempt)
  const isSameAttempt = attempt !== null && attempt === known?.attempt
  const isAskedAgain = isSameAttempt && (await knownToken(db, successorHash))?.spentAt === null
  const verdict = judgeRefresh(known && { ...known, isAskedAgain }, now)
  if (!known) return refuse('refresh.invalid')
  const { account, sessionId } = known
  if (verdict === 'refresh.reused') await endSession(accounts, { userId: account.id, sessionId })
  if (verdict !== 'rotate') return refuse(verdict)

  const expiresAt = now + REFRESHED_LIFE.sessionMs
  const rotated = await rotateToken(db, { sessionId, hash, attempt, successorHash, now, expiresAt })
  if (!rotated) return refuse('session.revoked')
  return signedIn(accounts, { account, id: sessionId, token: successor, now, expiresAt, life: REFRESHED_LIFE })
}

/** Who holds this access token, if the session is still live at this moment. */
export const authenticate = async (accounts: Accounts, accessToken: string): Promise<Caller | Refusal> => {
  const now = accounts.now()
  const claims = await verifyAccessToken(accounts.env, accessToken, now)
  if (isRefusal(claims)) return claims
  const session = await liveSession(accounts.db, claims.sessionId, now)
  if (session?.userId !== claims.userId) return refuse('session.revoked')
  return { userId: session.userId, sessionId: session.id }
}

/** Ends one session of a user: first for every request, then its sockets. */
export const endSession = async (
  accounts: Accounts,
  session: { userId: number; sessionId: string },
): Promise<Refusal | null> => {
  const { userId, sessionId } = session
  const { db } = accounts
  const ended = await revokeSession(db, { id: sessionId, userId, now: accounts.now() })
  // An earlier try may have ended it without reaching the sockets.
  if (!ended && !(await isSessionOf(db, { id: sessionId, userId }))) return refuse('session.not_found')
  await insist(() => accounts.socketsOf(userId).endSessions([sessionId]))
  return ended ? null : refuse('session.not_found')
}

export const listSessions = async (accounts: Accounts, caller: Caller): Promise<AuthSession[]> => {
  const sessions = await sessionsOfUser(accounts.db, caller.userId, accounts.now())
  return sessions.map(({ id, device, createdAt, lastUsedAt, expiresAt }) => ({
    id,
    current: id === caller.sessionId,
    device,
    createdAt: new Date(createdAt).toISOString(),
    lastUsedAt: new Date(lastUsedAt).toISOString(),
    expiresAt: new Date(expiresAt).toISOString(),
  }))
}

/** Ends every other session of the caller. */
export const changePassword = async (
  accounts: Accounts,
  caller: Caller,
  input: ChangePassword,
): Promise<Refusal | null> => {
  const { db } = accounts
  const { userId, sessionId } = caller
  const account = await confirmPassword(accounts, userId, input.currentPassword)
  if (isRefusal(account)) return account
  if (isCommonPassword(input.newPassword, account)) return refuse('password.common')

  const passwordHash = hashPassword(input.newPassword)
  const [changed, revoked] = await db.batch([
    setPasswordHash(db, { id: userId, from: account.passwordHash, to: passwordHash }),
    revokeSessionsExcept(db, { userId, sessionId, passwordHash, now: accounts.now() }),
  ])
  // Another request changed it since it was verified.
  if (changed.length === 0) return refuse('password.wrong')
  // By name: somebody who signs in with the new password while this call is under way is none of them.
  const ended = revoked.map((session) => session.id)
  if (ended.length > 0) await insist(() => accounts.socketsOf(userId).endSessions(ended))
  return null
}

/** The account, where this is its password. The tries are counted, right ones too: verifying one and hashing the next are expensive. */
export const confirmPassword = async (
  accounts: Accounts,
  userId: number,
  password: string,
): Promise<Account | Refusal> => {
  const { db } = accounts
  const guess = await guessKey('account', String(userId))
  const retryAfter = await countGuess(db, guess, accounts.now())
  if (retryAfter > 0) return refuse('rate.limited', { retryAfter })
  const account = await accountById(db, userId)
  if (!account) return refuse('session.revoked')
  return verifyPassword(account.passwordHash, password) ? account : refuse('password.wrong')
}

type Opening = { id: string; token: string; now: number; expiresAt: number; life: SessionLife }

const newSession = async (
  accounts: Accounts,
  options: SignInOptions,
): Promise<Opening & { device: string | null; tokenHash: string }> => {
  const { device, life = REFRESHED_LIFE } = options
  const now = accounts.now()
  const token = randomToken(32)
  const tokenHash = await sha256(token)
  return { id: randomToken(16), token, tokenHash, device, now, expiresAt: now + life.sessionMs, life }
}

const signedIn = async (accounts: Accounts, session: Opening & { account: Account }): Promise<SignedIn> => {
  const { account, id, token, now, life } = session
  const accessToken = await signAccessToken(accounts.env, {
    userId: account.id,
    sessionId: id,
    now,
    expiresAt: now + life.accessMs,
  })
  const expiresIn = life.accessMs / 1000
  return { user: meOf(account), sessionId: id, accessToken, refreshToken: token, expiresIn }
}
