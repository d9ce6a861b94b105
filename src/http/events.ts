import { Hono } from 'hono'
import * as z from 'zod'
import { icalendarOf } from '../core/icalendar.ts'
import { openDirectory } from '../directory/directory.ts'
import {
  answerEvent,
  createEvent,
  deleteEvent,
  eventById,
  listEvents,
  updateEvent,
  withdrawAnswer,
} from '../directory/calendar.ts'
import { isRefusal } from '../protocol/errors.ts'
import { EventsQuery, NewCalendarEvent, Rsvp, UpdateCalendarEvent } from '../protocol/calendar.ts'
import { numberParam } from '../protocol/page.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { type Authenticated, authenticated, budgeted } from './authenticated.ts'
import { answer, answerEmpty, problem } from './problem.ts'
import { body, params, query } from './validation.ts'

const EventId = numberParam(z.int().positive())
const ById = z.object({ id: EventId })
const ByFile = z.object({
  file: z
    .string()
    .transform((file) => file.replace(/\.ics$/, ''))
    .pipe(EventId),
})

/** `/v1/events` */
export const events = new Hono<Authenticated>()
  .use(authenticated, budgeted)
  .get('/', query(EventsQuery), async (c) => answer(c, await listEvents(openDirectory(c.env), c.req.valid('query'))))
  .post('/', body(NewCalendarEvent), async (c) =>
    answer(
      c,
      await createEvent(directoryContext(c), { ...c.req.valid('json'), organizerId: c.var.caller.userId }),
      201,
    ),
  )
  .get('/:file{.+\\.ics}', params(ByFile), async (c) => {
    const event = await eventById(openDirectory(c.env), c.req.valid('param').file)
    if (isRefusal(event)) return problem(c, event)
    return c.body(icalendarOf(event, new URL(c.req.url).host), 200, {
      'content-type': 'text/calendar; charset=utf-8',
      'content-disposition': `attachment; filename="event-${event.id}.ics"`,
    })
  })
  .get('/:id', params(ById), async (c) => answer(c, await eventById(openDirectory(c.env), c.req.valid('param').id)))
  .patch('/:id', params(ById), body(UpdateCalendarEvent), async (c) => {
    const { id: eventId } = c.req.valid('param')
    const change = c.req.valid('json')
    return answer(c, await updateEvent(directoryContext(c), { userId: c.var.caller.userId, eventId, change }))
  })
  .delete('/:id', params(ById), async (c) => {
    const { id: eventId } = c.req.valid('param')
    return answerEmpty(c, await deleteEvent(directoryContext(c), { userId: c.var.caller.userId, eventId }))
  })
  .put('/:id/rsvp', params(ById), body(Rsvp), async (c) => {
    const { id: eventId } = c.req.valid('param')
    const { answer: said } = c.req.valid('json')
    return answer(c, await answerEvent(directoryContext(c), { userId: c.var.caller.userId, eventId, answer: said }))
  })
  .delete('/:id/rsvp', params(ById), async (c) => {
    const { id: eventId } = c.req.valid('param')
    return answerEmpty(c, await withdrawAnswer(directoryContext(c), { userId: c.var.caller.userId, eventId }))
  })
