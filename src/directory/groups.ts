import { and, eq, inArray, or } from 'drizzle-orm'
import type { InboxEntry } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { register, type Registered } from './conversations.ts'
import { tooMany } from './daily-limit.ts'
import type { Directory } from './directory.ts'
import type { DirectoryContext } from './context.ts'
import { blocks, conversations, users } from './schema.ts'
import { usersByIds } from './users.ts'
import { valuesOf } from './values-of.ts'

/** Makes a group with these members; asked again with the same `clientId` it is the same one. `entry` is its maker's. */
export const openGroup = async (
  context: Pick<DirectoryContext, 'db' | 'conversationOf' | 'now'>,
  group: { userId: number; title: string; memberIds: number[]; clientId?: string | undefined },
): Promise<{ entry: InboxEntry; created: boolean } | Refusal> => {
  const { userId, title, memberIds, clientId } = group
  const no = await refuseGuests(context.db, userId, memberIds)
  if (no) return no
  const registered = await createGroup(context.db, { createdBy: userId, clientId, now: context.now() })
  if (isRefusal(registered)) return registered
  // The object is asked every time: where an earlier request registered the conversation and died, this one makes it.
  const { id: conversationId, created } = registered
  const founded = { conversationId, kind: 'group' as const, title, userIds: [userId, ...memberIds] }
  const made = await context.conversationOf(conversationId).create(founded)
  if (isRefusal(made)) return made
  const { entry, untold } = made
  if (!entry) return refuse('conversation.not_found')
  // What its maker says there would be refused as yet. Without a client id another try would make another group.
  const isEarly = clientId !== undefined && untold.includes(userId)
  return isEarly ? refuse('server.unavailable', { retryAfter: 1 }) : { entry, created }
}

/** Whether these people exist, and this user may bring them into a group. */
export const refuseGuests = async (db: Directory, userId: number, guestIds: number[]): Promise<Refusal | null> => {
  const guests = valuesOf(guestIds)
  const isBetween = or(
    and(eq(blocks.blockerId, userId), inArray(blocks.blockedId, guests)),
    and(eq(blocks.blockedId, userId), inArray(blocks.blockerId, guests)),
  )
  const [known, existing] = await Promise.all([
    usersByIds(db, guestIds),
    db.select({ id: blocks.blockerId }).from(blocks).where(isBetween).limit(1),
  ])
  if (known.length !== new Set(guestIds).size) return refuse('user.not_found')
  return existing.length > 0 ? refuse('conversation.blocked') : null
}

const createGroup = async (
  db: Directory,
  group: { createdBy: number; clientId?: string | undefined; now: number },
): Promise<Registered | Refusal> => {
  const { createdBy, clientId = null, now } = group
  const [made] = await register(db, { kind: 'group', createdBy, clientId, now }, eq(users.id, createdBy))
  if (made) return { ...made, created: true }
  const [found] = await db
    .select({ id: conversations.id })
    .from(conversations)
    .where(and(eq(conversations.createdBy, createdBy), eq(conversations.clientId, clientId ?? '')))
  return found ? { ...found, created: false } : tooMany
}
