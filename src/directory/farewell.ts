import { and, eq, ne, or } from 'drizzle-orm'
import type { DirectoryEvent } from '../protocol/events.ts'
import { eventsByIds, toldOfAnswer } from './calendar.ts'
import { type DirectoryContext, tell } from './context.ts'
import type { Directory } from './directory.ts'
import { openInvitationsOf } from './invitations.ts'
import { events, friendRequests, rsvps } from './schema.ts'

/** So much is said of the end of one account. Whom none of it reaches reads the lists again on connecting. */
const MAX_WORDS = 200

type OpenMatters = Awaited<ReturnType<typeof openMatters>>
type Word = [to: number, event: DirectoryEvent]

/** What is open between somebody and others, before the account ends. */
export const openMatters = async (db: Directory, userId: number) => {
  const [requests, invitations, guests, answered] = await Promise.all([
    db
      .select()
      .from(friendRequests)
      .where(or(eq(friendRequests.fromId, userId), eq(friendRequests.toId, userId)))
      .limit(MAX_WORDS),
    openInvitationsOf(db, userId, MAX_WORDS),
    db
      .select({ eventId: rsvps.eventId, userId: rsvps.userId })
      .from(rsvps)
      .innerJoin(events, eq(rsvps.eventId, events.id))
      .where(and(eq(events.organizerId, userId), ne(rsvps.userId, userId)))
      .limit(MAX_WORDS),
    db.select({ eventId: rsvps.eventId }).from(rsvps).where(eq(rsvps.userId, userId)).limit(MAX_WORDS),
  ])
  return { requests, invitations, guests, answered }
}

/** Tells the others that it ended, as if the user had ended each of it. */
export const tellOfEnd = async (context: DirectoryContext, userId: number, open: OpenMatters): Promise<void> => {
  const otherOf = (one: number, two: number) => (one === userId ? two : one)
  const answeredAt = new Date(context.now()).toISOString()
  const ids = open.answered.map(({ eventId }) => eventId)
  const words: Word[] = [
    ...open.requests.map(({ id, fromId, toId }): Word => [
      otherOf(fromId, toId),
      { type: 'friend.request_closed', requestId: id },
    ]),
    ...open.invitations.map((invitation): Word => [
      otherOf(invitation.from.id, invitation.to.id),
      { type: 'invitation.answered', invitation: { ...invitation, status: 'declined', answeredAt } },
    ]),
    ...open.guests.map((guest): Word => [guest.userId, { type: 'event.deleted', eventId: guest.eventId }]),
    ...(await eventsByIds(context.db, ids)).flatMap((event) =>
      toldOfAnswer(event).map((id): Word => [id, { type: 'event.changed', event }]),
    ),
  ]
  for (const [to, event] of words.slice(0, MAX_WORDS)) tell(context, [to], event)
}
