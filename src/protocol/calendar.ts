import * as z from 'zod'
import { UserId } from './ids.ts'
import { PageLimit, pageOf } from './page.ts'
import { nameLine, SafeText, Timestamp } from './text.ts'

export const RsvpAnswer = z.enum(['yes', 'no', 'maybe'])
export type RsvpAnswer = z.infer<typeof RsvpAnswer>

/** Something that takes place. Titles are unique. `rsvps` holds those who answered. */
export const CalendarEvent = z.object({
  id: z.int().positive(),
  title: z.string(),
  description: z.string(),
  startsAt: Timestamp,
  location: z.string(),
  organizerId: UserId,
  createdAt: Timestamp,
  rsvps: z.array(z.object({ userId: UserId, answer: RsvpAnswer })),
})
export type CalendarEvent = z.infer<typeof CalendarEvent>
export const CalendarEventPage = pageOf(CalendarEvent)
export type CalendarEventPage = z.infer<typeof CalendarEventPage>

const fields = {
  title: nameLine(200),
  description: SafeText.max(8_000),
  startsAt: Timestamp,
  location: SafeText.max(200),
}

/** `GET /v1/events`: by their beginning, the earliest first, or the earliest from a point in time on. */
export const EventsQuery = z.object({
  from: Timestamp.optional(),
  cursor: z
    .string()
    .regex(/^-?\d{1,15}\.\d{1,15}$/)
    .optional(),
  limit: PageLimit,
})
export type EventsQuery = z.infer<typeof EventsQuery>

/** `POST /v1/events` */
export const NewCalendarEvent = z.strictObject({
  ...fields,
  description: fields.description.default(''),
  location: fields.location.default(''),
})
export type NewCalendarEvent = z.output<typeof NewCalendarEvent>

/** `PATCH /v1/events/{id}`, by its organizer. */
export const UpdateCalendarEvent = z.strictObject(fields).partial()
export type UpdateCalendarEvent = z.output<typeof UpdateCalendarEvent>

/** `PUT /v1/events/{id}/rsvp` */
export const Rsvp = z.strictObject({ answer: RsvpAnswer })
