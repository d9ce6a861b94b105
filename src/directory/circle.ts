import { eq, or } from 'drizzle-orm'
import type { Directory } from './directory.ts'
import { isFriendshipOf } from './friends.ts'
import { blocks, friendships } from './schema.ts'

/**
 * The friends of a user, and those with whom a block stands, whichever of the two made it: they are not to see each other, nor to bring
 * each other into a group.
 */
export const circleOf = async (db: Directory, userId: number): Promise<{ friends: number[]; hidden: number[] }> => {
  const [friends, hidden] = await db.batch([
    db.select().from(friendships).where(isFriendshipOf(userId)),
    db
      .select()
      .from(blocks)
      .where(or(eq(blocks.blockerId, userId), eq(blocks.blockedId, userId))),
  ])
  return {
    friends: friends.map(({ lowId, highId }) => (lowId === userId ? highId : lowId)),
    hidden: hidden.map(({ blockerId, blockedId }) => (blockerId === userId ? blockedId : blockerId)),
  }
}
