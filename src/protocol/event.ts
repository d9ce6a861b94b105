import { z } from 'zod'
import { UserId } from './ids.ts'
import { pageOf } from './page.ts'
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

/** `POST /v1/events` */
export const NewCalendarEvent = z.strictObject({
  title: nameLine(200),
  description: SafeText.max(8_000).default(''),
  startsAt: Timestamp,
  location: SafeText.max(200).default(''),
})
export type NewCalendarEvent = z.output<typeof NewCalendarEvent>

/** `PATCH /v1/events/{id}`, by its organizer. */
export const UpdateCalendarEvent = NewCalendarEvent.partial()

/** `PUT /v1/events/{id}/rsvp` */
export const Rsvp = z.strictObject({ answer: RsvpAnswer })
