import { and, count, eq, gt, inArray, isNull, not, type SQL, sql } from 'drizzle-orm'
import { DAY_MS } from '../core/time.ts'
import type { ConversationKind, InboxEntry } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { tooMany } from './daily-limit.ts'
import type { Directory } from './directory.ts'
import { areBlocked, pairKey } from './pairs.ts'
import type { DirectoryContext } from './context.ts'
import { conversations, users } from './schema.ts'
import { userById } from './users.ts'

/** `created` is false where it existed before. */
export type Registered = { id: number; created: boolean }

/**
 * Opens the direct conversation of two people, made by the first of them if there is none. `entry` is the first one's. Refuses with
 * `server.unavailable` while the hub of who asks does not know of it: what they say there would be refused.
 */
export const openDirect = async (
  context: Pick<DirectoryContext, 'db' | 'conversationOf' | 'now'>,
  pair: { userId: number; otherId: number; askedBy?: number },
): Promise<{ entry: InboxEntry; created: boolean } | Refusal> => {
  const { userId, otherId, askedBy = userId } = pair
  if (otherId === userId) return refuse('conversation.with_self')
  const other = await userById(context.db, otherId)
  if (isRefusal(other)) return other
  // A second time where the first finds one that was deleted; a third, where somebody opened and deleted one in between.
  for (let tries = 0; tries < 3; tries += 1) {
    const registered = await findOrCreateDirect(context.db, { createdBy: userId, otherId, now: context.now() })
    if (isRefusal(registered)) return registered
    // The object is asked every time: where an earlier request registered the conversation and died, this one makes it.
    const { id: conversationId, created } = registered
    const direct = { conversationId, kind: 'direct' as const, title: null, userIds: [userId, otherId] }
    const made = await context.conversationOf(conversationId).create(direct)
    if (isRefusal(made)) return made
    const { entry, untold } = made
    if (entry) return untold.includes(askedBy) ? refuse('server.unavailable', { retryAfter: 1 }) : { entry, created }
    await releasePair(context.db, conversationId)
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
 * whom one has blocked the other or whose account ended: that is part of the statement, or a block of the same moment could be missed.
 */
export const findOrCreateDirect = async (
  db: Directory,
  direct: { createdBy: number; otherId: number; now: number },
): Promise<Registered | Refusal> => {
  const { createdBy, otherId, now } = direct
  const pair = pairKey(createdBy, otherId)
  const both = [createdBy, otherId]
  const areLiving = and(inArray(users.id, both), isNull(users.deletedAt))
  const living = db.select({ count: count() }).from(users).where(areLiving)
  const mayMeet = and(not(areBlocked(db, createdBy, otherId)), sql`(${living}) = ${both.length}`)
  const [[made], [found], present] = await db.batch([
    register(db, { kind: 'direct', pair, createdBy, now }, and(eq(users.id, otherId), mayMeet)),
    db
      .select({ id: conversations.id })
      .from(conversations)
      .where(and(eq(conversations.pair, pair), mayMeet)),
    db
      .select({ isBlocked: sql<number>`${areBlocked(db, createdBy, otherId)}` })
      .from(users)
      .where(areLiving),
  ])
  if (found) return { id: found.id, created: made !== undefined }
  if (present.length < both.length) return refuse('user.not_found')
  return present[0]?.isBlocked ? refuse('conversation.blocked') : tooMany
}

/**
 * Adds a row where there is none of the same pair or `clientId`, the condition on a user holds, and this user has not begun too many:
 * one statement, for requests of the same moment must not slip past any of these.
 */
export const register = (
  db: Directory,
  row: { kind: ConversationKind; pair?: string; createdBy: number; clientId?: string | null; now: number },
  condition: SQL | undefined,
) => {
  const { kind, pair = null, createdBy, clientId = null, now } = row
  const begun = db
    .select({ count: count() })
    .from(conversations)
    .where(and(eq(conversations.createdBy, createdBy), gt(conversations.createdAt, now - DAY_MS)))
  return db
    .insert(conversations)
    .select(
      db
        .select({
          id: sql<number>`NULL`.as('id'),
          kind: sql<ConversationKind>`${kind}`.as('kind'),
          pair: sql<string | null>`${pair}`.as('pair'),
          createdBy: sql<number>`${createdBy}`.as('created_by'),
          clientId: sql<string | null>`${clientId}`.as('client_id'),
          createdAt: sql<number>`${now}`.as('created_at'),
        })
        .from(users)
        .where(and(condition, sql`(${begun}) < ${LIMITS.conversationsPerDay}`)),
    )
    .onConflictDoNothing()
    .returning({ id: conversations.id })
}

/** Whether there is or was one of this number. */
export const conversationExists = async (db: Directory, id: number): Promise<boolean> => {
  const found = await db.select({ id: conversations.id }).from(conversations).where(eq(conversations.id, id))
  return found.length > 0
}
