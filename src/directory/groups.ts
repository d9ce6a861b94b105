import { and, eq, inArray, isNull, or } from 'drizzle-orm'
import { type InboxEntry, MemberList } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { register, type Registered } from './conversations.ts'
import { tooMany } from './daily-limit.ts'
import type { Directory } from './directory.ts'
import { type DirectoryContext, retryable, seeThrough } from './context.ts'
import { insist } from './insist.ts'
import { blocks, conversations, users } from './schema.ts'
import { userById, usersByIds } from './users.ts'
import { valuesOf } from './values-of.ts'

/** So much may the clocks of two machines differ. */
const SKEW_MS = 1_000

/** What passes later. Who may not be taken out by this user any more stays. */
const NOT_NOW: ReadonlySet<string> = new Set(['server.unavailable', 'server.fault'])

/** So long after it was made a group may not be whole, and its maker tries again. */
const FRESH_MS = 20_000

/** Makes a group with these members; asked again with the same `clientId` it is the same one. `entry` is its maker's. */
export const openGroup = async (
  context: DirectoryContext,
  group: { userId: number; title: string; memberIds: number[]; clientId?: string | undefined },
): Promise<{ entry: InboxEntry; created: boolean } | Refusal> => {
  const { db, conversationOf } = context
  const { userId, title, memberIds, clientId } = group
  const [known, unwelcome] = await Promise.all([groupOf(db, userId, clientId), unwelcomeAmong(db, userId, memberIds)])
  // What was made once is found again, whatever became of its guests.
  const no = known ? null : refusalOf(unwelcome)
  if (no) return no
  const registered = known
    ? { ...known, created: false }
    : await createGroup(db, { createdBy: userId, clientId, now: context.now() })
  if (isRefusal(registered)) return registered
  // The object is asked every time: where an earlier request registered the conversation and died, this one makes it.
  const { id: conversationId, created } = registered
  const guests = memberIds.filter((id) => !unwelcome.gone.includes(id) && !unwelcome.blocked.includes(id))
  const founded = { conversationId, kind: 'group' as const, title, userIds: [userId, ...guests] }
  const made = await conversationOf(conversationId).create(founded)
  if (isRefusal(made)) return made
  // Also where an earlier try made it and broke off before it looked again; of an older group nobody is taken out by a block.
  const isFresh = made.entry && context.now() - Date.parse(made.entry.conversation.createdAt) < FRESH_MS
  const isChanged =
    isFresh && (await takeOut(context, { userId, conversationId, guests }).catch(unlessMadeTwice(clientId)))
  const after = isChanged ? await conversationOf(conversationId).create(founded) : made
  if (isRefusal(after)) return after
  const { entry, untold } = after
  if (!entry) return refuse('conversation.not_found')
  // What its maker says there would be refused as yet. Without a client id another try would make another group.
  const isEarly = clientId !== undefined && untold.includes(userId)
  return isEarly ? refuse('server.unavailable', { retryAfter: 1 }) : { entry, created }
}

/** Adds people to a group. */
export const addMembers = async (
  context: DirectoryContext,
  addition: { userId: number; sessionId: string; conversationId: number; userIds: number[] },
): Promise<MemberList | Refusal> => {
  const { userId, sessionId, conversationId, userIds } = addition
  const no = refusalOf(await unwelcomeAmong(context.db, userId, userIds))
  if (no) return no
  const askedAt = context.now() - SKEW_MS
  const added = await context.hubOf(userId).order({ type: 'member.add', conversationId, userIds }, sessionId)
  if (!added.ok) return added
  const list = MemberList.parse(JSON.parse(added.json))
  // Who was in before stays, whomever they have blocked.
  const isNew = new Set(list.items.flatMap((each) => (Date.parse(each.joinedAt) >= askedAt ? [each.userId] : [])))
  const guests = userIds.filter((id) => isNew.has(id))
  if (!(await takeOut(context, { userId, conversationId, guests }))) return list
  const left = await context.hubOf(userId).orderForAnother({ type: 'members.get', conversationId })
  return left.ok ? MemberList.parse(JSON.parse(left.json)) : left
}

/**
 * Takes those guests out again who may not be there: to bring them in may have waited for long, and meanwhile somebody blocked, or ended
 * an account. Answers whether there were any.
 */
const takeOut = (
  context: DirectoryContext,
  { userId, conversationId, guests }: { userId: number; conversationId: number; guests: number[] },
): Promise<boolean> =>
  seeThrough(context, userId, async () => {
    const { gone, blocked } = await unwelcomeAmong(context.db, userId, guests)
    const unwelcome = new Set([...gone, ...blocked])
    for (const guestId of unwelcome) {
      const order = { type: 'member.remove' as const, conversationId, userId: guestId }
      const removed = await insist(() => context.hubOf(userId).orderForAnother(order))
      if (!removed.ok && NOT_NOW.has(removed.code)) throw retryable(removed)
    }
    return unwelcome.size > 0
  })

/** Who was told of a failure would ask again, which without a client id makes another group. It is tried again behind the answer anyway. */
const unlessMadeTwice =
  (clientId: string | undefined) =>
  (error: unknown): boolean => {
    if (clientId !== undefined) throw error
    return false
  }

/** Whom this user may not bring into a group: who is not there, and between whom and the user a block stands. */
const unwelcomeAmong = async (
  db: Directory,
  userId: number,
  guestIds: number[],
): Promise<{ gone: number[]; blocked: number[] }> => {
  if (guestIds.length === 0) return { gone: [], blocked: [] }
  const guests = valuesOf(guestIds)
  const isBetween = or(
    and(eq(blocks.blockerId, userId), inArray(blocks.blockedId, guests)),
    and(eq(blocks.blockedId, userId), inArray(blocks.blockerId, guests)),
  )
  const [known, between] = await Promise.all([usersByIds(db, guestIds), db.select().from(blocks).where(isBetween)])
  const ids = new Set(known.map(({ id }) => id))
  return {
    gone: guestIds.filter((id) => !ids.has(id)),
    blocked: between.map(({ blockerId, blockedId }) => (blockerId === userId ? blockedId : blockerId)),
  }
}

const refusalOf = ({ gone, blocked }: { gone: number[]; blocked: number[] }): Refusal | null => {
  if (gone.length > 0) return refuse('user.not_found')
  return blocked.length > 0 ? refuse('conversation.blocked') : null
}

const createGroup = async (
  db: Directory,
  group: { createdBy: number; clientId?: string | undefined; now: number },
): Promise<Registered | Refusal> => {
  const { createdBy, clientId, now } = group
  const isLiving = and(eq(users.id, createdBy), isNull(users.deletedAt))
  const [made] = await register(db, { kind: 'group', createdBy, clientId: clientId ?? null, now }, isLiving)
  if (made) return { ...made, created: true }
  const found = await groupOf(db, createdBy, clientId)
  if (found) return { ...found, created: false }
  const creator = await userById(db, createdBy)
  return isRefusal(creator) ? creator : tooMany
}

const groupOf = async (
  db: Directory,
  createdBy: number,
  clientId: string | undefined,
): Promise<{ id: number } | undefined> => {
  if (clientId === undefined) return undefined
  const [found] = await db
    .select({ id: conversations.id })
    .from(conversations)
    .where(and(eq(conversations.createdBy, createdBy), eq(conversations.clientId, clientId)))
  return found
}
