import { and, asc, eq, gt, gte, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import { nameKey } from '../core/names.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import type { Me, UpdateMe, User, UserPage } from '../protocol/user.ts'
import type { Directory } from './directory.ts'
import { countGuess, guessKey } from './login-attempts.ts'
import { pageFrom } from './page.ts'
import { users } from './schema.ts'
import { valuesOf } from './values-of.ts'

export type Account = typeof users.$inferSelect

export type NewAccount = {
  username: string
  email: string
  displayName: string
  passwordHash: string
  now: number
}

/** Adds nothing where the username or the address is taken. The first account of all becomes the administrator. */
export const insertUser = (db: Directory, account: NewAccount) =>
  db
    .insert(users)
    .values({
      username: account.username,
      usernameKey: nameKey(account.username),
      email: account.email,
      emailKey: nameKey(account.email),
      displayName: account.displayName,
      displayNameKey: nameKey(account.displayName),
      passwordHash: account.passwordHash,
      isAdmin: sql`NOT EXISTS (SELECT 1 FROM ${users})`,
      createdAt: account.now,
    })
    .onConflictDoNothing()
    .returning()

/** Which of the two is taken, if one is. */
export const takenName = async (db: Directory, names: { username: string; email: string }): Promise<Refusal | null> => {
  const usernameKey = nameKey(names.username)
  const emailKey = nameKey(names.email)
  const found = await db
    .select({ usernameKey: users.usernameKey })
    .from(users)
    .where(or(eq(users.usernameKey, usernameKey), eq(users.emailKey, emailKey)))
  if (found.length === 0) return null
  return refuse(found.some((each) => each.usernameKey === usernameKey) ? 'username.taken' : 'email.taken')
}

/** The account that signs in as `login`, a username or an address. */
export const accountByLogin = async (db: Directory, login: string): Promise<Account | undefined> => {
  const key = nameKey(login)
  const [account] = await db
    .select()
    .from(users)
    .where(and(or(eq(users.usernameKey, key), eq(users.emailKey, key)), isNull(users.deletedAt)))
  return account
}

export const accountById = async (db: Directory, id: number): Promise<Account | undefined> => {
  const [account] = await db
    .select()
    .from(users)
    .where(and(eq(users.id, id), isNull(users.deletedAt)))
  return account
}

export const profileOf = async (db: Directory, id: number): Promise<Me | Refusal> => {
  const account = await accountById(db, id)
  return account ? meOf(account) : refuse('user.not_found')
}

export const userById = async (db: Directory, id: number): Promise<User | Refusal> => {
  const [user] = await usersByIds(db, [id])
  return user ?? refuse('user.not_found')
}

/** The columns that anybody may see, of `users` or of an alias of it. */
export const publicOf = <Table extends { id: unknown; username: unknown; displayName: unknown }>(table: Table) => {
  const { id, username, displayName }: Pick<Table, 'id' | 'username' | 'displayName'> = table
  return { id, username, displayName }
}
export const PUBLIC = publicOf(users)

/** Those of them that exist, by rising id. */
export const usersByIds = (db: Directory, ids: number[]): Promise<User[]> =>
  db
    .select(PUBLIC)
    .from(users)
    .where(and(inArray(users.id, valuesOf(ids)), isNull(users.deletedAt)))
    .orderBy(asc(users.id))

/** Two people in the order asked for, where both exist. */
export const bothUsers = async (db: Directory, pair: [number, number]): Promise<[User, User] | Refusal> => {
  const found = await usersByIds(db, pair)
  const [one, other] = pair.map((id) => found.find((user) => user.id === id))
  return one && other ? [one, other] : refuse('user.not_found')
}

/** People whose username or display name starts with `query`, or everybody; by rising id. */
export const searchUsers = async (
  db: Directory,
  search: { query?: string | undefined; cursor?: number | undefined; limit: number },
): Promise<UserPage> => {
  const { query, cursor = 0, limit } = search
  const found = await db
    .select(PUBLIC)
    .from(users)
    .where(and(isNull(users.deletedAt), query === undefined ? gt(users.id, cursor) : startsWith(query, cursor)))
    .orderBy(asc(users.id))
    .limit(limit + 1)
  const { rows: items, nextCursor } = pageFrom(found, limit, ({ id }) => id)
  return { items, nextCursor }
}

/** Changes nothing where the new address is another account's; who tries address after address is soon told to wait. */
export const updateProfile = async (
  db: Directory,
  input: { userId: number; change: UpdateMe; now: number },
): Promise<Me | Refusal> => {
  const { userId: id, change, now } = input
  const { displayName, email } = change
  const account = await accountById(db, id)
  if (!account) return refuse('session.revoked')
  const isOther = email !== undefined && nameKey(email) !== account.emailKey
  const retryAfter = isOther ? await countGuess(db, await guessKey('email', String(id)), now) : 0
  if (retryAfter > 0) return refuse('rate.limited', { retryAfter })
  const [changed] = await db
    .update(users)
    .set({
      // What is not changed is set to itself, for an update must set something.
      displayName: displayName ?? sql`${users.displayName}`,
      displayNameKey: displayName === undefined ? sql`${users.displayNameKey}` : nameKey(displayName),
      email: email ?? sql`${users.email}`,
      emailKey: email === undefined ? sql`${users.emailKey}` : nameKey(email),
    })
    .where(and(eq(users.id, id), isNull(users.deletedAt), email === undefined ? undefined : isFree(email, id)))
    .returning()
  if (changed) return meOf(changed)
  return refuse(email === undefined ? 'session.revoked' : 'email.taken')
}

export const setPasswordHash = (db: Directory, change: { id: number; from: string; to: string }) =>
  db
    .update(users)
    .set({ passwordHash: change.to })
    .where(and(eq(users.id, change.id), eq(users.passwordHash, change.from)))
    .returning({ id: users.id })

export const meOf = ({ id, username, displayName, email, createdAt }: Account): Me => ({
  id,
  username,
  displayName,
  email,
  createdAt: new Date(createdAt).toISOString(),
})

// Ranges instead of LIKE: they use the indexes, and nothing in the query is a wildcard. The plus keeps SQLite from walking
// through everybody by id instead.
const startsWith = (query: string, cursor: number) => {
  const from = nameKey(query)
  const to = `${from}\u{10FFFF}`
  return and(
    or(
      and(gte(users.usernameKey, from), lt(users.usernameKey, to)),
      and(gte(users.displayNameKey, from), lt(users.displayNameKey, to)),
    ),
    sql`+${users.id} > ${cursor}`,
  )
}

const isFree = (email: string, ownId: number) =>
  sql`NOT EXISTS (SELECT 1 FROM ${users} AS other WHERE other.email_key = ${nameKey(email)} AND other.id <> ${ownId})`
