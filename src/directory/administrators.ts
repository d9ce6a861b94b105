import { and, eq, isNull } from 'drizzle-orm'
import { nameKey } from '../core/names.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import type { Directory } from './directory.ts'
import { users } from './schema.ts'

/** The first account is an administrator; whoever runs the server makes others. */
export const requireAdmin = async (db: Directory, userId: number): Promise<Refusal | null> => {
  const [admin] = await db
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, userId), eq(users.isAdmin, true), isNull(users.deletedAt)))
  return admin ? null : refuse('admin.required')
}

/**
 * Makes the account with this username or address an administrator, or no longer one; answers its row, or none where there is
 * no such account. As text, for the command line can bind no parameters.
 */
export const appointment = (login: string, isAdmin: boolean): string => {
  const key = `'${nameKey(login.trim()).replaceAll("'", "''")}'`
  return `UPDATE users SET is_admin = ${isAdmin ? 1 : 0}
    WHERE (username_key = ${key} OR email_key = ${key}) AND deleted_at IS NULL RETURNING username`
}
