import { and, eq, isNull, not, sql } from 'drizzle-orm'
import type { InboxEntry } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import type { Directory } from './directory.ts'
import { areBlocked, pairKey } from './pairs.ts'
import type { People } from './people.ts'
import { conversations, users } from './schema.ts'
import { userById } from './users.ts'

/** `created` is false where it existed before. */
export type Registered = { id: number; created: boolean }

/** Opens the direct conversation of two people, made by the first of them if there is none. `entry` is the first one's. */
export const openDirect = async (
  people: Pick<People, 'db' | 'conversationOf' | 'now'>,
  pair: { userId: number; otherId: number },
): Promise<{ entry: InboxEntry; created: boolean } | Refusal> => {
  const { userId, otherId } = pair
  if (otherId === userId) return refuse('conversation.with_self')
  const other = await userById(people.db, otherId)
  if (isRefusal(other)) return other
  // A second time where the first finds one that was deleted; a third, where somebody opened and deleted one in between.
  for (let tries = 0; tries < 3; tries += 1) {
    const registered = await findOrCreateDirect(people.db, { createdBy: userId, otherId, now: people.now() })
    if (isRefusal(registered)) return registered
    // The object is asked every time: where an earlier request registered the conversation and died, this one makes it.
    const { id: conversationId, created } = registered
    const made = { conversationId, kind: 'direct' as const, title: null, userIds: [userId, otherId] }
    const entry = await people.conversationOf(conversationId).create(made)
    if (entry) return { entry, created }
    await releasePair(people.db, conversationId)
  }
  return refuse('conversation.not_found')
}

/**
 * Lets the two people of a deleted conversation have another. Done when they open one rather than when the first is deleted: it
 * is the object that knows, and no step is left that could be missed.
 */
const releasePair = (db: Directory, conversationId: number) =>
  db.update(conversations).set({ pair: null }).where(eq(conversations.id, conversationId))

/**
 * The one direct conversation of two people, whoever asks first and however many ask at once. None, new or old, for two of
 * whom one has blocked the other: that is part of the statement, or a block of the same moment could be missed.
 */
export const findOrCreateDirect = async (
  db: Directory,
  direct: { createdBy: number; otherId: number; now: number },
): Promise<Registered | Refusal> => {
  const { createdBy, otherId, now } = direct
  const pair = pairKey(createdBy, otherId)
  const mayMeet = not(areBlocked(db, createdBy, otherId))
  const [[made], [found]] = await db.batch([
    db
      .insert(conversations)
      .select(
        db
          .select({
            id: sql<number>`NULL`.as('id'),
            kind: sql<'direct'>`'direct'`.as('kind'),
            pair: sql<string>`${pair}`.as('pair'),
            createdBy: sql<number>`${createdBy}`.as('created_by'),
            clientId: sql<null>`NULL`.as('client_id'),
            createdAt: sql<number>`${now}`.as('created_at'),
          })
          .from(users)
          .where(and(eq(users.id, otherId), isNull(users.deletedAt), mayMeet)),
      )
      .onConflictDoNothing()
      .returning({ id: conversations.id }),
    db
      .select({ id: conversations.id })
      .from(conversations)
      .where(and(eq(conversations.pair, pair), mayMeet)),
  ])
  if (!found) return refuse('conversation.blocked')
  return { id: found.id, created: made !== undefined }
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

/** Whether there is or was one of this number. */
export const conversationExists = async (db: Directory, id: number): Promise<boolean> => {
  const found = await db.select({ id: conversations.id }).from(conversations).where(eq(conversations.id, id))
  return found.length > 0
}
