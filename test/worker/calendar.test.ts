import { env, exports } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { CalendarEvent, CalendarEventPage } from '../../src/protocol/calendar.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { crowd } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, newName, type Reply, signUp } from '../support/rest.ts'

const plan = (who: SignedIn, json: object = {}): Promise<Reply<CalendarEvent>> =>
  ask('POST', '/v1/events', {
    token: who.accessToken,
    json: { title: newName('Picnic '), startsAt: '2027-05-01T18:30:00.000Z', ...json },
  })

const act = (who: SignedIn, method: string, path: string, json?: object): Promise<Reply<CalendarEvent>> =>
  ask(method, path, { token: who.accessToken, ...(json && { json }) })

const two = async () => ({ alice: await signUp(), bob: await signUp() })

describe('events', () => {
  test('[EVNT1] an event is made, read by anybody, changed in part and deleted by its organizer', async () => {
    const { alice, bob } = await two()
    const made = await plan(alice, { description: 'Bring bread.', location: 'Parc' })
    expect(made.status).toBe(201)
    const event = CalendarEvent.parse(made.body)
    expect(event).toMatchObject({ organizerId: alice.user.id, startsAt: '2027-05-01T18:30:00.000Z', rsvps: [] })
    const path = `/v1/events/${event.id}`
    expect(await act(bob, 'GET', path)).toMatchObject({ status: 200, body: event })

    const changed = await act(alice, 'PATCH', path, { location: 'Lac' })
    expect(changed).toMatchObject({ status: 200, body: { ...event, location: 'Lac' } })
    expect((await act(alice, 'PATCH', path, {})).body).toEqual(changed.body)

    expect((await act(alice, 'DELETE', path)).status).toBe(204)
    for (const method of ['GET', 'DELETE']) {
      expect(await act(alice, method, path)).toMatchObject({ status: 404, body: { code: 'event.not_found' } })
    }
  })

  test('[EVNT2] only its organizer changes or deletes it', async () => {
    const { alice, bob } = await two()
    const { body } = await plan(alice)
    const path = `/v1/events/${body.id}`
    const refused = { status: 403, body: { code: 'event.not_organizer' } }

    expect(await act(bob, 'PATCH', path, { title: newName('Mine ') })).toMatchObject(refused)
    expect(await act(bob, 'DELETE', path)).toMatchObject(refused)
    expect((await act(bob, 'GET', path)).body).toEqual(body)
  })

  test('[EVNT3] no two events have one title, whatever its case or width', async () => {
    const alice = await signUp()
    const title = newName('Straßenfest ')
    const { body: first } = await plan(alice, { title })
    const { body: other } = await plan(alice)
    const taken = { status: 409, body: { code: 'event.title_taken' } }

    for (const same of [title, title.toUpperCase(), ` ${title} `]) {
      expect(await plan(alice, { title: same })).toMatchObject(taken)
      expect(await act(alice, 'PATCH', `/v1/events/${other.id}`, { title: same })).toMatchObject(taken)
    }
    const own = await act(alice, 'PATCH', `/v1/events/${first.id}`, { title: title.toUpperCase() })
    expect(own).toMatchObject({ status: 200, body: { title: title.toUpperCase() } })
    await act(alice, 'DELETE', `/v1/events/${first.id}`)
    expect((await plan(alice, { title })).status).toBe(201)
  })

  test('[EVNT3] of ten who want one title at once, one gets it', async () => {
    const alice = await signUp()
    const title = newName('Gala ')
    const replies = await Promise.all(Array.from({ length: 10 }, () => plan(alice, { title })))

    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(replies.filter(({ status }) => status === 409)).toHaveLength(9)
  })

  test('[EVNT4] they are listed by their beginning, page by page, from a point in time on', async () => {
    const alice = await signUp()
    const times = ['2031-01-03', '2031-01-01', '2031-01-02', '2031-01-02', '2031-01-02']
    for (const day of times) await plan(alice, { startsAt: `${day}T12:00:00Z` })
    const page = async (query: string) =>
      CalendarEventPage.parse((await act(alice, 'GET', `/v1/events?from=2031-01-01T00:00:00Z&limit=2${query}`)).body)

    const pages = [await page('')]
    for (let last = pages[0]; last?.nextCursor; last = pages.at(-1))
      pages.push(await page(`&cursor=${last.nextCursor}`))

    const items = pages.flatMap(({ items: some }) => some)
    expect(pages.map(({ items: some }) => some.length)).toEqual([2, 2, 1])
    expect(items.map(({ startsAt }) => startsAt.slice(0, 10))).toEqual(times.toSorted())
    expect(new Set(items.map(({ id }) => id)).size).toBe(5)
  })

  test('[EVNT5] anybody answers, differently later, and withdraws', async () => {
    const { alice, bob } = await two()
    const { body } = await plan(alice)
    const path = `/v1/events/${body.id}/rsvp`

    await act(alice, 'PUT', path, { answer: 'yes' })
    await act(bob, 'PUT', path, { answer: 'yes' })
    const changed = await act(bob, 'PUT', path, { answer: 'maybe' })
    expect(changed).toMatchObject({
      status: 200,
      body: {
        rsvps: [
          { userId: alice.user.id, answer: 'yes' },
          { userId: bob.user.id, answer: 'maybe' },
        ],
      },
    })

    for (let i = 0; i < 2; i++) expect((await act(bob, 'DELETE', path)).status).toBe(204)
    expect((await act(bob, 'GET', `/v1/events/${body.id}`)).body.rsvps).toEqual([
      { userId: alice.user.id, answer: 'yes' },
    ])
    for (const [method, json] of [
      ['PUT', { answer: 'no' }],
      ['DELETE', undefined],
    ] as const) {
      expect(await act(bob, method, '/v1/events/999999/rsvp', json)).toMatchObject({
        status: 404,
        body: { code: 'event.not_found' },
      })
    }
  })

  test('[EVNT6] its organizer and those who answered hear of every change, and nobody else', async () => {
    const { alice, bob } = await two()
    const carol = await signUp()
    const [alices, bobs, carols] = [
      await RawSocket.arrive(alice),
      await RawSocket.arrive(bob),
      await RawSocket.arrive(carol),
    ]
    const { body } = await plan(alice)
    const path = `/v1/events/${body.id}`
    expect(await alices.waitForType('event.changed')).toMatchObject({ event: body })
    expect(bobs.of('event.changed')).toEqual([])

    const { body: answered } = await act(bob, 'PUT', `${path}/rsvp`, { answer: 'yes' })
    const { body: moved } = await act(alice, 'PATCH', path, { startsAt: '2027-05-02T18:30:00.000Z' })
    for (const same of [{}, { startsAt: '2027-05-02T18:30:00Z' }, { title: body.title }]) {
      expect((await act(alice, 'PATCH', path, same)).body).toEqual(moved)
    }
    await act(alice, 'DELETE', path)

    for (const socket of [alices, bobs]) {
      expect(await socket.waitForType('event.deleted')).toMatchObject({ eventId: body.id })
      const told = socket.of('event.changed').map(({ event }) => event)
      expect(told).toEqual(expect.arrayContaining([answered, moved]))
      expect(told).toHaveLength(socket === alices ? 3 : 2)
    }
    await carols.request({ type: 'presence.get', userIds: [] })
    expect([...carols.of('event.changed'), ...carols.of('event.deleted')]).toEqual([])
  })

  test('[EVNT7] who has made 1,000 events in a day makes no more, and is still told of a title that is taken', async () => {
    const alice = await signUp()
    await env.DIRECTORY.prepare(
      `INSERT INTO events (title, title_key, description, location, starts_at, organizer_id, created_at)
       SELECT 'many ' || value, 'many ' || value, '', '', 0, ?, ? FROM json_each(?)`,
    )
      .bind(alice.user.id, Date.now(), JSON.stringify(Array.from({ length: LIMITS.plansPerDay - 1 }, (_, i) => i)))
      .run()

    const answers = [await plan(alice), await plan(alice), await plan(alice, { title: 'Many 1' })]
    await env.DIRECTORY.prepare('DELETE FROM events WHERE organizer_id = ?').bind(alice.user.id).run()

    expect(answers.map(({ status }) => status)).toEqual([201, 429, 409])
    expect((await plan(alice)).status).toBe(201)
  })

  test('[EVNT7] bad input is refused, and breaks nothing', async () => {
    const alice = await signUp()
    for (const json of [
      { title: '' },
      { title: '   ' },
      { title: 'x'.repeat(201) },
      { title: 'a\u202Eb' },
      { startsAt: 'tomorrow' },
      { startsAt: '2027-02-30T12:00:00Z' },
      { startsAt: '2027-05-01T12:00:00+02:00' },
      { startsAt: 0 },
      { description: 'x'.repeat(8_001) },
      { location: '\u0000' },
      { organizerId: 1 },
    ]) {
      expect((await plan(alice, json)).status, JSON.stringify(json)).toBe(400)
    }
    const { body } = await plan(alice, { startsAt: '0001-01-01T00:00:00Z' })
    expect(body.startsAt).toBe('0001-01-01T00:00:00.000Z')
    for (const id of ['x', '-1', '0', '1.5', '99999999999999999', '%00', 'x.ics', '.ics', '-1.ics', '1.ics.ics']) {
      expect((await act(alice, 'GET', `/v1/events/${id}`)).status, id).toBe(400)
    }
    for (const query of ['cursor=x', 'cursor=1', 'from=x', 'limit=0', 'limit=101', 'cursor=9999999999999999.1']) {
      expect((await act(alice, 'GET', `/v1/events?${query}`)).status, query).toBe(400)
    }
    for (const answer of ['perhaps', 1, null]) {
      expect((await act(alice, 'PUT', `/v1/events/${body.id}/rsvp`, { answer })).status).toBe(400)
    }
    expect((await ask('GET', '/v1/events')).status).toBe(401)
    expect((await ask('GET', `/v1/events/${body.id}.ics`)).status).toBe(401)
    expect(await act(alice, 'GET', '/v1/events/999999.ics')).toMatchObject({ status: 404 })
  })
})

test('[EVNT8] as iCalendar: every special character escaped, every line at most 75 octets, nothing lost', async () => {
  const alice = await signUp()
  const title = `${newName('Fête')}; pain, vin \\ fromage`
  const description = `${'é'.repeat(80)}\r\n🥖🍷${'x'.repeat(90)}\nEND:VEVENT\tok\u0007`
  const { body } = await plan(alice, { title, description, location: 'Lac, rive' })

  const response = await exports.default.fetch(
    new Request(`https://causerie.test/v1/events/${body.id}.ics`, {
      headers: { authorization: `Bearer ${alice.accessToken}` },
    }),
  )

  expect(response.headers.get('content-type')).toBe('text/calendar; charset=utf-8')
  const text = await response.text()
  const unbroken = text.replaceAll('\r\n', '')
  for (const character of ['\r', '\n', '\u0007']) expect(unbroken).not.toContain(character)
  const lines = text.split('\r\n')
  expect(text.endsWith('END:VCALENDAR\r\n')).toBe(true)
  for (const line of lines) expect(new TextEncoder().encode(line).byteLength).toBeLessThanOrEqual(75)
  expect(text.replaceAll('\r\n ', '').split('\r\n')).toEqual([
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Causerie//Causerie//EN',
    'BEGIN:VEVENT',
    `UID:event-${body.id}@causerie.test`,
    expect.stringMatching(/^DTSTAMP:\d{8}T\d{6}Z$/),
    'DTSTART:20270501T183000Z',
    `SUMMARY:${title.replace('\\', '\\\\').replace(';', '\\;').replace(',', '\\,')}`,
    `DESCRIPTION:${'é'.repeat(80)}\\n🥖🍷${'x'.repeat(90)}\\nEND:VEVENT\tok`,
    'LOCATION:Lac\\, rive',
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ])
})

describe('the cost of answers', () => {
  test('[EVNT5] an event takes 1,000 answers, and those who gave one may still change it', async () => {
    const { alice, bob } = await two()
    const { body: event } = await plan(alice)
    const path = `/v1/events/${event.id}/rsvp`
    await act(alice, 'PUT', path, { answer: 'yes' })
    await env.DIRECTORY.prepare(
      "INSERT INTO rsvps (event_id, user_id, answer) SELECT ?, value, 'yes' FROM json_each(?)",
    )
      .bind(event.id, JSON.stringify(await crowd(LIMITS.answersPerEvent - 1)))
      .run()

    const refused = await act(bob, 'PUT', path, { answer: 'yes' })

    expect(refused).toMatchObject({ status: 409, body: { code: 'limit.reached' } })
    for (const answer of ['no', 'no']) expect((await act(alice, 'PUT', path, { answer })).status).toBe(200)
    const { body: full } = await act(bob, 'GET', `/v1/events/${event.id}`)
    expect(full.rsvps).toHaveLength(LIMITS.answersPerEvent)
    expect(full.rsvps).toContainEqual({ userId: alice.user.id, answer: 'no' })
    await act(alice, 'DELETE', path)
    expect((await act(bob, 'PUT', path, { answer: 'yes' })).status).toBe(200)
  })

  test('[EVNT6] the same answer again is told to nobody, and among a crowd each only to its own and the organizer', async () => {
    const { alice, bob } = await two()
    const [carol, event] = [await signUp(), (await plan(alice)).body]
    const rsvp = (who: SignedIn, answer: string) => act(who, 'PUT', `/v1/events/${event.id}/rsvp`, { answer })
    await rsvp(carol, 'yes')
    const [alices, bobs, carols] = [
      await RawSocket.arrive(alice),
      await RawSocket.arrive(bob),
      await RawSocket.arrive(carol),
    ]
    const answersOf = (socket: RawSocket) =>
      socket.of('event.changed').map((frame) => (frame['event'] as CalendarEvent).rsvps.length)

    for (let i = 0; i < 3; i += 1) expect((await rsvp(bob, 'yes')).status).toBe(200)
    await rsvp(bob, 'no')
    for (const socket of [alices, bobs, carols]) await expect.poll(() => answersOf(socket)).toEqual([2, 2])

    const people = JSON.stringify(await crowd(LIMITS.intimateMembers))
    await env.DIRECTORY.prepare(
      "INSERT INTO rsvps (event_id, user_id, answer) SELECT ?, value, 'yes' FROM json_each(?)",
    )
      .bind(event.id, people)
      .run()
    await rsvp(bob, 'maybe')
    for (const socket of [alices, bobs]) await expect.poll(() => answersOf(socket)).toEqual([2, 2, 102])
    await act(alice, 'PATCH', `/v1/events/${event.id}`, { location: 'Lac' })
    await expect.poll(() => answersOf(carols)).toEqual([2, 2, 102])
  })
})
