import { and, asc, count, eq, exists, gt, gte, inArray, isNull, lt, ne, not, or, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/sqlite-core'
import { nameKey } from '../core/names.ts'
import { DAY_MS } from '../core/time.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import type {
  CalendarEvent,
  CalendarEventPage,
  EventsQuery,
  NewCalendarEvent,
  RsvpAnswer,
  UpdateCalendarEvent,
} from '../protocol/calendar.ts'
import { LIMITS } from '../protocol/limits.ts'
import { tooMany } from './daily-limit.ts'
import type { Directory } from './directory.ts'
import { type DirectoryContext, tell } from './context.ts'
import { events, rsvps, users } from './schema.ts'
import { valuesOf } from './values-of.ts'

/** To tell so many others costs the organizer as much as a command. */
const TOLD_PER_COMMAND = 10

/** Everybody's events by their beginning, those of the same moment by id. */
export const listEvents = async (db: Directory, query: EventsQuery): Promise<CalendarEventPage> => {
  const { rows, nextCursor } = await pageOf(db, query)
  return { items: await withRsvps(db, rows), nextCursor }
}

/** The same without who answered: people answer as often as they like. Those that begin before `until`. */
export const listPlainEvents = async (
  db: Directory,
  query: EventsQuery & { until?: string },
): Promise<{ items: PlainEvent[]; nextCursor: string | null }> => {
  const { rows, nextCursor } = await pageOf(db, query)
  return { items: rows.map((row) => view(row, [])), nextCursor }
}

type PlainEvent = Omit<CalendarEvent, 'rsvps'>

const pageOf = async (db: Directory, query: EventsQuery & { until?: string }) => {
  const { from, until, cursor, limit } = query
  const [after = 0, afterId = 0] = (cursor ?? '').split('.').map(Number)
  const rows = await db
    .select()
    .from(events)
    .where(
      and(
        from === undefined ? undefined : gte(events.startsAt, Date.parse(from)),
        until === undefined ? undefined : lt(events.startsAt, Date.parse(until)),
        cursor === undefined
          ? undefined
          : or(gt(events.startsAt, after), and(eq(events.startsAt, after), gt(events.id, afterId))),
      ),
    )
    .orderBy(asc(events.startsAt), asc(events.id))
    .limit(limit + 1)
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  return { rows: page, nextCursor: rows.length > limit && last ? `${last.startsAt}.${last.id}` : null }
}

export const eventById = async (db: Directory, id: number): Promise<CalendarEvent | Refusal> => {
  const [event] = await withRsvps(db, await db.select().from(events).where(eq(events.id, id)))
  return event ?? refuse('event.not_found')
}

export const eventsByIds = async (db: Directory, ids: number[]): Promise<CalendarEvent[]> =>
  withRsvps(
    db,
    await db
      .select()
      .from(events)
      .where(inArray(events.id, valuesOf(ids))),
  )

/** No two events have one title, whatever its case. */
export const createEvent = async (
  context: DirectoryContext,
  input: NewCalendarEvent & { organizerId: number },
): Promise<CalendarEvent | Refusal> => {
  const { organizerId, title, description, location, startsAt } = input
  const { db } = context
  const now = context.now()
  const made = db
    .select({ count: count() })
    .from(events)
    .where(and(eq(events.organizerId, organizerId), gt(events.createdAt, now - DAY_MS)))
  const [[row], [existing]] = await db.batch([
    db
      .insert(events)
      .select(
        db
          .select({
            id: sql<number>`NULL`.as('id'),
            title: sql<string>`${title}`.as('title'),
            titleKey: sql<string>`${nameKey(title)}`.as('title_key'),
            description: sql<string>`${description}`.as('description'),
            location: sql<string>`${location}`.as('location'),
            startsAt: sql<number>`${Date.parse(startsAt)}`.as('starts_at'),
            organizerId: users.id,
            createdAt: sql<number>`${now}`.as('created_at'),
          })
          .from(users)
          .where(and(eq(users.id, organizerId), isNull(users.deletedAt), sql`(${made}) < ${LIMITS.plansPerDay}`)),
      )
      .onConflictDoNothing()
      .returning(),
    db
      .select({ id: events.id })
      .from(events)
      .where(eq(events.titleKey, nameKey(title))),
  ])
  if (!row) return existing ? refuse('event.title_taken') : tooMany
  const event = view(row, [])
  tellEventChanged(context, event)
  return event
}

export const updateEvent = async (
  context: DirectoryContext,
  input: { userId: number; eventId: number; change: UpdateCalendarEvent },
): Promise<CalendarEvent | Refusal> => {
  const { db } = context
  const { userId, eventId, change } = input
  const no = await refuseOrganizer(db, userId, eventId)
  if (no) return no
  const before = await eventById(db, eventId)
  if (isRefusal(before) || isAsItWas(before, change)) return before
  // All who answered are told.
  const refusal = await context.hubOf(userId).charge(Math.floor(before.rsvps.length / TOLD_PER_COMMAND))
  if (refusal) return refusal
  const { title, description, location, startsAt } = change
  const [row] = await db
    .update(events)
    .set({
      // What is not changed is set to itself, for an update must set something.
      title: title ?? sql`${events.title}`,
      titleKey: title === undefined ? sql`${events.titleKey}` : nameKey(title),
      description: description ?? sql`${events.description}`,
      location: location ?? sql`${events.location}`,
      startsAt: startsAt === undefined ? sql`${events.startsAt}` : Date.parse(startsAt),
    })
    .where(and(eq(events.id, eventId), title === undefined ? undefined : isFreeTitle(db, title, eventId)))
    .returning()
  // Deleted since it was looked up, or the title is another's.
  if (!row) return refuse(title === undefined ? 'event.not_found' : 'event.title_taken')
  return tellAgain(context, eventId)
}

const isAsItWas = (event: CalendarEvent, { startsAt, ...words }: UpdateCalendarEvent): boolean =>
  (startsAt === undefined || Date.parse(startsAt) === Date.parse(event.startsAt)) &&
  Object.entries(words).every(([field, value]) => value === undefined || Reflect.get(event, field) === value)

export const deleteEvent = async (
  context: DirectoryContext,
  input: { userId: number; eventId: number },
): Promise<Refusal | null> => {
  const { db } = context
  const { userId, eventId } = input
  const no = await refuseOrganizer(db, userId, eventId)
  if (no) return no
  const [answers] = await db.batch([
    db.select().from(rsvps).where(eq(rsvps.eventId, eventId)),
    db.delete(events).where(eq(events.id, eventId)),
  ])
  tell(context, [userId, ...answers.map((each) => each.userId)], { type: 'event.deleted', eventId })
  return null
}

/** Anybody may answer, while there is room, and answer differently later. The same answer again is no news. */
export const answerEvent = async (
  context: DirectoryContext,
  input: { userId: number; eventId: number; answer: RsvpAnswer },
): Promise<CalendarEvent | Refusal> => {
  const { db } = context
  const { userId, eventId, answer } = input
  const ofEvent = db.select({ count: count() }).from(rsvps).where(eq(rsvps.eventId, eventId))
  const own = db.select().from(rsvps).where(isAnswerOf(userId, eventId))
  const [changed] = await db
    .insert(rsvps)
    .select(
      db
        .select({
          eventId: events.id,
          userId: sql<number>`${userId}`.as('user_id'),
          answer: sql<RsvpAnswer>`${answer}`.as('answer'),
        })
        .from(events)
        .where(and(eq(events.id, eventId), or(sql`(${ofEvent}) < ${LIMITS.answersPerEvent}`, exists(own)))),
    )
    .onConflictDoUpdate({ target: [rsvps.eventId, rsvps.userId], set: { answer }, setWhere: ne(rsvps.answer, answer) })
    .returning()
  const event = await eventById(db, eventId)
  if (isRefusal(event)) return event
  if (changed) tellAnswered(context, event, userId)
  else if (!event.rsvps.some((each) => each.userId === userId)) return refuse('limit.reached')
  return event
}

export const withdrawAnswer = async (
  context: DirectoryContext,
  input: { userId: number; eventId: number },
): Promise<Refusal | null> => {
  const { userId, eventId } = input
  const [gone] = await context.db.delete(rsvps).where(isAnswerOf(userId, eventId)).returning()
  const event = await eventById(context.db, eventId)
  if (isRefusal(event)) return event
  if (gone) tellAnswered(context, event, userId)
  return null
}

type Row = typeof events.$inferSelect
type Answer = typeof rsvps.$inferSelect

const isAnswerOf = (userId: number, eventId: number) => and(eq(rsvps.eventId, eventId), eq(rsvps.userId, userId))

const withRsvps = async (db: Directory, rows: Row[]): Promise<CalendarEvent[]> => {
  if (rows.length === 0) return []
  const ids = rows.map((row) => row.id)
  const answers = await db
    .select()
    .from(rsvps)
    .where(inArray(rsvps.eventId, valuesOf(ids)))
  return rows.map((row) =>
    view(
      row,
      answers.filter((each) => each.eventId === row.id),
    ),
  )
}

const view = (row: Row, answers: Answer[]): CalendarEvent => ({
  id: row.id,
  title: row.title,
  description: row.description,
  startsAt: new Date(row.startsAt).toISOString(),
  location: row.location,
  organizerId: row.organizerId,
  createdAt: new Date(row.createdAt).toISOString(),
  rsvps: answers.map(({ userId, answer }) => ({ userId, answer })),
})

const refuseOrganizer = async (db: Directory, userId: number, eventId: number): Promise<Refusal | null> => {
  const [row] = await db.select({ organizerId: events.organizerId }).from(events).where(eq(events.id, eventId))
  if (!row) return refuse('event.not_found')
  return row.organizerId === userId ? null : refuse('event.not_organizer')
}

const other = alias(events, 'other')

const isFreeTitle = (db: Directory, title: string, ownId: number) =>
  not(
    exists(
      db
        .select()
        .from(other)
        .where(and(eq(other.titleKey, nameKey(title)), ne(other.id, ownId))),
    ),
  )

const tellAgain = async (context: DirectoryContext, eventId: number): Promise<CalendarEvent | Refusal> => {
  const event = await eventById(context.db, eventId)
  if (!isRefusal(event)) tellEventChanged(context, event)
  return event
}

/** For the organizer and those who answered. */
const tellEventChanged = (context: DirectoryContext, event: CalendarEvent): void => {
  const { organizerId, rsvps: answers } = event
  tell(context, [organizerId, ...answers.map((each) => each.userId)], { type: 'event.changed', event })
}

const tellAnswered = (context: DirectoryContext, event: CalendarEvent, userId: number): void =>
  tell(context, [userId, ...toldOfAnswer(event)], { type: 'event.changed', event })

/** Of a large event a single answer is told to its author and the organizer only: told to all, one user could keep thousands busy. */
export const toldOfAnswer = ({ organizerId, rsvps: answers }: CalendarEvent): number[] => {
  const others = answers.length > LIMITS.intimateMembers ? [] : answers.map((each) => each.userId)
  return [...new Set([organizerId, ...others])]
}
