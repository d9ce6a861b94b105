import { and, eq, inArray, isNull, lt, or } from 'drizzle-orm'
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
  // Also where an earlier try made it and broke off before it looked again; who blocked only since then was in, and stays.
  const madeAt = Date.parse(made.entry?.conversation.createdAt ?? '')
  const isFresh = context.now() - madeAt < FRESH_MS
  const looking = {
    userId,
    conversationId,
    guests: memberIds,
    isHostTold: !made.untold.includes(userId),
    ...(known && { before: madeAt }),
  }
  const isChanged = isFresh && (await takeOut(context, looking).catch(unlessMadeTwice(clientId)))
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
  const joined = joinedSince(list, askedAt)
  const guests = userIds.filter((id) => joined.has(id))
  if (!(await takeOut(context, { userId, conversationId, guests }))) return list
  const left = await context.hubOf(userId).orderForAnother({ type: 'members.get', conversationId })
  return left.ok ? MemberList.parse(JSON.parse(left.json)) : left
}

/** Brings in somebody whom this user had invited. Who was in already stays. */
export const addInvited = async (
  context: DirectoryContext,
  invitation: { fromId: number; toId: number; conversationId: number; invitedAt: number },
): Promise<Refusal | null> => {
  const { fromId: userId, toId, conversationId, invitedAt } = invitation
  const askedAt = context.now() - SKEW_MS
  // In the name of the inviter, who may have lost the right since.
  const order = { type: 'member.add' as const, conversationId, userIds: [toId], invitedAt }
  const added = await context.hubOf(userId).orderForAnother(order)
  if (!added.ok) return added
  const isNew = joinedSince(MemberList.parse(JSON.parse(added.json)), askedAt).has(toId)
  const isOut = isNew && (await takeOut(context, { userId, conversationId, guests: [toId] }))
  return isOut ? refuse('conversation.blocked') : null
}

/** Who was in before stays, whomever they have blocked. */
const joinedSince = ({ items }: MemberList, time: number): Set<number> =>
  new Set(items.flatMap(({ joinedAt, userId }) => (Date.parse(joinedAt) >= time ? [userId] : [])))

/**
 * Takes those guests out again who may not be there: to bring them in may have waited for long, and meanwhile somebody blocked, or ended
 * an account. With `before`, blocks of later do not count. `isHostTold`: the hub of who brought them in knows of the conversation. Answers
 * whether there were any.
 */
const takeOut = (
  context: DirectoryContext,
  looking: { userId: number; conversationId: number; guests: number[]; before?: number; isHostTold?: boolean },
): Promise<boolean> =>
  seeThrough(context, looking.userId, async () => {
    const { userId, conversationId, guests, before, isHostTold = true } = looking
    const { gone, blocked } = await unwelcomeAmong(context.db, userId, guests, before)
    const unwelcome = new Set([...gone, ...blocked])
    for (const guestId of unwelcome) {
      const order = { type: 'member.remove' as const, conversationId, userId: guestId }
      const removed = await insist(() => context.hubOf(userId).orderForAnother(order))
      if (removed.ok) continue
      const isEarly = !isHostTold && removed.code === 'conversation.not_found'
      if (isEarly || NOT_NOW.has(removed.code)) throw retryable(removed)
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

/** Whom this user may not bring into a group: who is not there, and between whom and the user a block stands that was made `before`. */
const unwelcomeAmong = async (
  db: Directory,
  userId: number,
  guestIds: number[],
  before = Number.MAX_SAFE_INTEGER,
): Promise<{ gone: number[]; blocked: number[] }> => {
  if (guestIds.length === 0) return { gone: [], blocked: [] }
  const guests = valuesOf(guestIds)
  const isBetween = or(
    and(eq(blocks.blockerId, userId), inArray(blocks.blockedId, guests)),
    and(eq(blocks.blockedId, userId), inArray(blocks.blockerId, guests)),
  )
  const [known, between] = await Promise.all([
    usersByIds(db, guestIds),
    db
      .select()
      .from(blocks)
      .where(and(isBetween, lt(blocks.createdAt, before))),
  ])
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
