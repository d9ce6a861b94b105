import { Hono } from 'hono'
import * as z from 'zod'
import { DAY_MS } from '../core/time.ts'
import { createEvent, eventById, listPlainEvents } from '../directory/calendar.ts'
import { type Directory, openDirectory } from '../directory/directory.ts'
import { isRefusal } from '../protocol/errors.ts'
import { NewCalendarEvent } from '../protocol/calendar.ts'
import { LIMITS } from '../protocol/limits.ts'
import { directoryContext } from '../worker/directory-context.ts'
import type { Dialect, DialectEnv } from './dialect.ts'
import { bodyIn, budgeted, type C, detail, idIn, openToAll, signedIn, slashed, throttled } from './fastapi.ts'
import { listMessagesBy, postDirectMessage, readDirectMessage } from './direct-messages.ts'
import { everybody, oneself, person, registerPerson, signIn, signOut } from './people.ts'
import { isPosted, naiveSeconds, receiverOf, wordsOf, zuluSeconds } from './words.ts'

const MAX_LISTED = 1_000
/** Who asks need not be signed in, so that what one request reads and answers is bounded whatever people wrote. */
const MAX_CHARACTERS = 1024 * 1024

const { title, description, location } = NewCalendarEvent.shape
export const NewEvent = z.object({
  title,
  description,
  location,
  /** Naive, and taken as UTC; a zone that is given is heeded. */
  date: z.iso.datetime({ local: true, offset: true }).transform(toUtc).pipe(NewCalendarEvent.shape.startsAt),
})

/** Document 004: accounts, events and messages with their reading, at `/ws/{token}`. Its socket only tells. */
export const events: Dialect = {
  name: 'events',
  socket: '/ws/:token',
  close: { badToken: 4008, fault: 1011 },
  hears: null,

  encode(event, viewer) {
    if (event.type !== 'message.created') return []
    const { message } = event
    if (message.senderId === viewer.userId && isPosted(message)) return []
    const told = {
      id: message.id,
      content: wordsOf(message),
      created_at: zuluSeconds(message.createdAt),
      sender_id: message.senderId,
      receiver_id: receiverOf(message, viewer),
      is_read: false,
    }
    return [{ type: 'new_message', message: told }]
  },

  answer: () => [],

  routes: new Hono<DialectEnv>()
    .on('POST', slashed('/register'), throttled, registerPerson)
    .on('POST', slashed('/login'), throttled, signIn)
    .on('POST', slashed('/auth/logout'), signedIn, signOut)
    .on('GET', slashed('/auth/me'), signedIn, oneself)
    .on('GET', slashed('/users'), signedIn, budgeted, everybody)
    .on('GET', slashed('/users/:user_id'), signedIn, budgeted, person)
    .on('POST', slashed('/messages'), signedIn, postDirectMessage)
    .on('GET', slashed('/messages/received'), signedIn, budgeted, listMessagesBy('others'))
    .on('GET', slashed('/messages/sent'), signedIn, budgeted, listMessagesBy('self'))
    .on('PUT', slashed('/messages/:message_id/read'), signedIn, readDirectMessage)
    .on('POST', slashed('/events'), signedIn, budgeted, (c) => create(c))
    .on('GET', slashed('/events'), openToAll, async (c) => c.json((await listed(openDirectory(c.env))).map(shapeOf)))
    .on('GET', slashed('/events/:event_id'), openToAll, async (c) => {
      const id = idIn(c, 'event_id')
      const event = typeof id === 'number' ? await eventById(openDirectory(c.env), id) : id
      return isRefusal(event) ? detail(c, event) : c.json(shapeOf(event))
    }),
}

/** By their beginning. Where there are too many, those that are over are left out first. */
const listed = async (db: Directory): Promise<Plain[]> => {
  const yesterday = new Date(Date.now() - DAY_MS).toISOString()
  const room = { events: MAX_LISTED, characters: MAX_CHARACTERS }
  const coming = await asManyAsFit(db, { from: yesterday }, room)
  const over = await asManyAsFit(db, { until: yesterday }, room)
  return [...over, ...coming]
}

/** Takes what it answers from the room. */
const asManyAsFit = async (
  db: Directory,
  range: { from?: string; until?: string },
  room: { events: number; characters: number },
): Promise<Plain[]> => {
  const found: Plain[] = []
  for (let cursor: string | null = ''; cursor !== null && room.events > 0 && room.characters > 0;) {
    const { items, nextCursor }: PlainPage = await listPlainEvents(db, {
      ...range,
      ...(cursor !== '' && { cursor }),
      limit: Math.min(LIMITS.pageSize, room.events),
    })
    found.push(...items)
    room.events -= items.length
    room.characters -= JSON.stringify(items).length
    cursor = nextCursor
  }
  return found
}

const create = async (c: C): Promise<Response> => {
  const input = await bodyIn(c, NewEvent)
  if (isRefusal(input)) return detail(c, input)
  const { date: startsAt, ...words } = input
  const event = await createEvent(directoryContext(c), { ...words, startsAt, organizerId: c.var.caller.userId })
  return isRefusal(event) ? detail(c, event) : c.json(shapeOf(event))
}

type PlainPage = Awaited<ReturnType<typeof listPlainEvents>>
type Plain = PlainPage['items'][number]

const shapeOf = ({ id, title, description, startsAt, location, organizerId }: Plain) => ({
  id,
  title,
  description,
  date: naiveSeconds(startsAt),
  location,
  organizer_id: organizerId,
})

function toUtc(date: string): string {
  const time = new Date(/(?:Z|[+-]\d\d:?\d\d)$/.test(date) ? date : `${date}Z`)
  return Number.isNaN(time.getTime()) ? '' : time.toISOString()
}
