import { and, eq, exists, or } from 'drizzle-orm'
import type { Directory } from './directory.ts'
import { blocks, friendships } from './schema.ts'

/** Conditions about two people, whoever of them asks. */

export const isFriendship = (a: number, b: number) =>
  and(eq(friendships.lowId, Math.min(a, b)), eq(friendships.highId, Math.max(a, b)))

export const areFriends = (db: Directory, a: number, b: number) =>
  exists(db.select().from(friendships).where(isFriendship(a, b)))

/** Whether one of them has blocked the other. */
export const areBlocked = (db: Directory, a: number, b: number) =>
  exists(
    db
      .select()
      .from(blocks)
      .where(
        or(
          and(eq(blocks.blockerId, a), eq(blocks.blockedId, b)),
          and(eq(blocks.blockerId, b), eq(blocks.blockedId, a)),
        ),
      ),
  )

/** What a direct conversation of theirs is registered under. */
export const pairKey = (a: number, b: number): string => `${Math.min(a, b)}:${Math.max(a, b)}`
