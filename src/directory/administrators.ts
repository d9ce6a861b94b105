import { and, eq, isNull, or } from 'drizzle-orm'
import { nameKey } from '../core/names.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import type { User } from '../protocol/user.ts'
import type { Directory } from './directory.ts'
import { users } from './schema.ts'
import { PUBLIC } from './users.ts'

/** The first account is one; whoever runs the server makes others. */
export const requireAdmin = async (db: Directory, userId: number): Promise<Refusal | null> => {
  const [admin] = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, userId), eq(users.isAdmin, true), isNull(users.deletedAt)))
  return admin ? null : refuse('admin.required')
}

/** Makes an administrator of the account with this username or address. */
export const promote = (db: Directory, login: string): Promise<User | Refusal> => setAdmin(db, login, true)

export const demote = (db: Directory, login: string): Promise<User | Refusal> => setAdmin(db, login, false)

const setAdmin = async (db: Directory, login: string, isAdmin: boolean): Promise<User | Refusal> => {
  const key = nameKey(login.trim())
  const [user] = await db
    .update(users)
    .set({ isAdmin })
    .where(and(or(eq(users.usernameKey, key), eq(users.emailKey, key)), isNull(users.deletedAt)))
    .returning(PUBLIC)
  return user ?? refuse('user.not_found')
}
