import { and, count, desc, eq, gt, inArray, isNull, lt, not, or, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import { mayInvite } from '../core/conversation-rules.ts'
import { DAY_MS } from '../core/time.ts'
import { InboxEntry } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import type { Invitation, InvitationPage, InvitationStatus, NewInvitation } from '../protocol/invitation.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { PageQuery } from '../protocol/page.ts'
import { openDirect } from './conversations.ts'
import { tooMany } from './daily-limit.ts'
import { addInvited } from './groups.ts'
import type { Directory } from './directory.ts'
import { pageFrom } from './page.ts'
import { areBlocked } from './pairs.ts'
import { type DirectoryContext, tell } from './context.ts'
import { invitations, users } from './schema.ts'
import { bothUsers, publicOf } from './users.ts'

/** The caller's invitations, both ways, the newest first. */
export const invitationsOf = async (db: Directory, userId: number, page: PageQuery): Promise<InvitationPage> => {
  const { cursor, limit } = page
  const found = await selectInvitations(db)
    .where(
      and(
        or(eq(invitations.fromId, userId), eq(invitations.toId, userId)),
        cursor === undefined ? undefined : lt(invitations.id, cursor),
        isNull(inviter.deletedAt),
        isNull(invited.deletedAt),
      ),
    )
    .orderBy(desc(invitations.id))
    .limit(limit + 1)
  const { rows, nextCursor } = pageFrom(found, limit, ({ id }) => id)
  return { items: rows.map(view), nextCursor }
}

/**
 * Asks somebody into a group that the caller leads, or into a direct conversation. Asked again while the first is open, it is
 * the first one, renewed, and `created` is false.
 */
export const invite = async (
  context: DirectoryContext,
  input: NewInvitation & { fromId: number },
): Promise<{ invitation: Invitation; created: boolean } | Refusal> => {
  const { db } = context
  const { fromId, userId: toId, conversationId = null, message } = input
  if (fromId === toId) return refuse('invitation.with_self')
  const both = await bothUsers(db, [fromId, toId])
  if (isRefusal(both)) return both
  const no = conversationId === null ? null : await refuseInviter(context, fromId, conversationId)
  if (no) return no
  const now = context.now()
  const isOpen = and(
    eq(invitations.fromId, fromId),
    eq(invitations.toId, toId),
    eq(invitations.status, 'pending'),
    conversationId === null ? isNull(invitations.conversationId) : eq(invitations.conversationId, conversationId),
  )
  const today = db
    .select({ count: count() })
    .from(invitations)
    .where(and(eq(invitations.fromId, fromId), gt(invitations.createdAt, now - DAY_MS)))
  const [[made], [open], [begun]] = await db.batch([
    db
      .insert(invitations)
      .select(
        db
          .select({
            id: sql<number>`NULL`.as('id'),
            fromId: sql<number>`${fromId}`.as('from_id'),
            toId: users.id,
            conversationId: sql<number | null>`${conversationId}`.as('conversation_id'),
            message: sql<string>`${message}`.as('message'),
            status: sql<'pending'>`'pending'`.as('status'),
            createdAt: sql<number>`${now}`.as('created_at'),
            answeredAt: sql<null>`NULL`.as('answered_at'),
          })
          .from(users)
          .where(and(eq(users.id, toId), not(areBlocked(db, fromId, toId)), sql`(${today}) < ${LIMITS.plansPerDay}`)),
      )
      .onConflictDoNothing()
      .returning({ id: invitations.id }),
    // Asked again, it counts from now on, with what is said now: for somebody who left in between, one of before would bring nobody in.
    db.update(invitations).set({ createdAt: now, message }).where(isOpen).returning(),
    today,
  ])
  if (!open) return (begun?.count ?? 0) < LIMITS.plansPerDay ? refuse('conversation.blocked') : tooMany
  const [from, to] = both
  const { id, status, createdAt, answeredAt } = open
  const invitation = view({ id, from, to, conversationId, message: open.message, status, createdAt, answeredAt })
  if (made) tell(context, [fromId, toId], { type: 'invitation.created', invitation })
  return { invitation, created: made !== undefined }
}

/** Brings the invited into the conversation, which the invitation then names. */
export const acceptInvitation = async (
  context: DirectoryContext,
  answer: { userId: number; invitationId: number },
): Promise<Invitation | Refusal> => {
  const open = await openInvitation(context.db, answer)
  if (isRefusal(open)) return open
  // First in, then answered: what fails in between can be tried again, and being in already is no failure. Declined meanwhile, it says
  // all the same what came of it.
  const conversationId = await enter(context, open)
  if (typeof conversationId !== 'number') return conversationId
  return close(context, answer, { status: 'accepted', conversationId })
}

export const declineInvitation = async (
  context: DirectoryContext,
  answer: { userId: number; invitationId: number },
): Promise<Invitation | Refusal> => {
  const open = await openInvitation(context.db, answer)
  return isRefusal(open) ? open : close(context, answer, { status: 'declined' })
}

/** Declines all that is open between two people. */
export const declineBetween = (db: Directory, input: { userId: number; otherId: number; now: number }) => {
  const { userId, otherId, now } = input
  return db
    .update(invitations)
    .set({ status: 'declined', answeredAt: now })
    .where(
      and(
        eq(invitations.status, 'pending'),
        // As two alternatives it ends in an internal error of SQLite's planner, which does not like the partial indexes.
        inArray(invitations.fromId, [userId, otherId]),
        inArray(invitations.toId, [userId, otherId]),
      ),
    )
    .returning({ id: invitations.id })
}

/** All that is open between somebody and others, up to a limit. */
export const openInvitationsOf = async (db: Directory, userId: number, limit: number): Promise<Invitation[]> => {
  const rows = await selectInvitations(db)
    .where(and(eq(invitations.status, 'pending'), or(eq(invitations.fromId, userId), eq(invitations.toId, userId))))
    .limit(limit)
  return rows.map(view)
}

/** Tells both how it was answered. */
export const tellInvitationAnswered = async (context: DirectoryContext, id: number): Promise<Invitation | null> => {
  const [row] = await selectInvitations(context.db).where(eq(invitations.id, id))
  if (!row) return null
  const invitation = view(row)
  tell(context, [invitation.from.id, invitation.to.id], { type: 'invitation.answered', invitation })
  return invitation
}

type Row = typeof invitations.$inferSelect

const inviter = alias(users, 'inviter')
const invited = alias(users, 'invited')

const selectInvitations = (db: Directory) =>
  db
    .select({
      id: invitations.id,
      from: publicOf(inviter),
      to: publicOf(invited),
      conversationId: invitations.conversationId,
      message: invitations.message,
      status: invitations.status,
      createdAt: invitations.createdAt,
      answeredAt: invitations.answeredAt,
    })
    .from(invitations)
    .innerJoin(inviter, eq(inviter.id, invitations.fromId))
    .innerJoin(invited, eq(invited.id, invitations.toId))

const view = (
  row: Omit<Invitation, 'createdAt' | 'answeredAt'> & { createdAt: number; answeredAt: number | null },
): Invitation => ({
  ...row,
  createdAt: new Date(row.createdAt).toISOString(),
  answeredAt: row.answeredAt === null ? null : new Date(row.answeredAt).toISOString(),
})

/** Whether the conversation's own rule lets this person ask others in. */
const refuseInviter = async (
  context: DirectoryContext,
  userId: number,
  conversationId: number,
): Promise<Refusal | null> => {
  const answered = await context.hubOf(userId).order({ type: 'entry.get', conversationId }, null)
  if (!answered.ok) return answered
  const { role, conversation } = InboxEntry.parse(JSON.parse(answered.json))
  return mayInvite({ userId, role }, conversation.kind)
}

/** For its two people an invitation exists; of them only the invited answers, and once. */
const openInvitation = async (
  db: Directory,
  answer: { userId: number; invitationId: number },
): Promise<Row | Refusal> => {
  const [row] = await db.select().from(invitations).where(isForAnswering(answer))
  if (!row) return refuse('invitation.not_found')
  return row.status === 'pending' ? row : refuse('invitation.answered')
}

const isForAnswering = ({ userId, invitationId }: { userId: number; invitationId: number }) =>
  and(eq(invitations.id, invitationId), eq(invitations.toId, userId))

const enter = async (context: DirectoryContext, invitation: Row): Promise<number | Refusal> => {
  const { fromId, toId, conversationId, createdAt } = invitation
  if (conversationId === null) {
    const opened = await openDirect(context, { userId: fromId, otherId: toId, askedBy: toId })
    return isRefusal(opened) ? opened : opened.entry.conversation.id
  }
  const no = await addInvited(context, { fromId, toId, conversationId, invitedAt: createdAt })
  if (no) return no
  // They ask again until their own hub knows that they are in: before, it refuses what they say there.
  const isEarly = await context.conversationOf(conversationId).isUntold(toId)
  return isEarly ? refuse('server.unavailable', { retryAfter: 1 }) : conversationId
}

const overruledBy = { accepted: ['pending', 'declined'], declined: ['pending'] } as const

const close = async (
  context: DirectoryContext,
  answer: { userId: number; invitationId: number },
  change: { status: Exclude<InvitationStatus, 'pending'>; conversationId?: number },
): Promise<Invitation | Refusal> => {
  const [closed] = await context.db
    .update(invitations)
    .set({ ...change, answeredAt: context.now() })
    .where(and(isForAnswering(answer), inArray(invitations.status, overruledBy[change.status])))
    .returning({ id: invitations.id })
  if (!closed) return refuse('invitation.answered')
  return (await tellInvitationAnswered(context, closed.id)) ?? refuse('invitation.not_found')
}
