import { and, eq } from 'drizzle-orm'
import type { Directory } from './directory.ts'
import { conversations } from './schema.ts'

/** `created` is false where it existed before. */
export type Registered = { id: number; created: boolean }

/** The one direct conversation of two people, whoever asks first and however many ask at once. */
export const findOrCreateDirect = async (
  db: Directory,
  direct: { createdBy: number; otherId: number; now: number },
): Promise<Registered> => {
  const { createdBy, otherId, now } = direct
  const pair = `${Math.min(createdBy, otherId)}:${Math.max(createdBy, otherId)}`
  const [made] = await db
    .insert(conversations)
    .values({ kind: 'direct', pair, createdBy, createdAt: now })
    .onConflictDoNothing({ target: conversations.pair })
    .returning({ id: conversations.id })
  if (made) return { ...made, created: true }
  const [found] = await db.select({ id: conversations.id }).from(conversations).where(eq(conversations.pair, pair))
  if (!found) throw new Error('a direct conversation vanished while it was looked up')
  return { ...found, created: false }
}

/** A new group; asked again with the same `clientId` it is the same one. */
export const createGroup = async (
  db: Directory,
  group: { createdBy: number; clientId?: string | undefined; now: number },
): Promise<Registered> => {
  const { createdBy, clientId = null, now } = group
  const [made] = await db
    .insert(conversations)
    .values({ kind: 'group', createdBy, clientId, createdAt: now })
    .onConflictDoNothing({ target: [conversations.createdBy, conversations.clientId] })
    .returning({ id: conversations.id })
  if (made) return { ...made, created: true }
  const [found] = await db
    .select({ id: conversations.id })
    .from(conversations)
    .where(and(eq(conversations.createdBy, createdBy), eq(conversations.clientId, clientId ?? '')))
  if (!found) throw new Error('a group vanished while it was looked up')
  return { ...found, created: false }
}
