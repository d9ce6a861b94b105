import type { CalendarEvent, RsvpAnswer } from '../protocol/calendar.ts'
import type { Http } from './http.ts'
import { type Page, pagePath } from './page.ts'

type Plan = { title: string; startsAt: string; description?: string; location?: string }

/** Events that take place. Changes of those that one organizes or answered arrive as `event.changed` and `event.deleted`. */
export class Calendar {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** By their beginning. */
  list(cursor?: string): Promise<Page<CalendarEvent>> {
    return this.#http.get(pagePath('/v1/events', cursor))
  }

  /** One event. `event.not_found`. */
  get(id: number): Promise<CalendarEvent> {
    return this.#http.get(`/v1/events/${id}`)
  }

  /** Titles are unique: `event.title_taken` otherwise. `startsAt` is ISO 8601 in UTC. */
  create(plan: Plan): Promise<CalendarEvent> {
    return this.#http.post('/v1/events', plan)
  }

  /** By its organizer. */
  update(id: number, change: Partial<Plan>): Promise<CalendarEvent> {
    return this.#http.send({ method: 'PATCH', path: `/v1/events/${id}`, json: change })
  }

  /** By its organizer. */
  delete(id: number): Promise<void> {
    return this.#http.send({ method: 'DELETE', path: `/v1/events/${id}` })
  }

  /** Answers an event, in place of an answer given before. `event.not_found`. */
  answer(id: number, answer: RsvpAnswer): Promise<CalendarEvent> {
    return this.#http.send({ method: 'PUT', path: `/v1/events/${id}/rsvp`, json: { answer } })
  }

  /** Takes the answer back; where there is none, nothing happens. `event.not_found`. */
  withdrawAnswer(id: number): Promise<void> {
    return this.#http.send({ method: 'DELETE', path: `/v1/events/${id}/rsvp` })
  }
}
