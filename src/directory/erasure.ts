import { eq, or } from 'drizzle-orm'
import type { Refusal } from '../protocol/errors.ts'
import { circleOf } from './circle.ts'
import {
  type DirectoryContext,
  refreshCirclesLater,
  retryable,
  seeThrough,
  tell,
  tellLater,
  tryLater,
} from './context.ts'
import { openMatters, tellOfEnd } from './farewell.ts'
import { insist } from './insist.ts'
import {
  blocks,
  conversations,
  events,
  friendRequests,
  friendships,
  invitations,
  rsvps,
  sessions,
  snapshot,
  users,
} from './schema.ts'

/**
 * Ends an account: what it wrote loses its content, it is a member of nothing, and its row keeps no more than its number. The names
 * are free again. What fails half-way can be asked again.
 */
export const eraseAccount = async (context: DirectoryContext, userId: number): Promise<Refusal | null> => {
  const { db, hubOf } = context
  // Before, while there is still somebody to try again; and after, for what came in between.
  const refusal = await hubOf(userId).erase({ endSessions: false })
  if (refusal) return refusal
  const [{ friends }, open] = await Promise.all([circleOf(db, userId), openMatters(db, userId)])
  try {
    await db.batch([
      // The row stays, for messages name it. No username begins with `#`, and no address.
      db
        .update(users)
        .set({
          username: 'deleted',
          usernameKey: `#${userId}`,
          email: '',
          emailKey: `#${userId}`,
          displayName: 'Deleted user',
          displayNameKey: '',
          passwordHash: '',
          isAdmin: false,
          deletedAt: context.now(),
        })
        .where(eq(users.id, userId)),
      db.delete(sessions).where(eq(sessions.userId, userId)),
      db.delete(friendships).where(or(eq(friendships.lowId, userId), eq(friendships.highId, userId))),
      db.delete(friendRequests).where(or(eq(friendRequests.fromId, userId), eq(friendRequests.toId, userId))),
      db.delete(blocks).where(or(eq(blocks.blockerId, userId), eq(blocks.blockedId, userId))),
      db.delete(invitations).where(or(eq(invitations.fromId, userId), eq(invitations.toId, userId))),
      db.delete(rsvps).where(eq(rsvps.userId, userId)),
      db.delete(events).where(eq(events.organizerId, userId)),
      db.update(conversations).set({ clientId: null }).where(eq(conversations.createdBy, userId)),
      // A backup that reads it takes another, without this account.
      db.delete(snapshot),
    ])
  } catch (error) {
    // It may be done, with the answer lost: nobody can ask again then.
    tryLater(context, userId, () => endIfGone(context, userId))
    throw error
  } finally {
    refreshCirclesLater(context, [userId, ...friends])
  }
  tell(context, friends, { type: 'friend.removed', userId })
  tellLater(context, userId, () => tellOfEnd(context, userId, open))
  await seeThrough(context, userId, () => endForGood(context, userId))
  return null
}

const endIfGone = async (context: DirectoryContext, userId: number): Promise<void> => {
  const [account] = await context.db.select({ deletedAt: users.deletedAt }).from(users).where(eq(users.id, userId))
  if (account && account.deletedAt !== null) await endForGood(context, userId)
}

const endForGood = async ({ hubOf }: DirectoryContext, userId: number): Promise<void> => {
  const refusal = await insist(() => hubOf(userId).erase({ endSessions: true }))
  // Thrown, for it is to be tried again: nobody else can.
  if (refusal) throw retryable(refusal)
}
