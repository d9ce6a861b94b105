import { and, asc, count, eq, gt, isNull, ne, or } from 'drizzle-orm'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import type { Block, BlockPage } from '../protocol/friend.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { PageQuery } from '../protocol/page.ts'
import type { Directory } from './directory.ts'
import { endFriendship, endRequests, tellFriendRemoved } from './friends.ts'
import { insist } from './insist.ts'
import { declineBetween, tellInvitationAnswered } from './invitations.ts'
import { pageFrom } from './page.ts'
import { pairKey } from './pairs.ts'
import { type DirectoryContext, refreshCircles, seeThrough, tell, tellLater } from './context.ts'
import { blocks, conversations, users } from './schema.ts'
import { PUBLIC, userById, usersByIds } from './users.ts'

/** Whom the caller has blocked, by rising id. Nobody is told who blocked them. */
export const blocksOf = async (db: Directory, userId: number, page: PageQuery): Promise<BlockPage> => {
  const { cursor = 0, limit } = page
  const found = await db
    .select({ user: PUBLIC, since: blocks.createdAt })
    .from(blocks)
    .innerJoin(users, eq(users.id, blocks.blockedId))
    .where(and(eq(blocks.blockerId, userId), gt(users.id, cursor), isNull(users.deletedAt)))
    .orderBy(asc(users.id))
    .limit(limit + 1)
  const { rows, nextCursor } = pageFrom(found, limit, ({ user }) => user.id)
  return { items: rows.map(({ user, since }) => ({ user, since: new Date(since).toISOString() })), nextCursor }
}

/**
 * Ends what is between the two, friendship, requests and open invitations, and keeps it from beginning again. Once it answered,
 * no direct message passes and neither sees the other online. Doing it again mends what an earlier try left undone.
 */
export const block = async (
  context: DirectoryContext,
  pair: { userId: number; otherId: number },
): Promise<Block | Refusal> => {
  const { db } = context
  const { userId, otherId } = pair
  if (userId === otherId) return refuse('block.with_self')
  const user = await userById(db, otherId)
  if (isRefusal(user)) return user
  const [made] = await db
    .select({ count: count() })
    .from(blocks)
    .where(and(eq(blocks.blockerId, userId), ne(blocks.blockedId, otherId)))
  if ((made?.count ?? 0) >= LIMITS.blocks) return refuse('limit.reached')
  const now = context.now()
  const [, [existing], friendships, requests, invitations] = await db.batch([
    db.insert(blocks).values({ blockerId: userId, blockedId: otherId, createdAt: now }).onConflictDoNothing(),
    db.select().from(blocks).where(isBlock(userId, otherId)),
    endFriendship(db, userId, otherId),
    endRequests(db, userId, otherId),
    declineBetween(db, { userId, otherId, now }),
  ])
  // Nobody would be told where what follows fails: another try finds nothing that it ends.
  if (friendships.length > 0) tellFriendRemoved(context, userId, otherId)
  for (const { id } of requests) tell(context, [userId, otherId], { type: 'friend.request_closed', requestId: id })
  for (const { id } of invitations) tellLater(context, userId, () => tellInvitationAnswered(context, id))
  await apply(context, userId, otherId)
  return { user, since: new Date(existing?.createdAt ?? now).toISOString() }
}

/** Nothing that the block ended comes back by itself. */
export const unblock = async (context: DirectoryContext, pair: { userId: number; otherId: number }): Promise<null> => {
  const { userId, otherId } = pair
  await context.db.delete(blocks).where(isBlock(userId, otherId))
  await apply(context, userId, otherId)
  return null
}

/** Who of two people has blocked the other, for their conversation. */
export const blockersAmong = async (db: Directory, pair: [number, number]): Promise<number[]> => {
  const [one, other] = pair
  const found = await db
    .select({ blockerId: blocks.blockerId })
    .from(blocks)
    .where(or(isBlock(one, other), isBlock(other, one)))
  return found.map(({ blockerId }) => blockerId)
}

const isBlock = (blockerId: number, blockedId: number) =>
  and(eq(blocks.blockerId, blockerId), eq(blocks.blockedId, blockedId))

/** Has everything that keeps a copy of the two people's blocks look again. */
const apply = (context: DirectoryContext, userId: number, otherId: number): Promise<void> =>
  seeThrough(context, userId, async () => {
    // Of nobody, and of an account that ended, no hub keeps a copy; asking would make one.
    const existing = await usersByIds(context.db, [userId, otherId])
    const hubs = existing.map(({ id }) => id)
    await Promise.all([refreshConversation(context, userId, otherId), refreshCircles(context, hubs)])
  })

const refreshConversation = async (context: DirectoryContext, userId: number, otherId: number): Promise<void> => {
  const { db, conversationOf } = context
  const [found] = await db
    .select({ id: conversations.id, createdBy: conversations.createdBy })
    .from(conversations)
    .where(eq(conversations.pair, pairKey(userId, otherId)))
  if (!found) return
  const { id: conversationId, createdBy } = found
  if (await insist(() => conversationOf(conversationId).blocksChanged())) return
  // Registered by a request that has not reached the object, and may yet: it must not find the object without the block.
  const userIds = createdBy === userId ? [userId, otherId] : [otherId, userId]
  await insist(() => conversationOf(conversationId).create({ conversationId, kind: 'direct', title: null, userIds }))
  await insist(() => conversationOf(conversationId).blocksChanged())
}
