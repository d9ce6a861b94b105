import { and, asc, count, desc, eq, gt, inArray, isNull, lt, ne, not, or, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import type { Friend, FriendPage, FriendRequest, FriendRequestOutcome, FriendRequestPage } from '../protocol/friend.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { PageQuery } from '../protocol/page.ts'
import type { Directory } from './directory.ts'
import { pageFrom } from './page.ts'
import { areBlocked, areFriends, isFriendship } from './pairs.ts'
import { type DirectoryContext, refreshCirclesLater, tell } from './context.ts'
import { friendRequests, friendships, users } from './schema.ts'
import { bothUsers, PUBLIC, publicOf } from './users.ts'

/** The caller's friends, by rising id. */
export const friendsOf = async (db: Directory, userId: number, page: PageQuery): Promise<FriendPage> => {
  const { cursor = 0, limit } = page
  const other = sql`CASE ${friendships.lowId} WHEN ${userId} THEN ${friendships.highId} ELSE ${friendships.lowId} END`
  const found = await db
    .select({ user: PUBLIC, since: friendships.createdAt })
    .from(friendships)
    .innerJoin(users, eq(users.id, other))
    .where(and(isFriendshipOf(userId), gt(users.id, cursor), isNull(users.deletedAt)))
    .orderBy(asc(users.id))
    .limit(limit + 1)
  const { rows, nextCursor } = pageFrom(found, limit, ({ user }) => user.id)
  return { items: rows.map(({ user, since }) => ({ user, since: new Date(since).toISOString() })), nextCursor }
}

/** Open requests, both ways, the newest first. */
export const friendRequestsOf = async (db: Directory, userId: number, page: PageQuery): Promise<FriendRequestPage> => {
  const { cursor, limit } = page
  const found = await selectRequests(db)
    .where(
      and(
        or(eq(friendRequests.fromId, userId), eq(friendRequests.toId, userId)),
        cursor === undefined ? undefined : lt(friendRequests.id, cursor),
        isNull(asker.deletedAt),
        isNull(asked.deletedAt),
      ),
    )
    .orderBy(desc(friendRequests.id))
    .limit(limit + 1)
  const { rows, nextCursor } = pageFrom(found, limit, ({ id }) => id)
  return { items: rows.map(requestView), nextCursor }
}

/** Asks somebody to be friends; where the other has asked already, they are friends at once. `created` is false on a repeat. */
export const askToBeFriends = async (
  context: DirectoryContext,
  ask: { userId: number; otherId: number },
): Promise<{ outcome: FriendRequestOutcome; created: boolean } | Refusal> => {
  const { db } = context
  const { userId, otherId } = ask
  if (userId === otherId) return refuse('friend.with_self')
  const both = await bothUsers(db, [userId, otherId])
  if (isRefusal(both)) return both
  const [asked] = await db
    .select({ count: count() })
    .from(friendRequests)
    .where(and(eq(friendRequests.fromId, userId), ne(friendRequests.toId, otherId)))
  const isFull = (asked?.count ?? 0) >= LIMITS.openRequests
  // Who was asked by the other only agrees.
  if (isFull && isRefusal(await requestBetween(db, { fromId: otherId, toId: userId }))) return refuse('limit.reached')
  const now = context.now()
  const isOpposite = and(eq(friendRequests.fromId, otherId), eq(friendRequests.toId, userId))
  // One transaction: two who ask each other in the same moment become friends, whoever comes second.
  const [befriended, [opposite], [made], [open], [friendship]] = await db.batch([
    befriend(db, { now, request: isOpposite }),
    db.delete(friendRequests).where(isOpposite).returning(),
    db
      .insert(friendRequests)
      .select(
        db
          .select({
            id: sql<number>`NULL`.as('id'),
            fromId: sql<number>`${userId}`.as('from_id'),
            toId: users.id,
            createdAt: sql<number>`${now}`.as('created_at'),
          })
          .from(users)
          .where(
            and(eq(users.id, otherId), not(areFriends(db, userId, otherId)), not(areBlocked(db, userId, otherId))),
          ),
      )
      .onConflictDoNothing()
      .returning(),
    db
      .select()
      .from(friendRequests)
      .where(and(eq(friendRequests.fromId, userId), eq(friendRequests.toId, otherId))),
    db.select().from(friendships).where(isFriendship(userId, otherId)),
  ])
  const [from, to] = both
  if (befriended.length > 0 && opposite) {
    const friend = welcome(context, { id: opposite.id, from: to, to: from }, now)
    return { outcome: { state: 'friends', friend }, created: true }
  }
  if (friendship) return refuse('friend.already')
  if (!open) return refuse('conversation.blocked')
  const request = requestView({ id: open.id, from, to, createdAt: open.createdAt })
  if (made) tell(context, [userId, otherId], { type: 'friend.requested', request })
  return { outcome: { state: 'pending', request }, created: made !== undefined }
}

/** The open request that one person made to another. */
export const requestBetween = async (
  db: Directory,
  pair: { fromId: number; toId: number },
): Promise<{ id: number } | Refusal> => {
  const [open] = await db
    .select({ id: friendRequests.id })
    .from(friendRequests)
    .where(and(eq(friendRequests.fromId, pair.fromId), eq(friendRequests.toId, pair.toId)))
  return open ?? refuse('friend_request.not_found')
}

/** Only who was asked can accept. */
export const acceptFriendRequest = async (
  context: DirectoryContext,
  answer: { userId: number; requestId: number },
): Promise<Friend | Refusal> => {
  const { db } = context
  const now = context.now()
  const isAsked = and(eq(friendRequests.id, answer.requestId), eq(friendRequests.toId, answer.userId))
  // Who they are is read with it: what fails afterwards would leave two friends who were not told.
  const askerId = db.select({ id: friendRequests.fromId }).from(friendRequests).where(isAsked)
  const [both, , [request]] = await db.batch([
    db
      .select(PUBLIC)
      .from(users)
      .where(or(eq(users.id, answer.userId), inArray(users.id, askerId))),
    befriend(db, { now, request: isAsked }),
    db.delete(friendRequests).where(isAsked).returning(),
  ])
  const [from, to] = [request?.fromId, request?.toId].map((id) => both.find((user) => user.id === id))
  return request && from && to
    ? welcome(context, { id: request.id, from, to }, now)
    : refuse('friend_request.not_found')
}

/** Who was asked declines. */
export const declineFriendRequest = (context: DirectoryContext, answer: { userId: number; requestId: number }) =>
  closeRequest(context, and(eq(friendRequests.id, answer.requestId), eq(friendRequests.toId, answer.userId)))

/** Who asked takes it back. */
export const takeBackFriendRequest = (context: DirectoryContext, request: { userId: number; requestId: number }) =>
  closeRequest(context, and(eq(friendRequests.id, request.requestId), eq(friendRequests.fromId, request.userId)))

export const unfriend = async (
  context: DirectoryContext,
  pair: { userId: number; otherId: number },
): Promise<Refusal | null> => {
  const { userId, otherId } = pair
  const ended = await endFriendship(context.db, userId, otherId)
  if (ended.length === 0) return refuse('friend.not_found')
  refreshCirclesLater(context, [userId, otherId])
  tellFriendRemoved(context, userId, otherId)
  return null
}

export const endFriendship = (db: Directory, userId: number, otherId: number) =>
  db.delete(friendships).where(isFriendship(userId, otherId)).returning()

/** Ends what either has asked of the other. */
export const endRequests = (db: Directory, userId: number, otherId: number) =>
  db
    .delete(friendRequests)
    .where(and(inArray(friendRequests.fromId, [userId, otherId]), inArray(friendRequests.toId, [userId, otherId])))
    .returning({ id: friendRequests.id })

export const tellFriendRemoved = (context: DirectoryContext, userId: number, otherId: number): void => {
  tell(context, [userId], { type: 'friend.removed', userId: otherId })
  tell(context, [otherId], { type: 'friend.removed', userId })
}

type Condition = ReturnType<typeof and>

const asker = alias(users, 'asker')
const asked = alias(users, 'asked')

const selectRequests = (db: Directory) =>
  db
    .select({
      id: friendRequests.id,
      from: publicOf(asker),
      to: publicOf(asked),
      createdAt: friendRequests.createdAt,
    })
    .from(friendRequests)
    .innerJoin(asker, eq(asker.id, friendRequests.fromId))
    .innerJoin(asked, eq(asked.id, friendRequests.toId))

const requestView = (row: Omit<FriendRequest, 'createdAt'> & { createdAt: number }): FriendRequest => ({
  ...row,
  createdAt: new Date(row.createdAt).toISOString(),
})

export const isFriendshipOf = (userId: number) => or(eq(friendships.lowId, userId), eq(friendships.highId, userId))

/** A friendship out of a request, if there is one. */
const befriend = (db: Directory, input: { now: number; request: Condition }) =>
  db
    .insert(friendships)
    .select(
      db
        .select({
          lowId: sql<number>`min(${friendRequests.fromId}, ${friendRequests.toId})`.as('low_id'),
          highId: sql<number>`max(${friendRequests.fromId}, ${friendRequests.toId})`.as('high_id'),
          createdAt: sql<number>`${input.now}`.as('created_at'),
        })
        .from(friendRequests)
        .where(input.request),
    )
    .onConflictDoNothing()
    .returning()

/** Tells both that they are friends now; answers the friend of who accepted. */
const welcome = (
  context: DirectoryContext,
  request: Pick<FriendRequest, 'id' | 'from' | 'to'>,
  now: number,
): Friend => {
  const { id: requestId, from, to } = request
  refreshCirclesLater(context, [from.id, to.id])
  const since = new Date(now).toISOString()
  const ofAsked: Friend = { user: from, since }
  const added = { type: 'friend.added' as const, requestId, acceptedBy: to.id }
  tell(context, [to.id], { ...added, friend: ofAsked })
  tell(context, [from.id], { ...added, friend: { user: to, since } })
  return ofAsked
}

const closeRequest = async (context: DirectoryContext, which: Condition): Promise<Refusal | null> => {
  const [closed] = await context.db.delete(friendRequests).where(which).returning()
  if (!closed) return refuse('friend_request.not_found')
  tell(context, [closed.fromId, closed.toId], { type: 'friend.request_closed', requestId: closed.id })
  return null
}
