import { and, inArray, isNotNull } from 'drizzle-orm'
import { isRefusal, type Refusal } from '../protocol/errors.ts'
import type { Restored } from '../protocol/restoration.ts'
import type { Directory } from './directory.ts'
import { insist } from './insist.ts'
import type { DirectoryContext } from './context.ts'
import { users } from './schema.ts'
import { valuesOf } from './values-of.ts'

/** Puts a conversation back to how it stood at `time`. What fails half-way is to be asked again until it is answered. */
export const restoreConversation = async (
  { conversationOf }: Pick<DirectoryContext, 'conversationOf'>,
  { conversationId, time }: { conversationId: number; time: number },
): Promise<Restored | Refusal> => {
  const former = await conversationOf(conversationId).rewind(time)
  if (isRefusal(former)) return former
  // The first call ends the object that still holds the later state, and the next one finds it started anew.
  return insist(() => conversationOf(conversationId).reopen(former))
}

/** Those of these accounts that ended. */
export const erasedAmong = async (db: Directory, userIds: number[]): Promise<number[]> => {
  const isErased = and(inArray(users.id, valuesOf(userIds)), isNotNull(users.deletedAt))
  return (await db.select({ id: users.id }).from(users).where(isErased)).map(({ id }) => id)
}
