import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { openDirect, say } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, newName, PASSWORD, signUp, statusOf } from '../support/rest.ts'
import { type Detail, dialectTests, type Frame, openSocket } from './suite.ts'

type Person = { id: number; username: string; email: string; name: string }
type Token = { access_token: string; token_type: string }
type Event = { id: number; title: string; date: string; organizer_id: number }
type Letter = {
  id: number
  content: string
  sender_id: number
  receiver_id: number
  is_read: boolean
  created_at: string
}

const post = async (from: SignedIn, receiverId: number, content: string): Promise<Letter> => {
  const json = { content, receiver_id: receiverId }
  const { status, body } = await ask<Letter>('POST', '/messages/', { token: from.accessToken, json })
  expect(status).toBe(200)
  return body
}
const lettersOf = async (who: SignedIn, query: string): Promise<Letter[]> =>
  (await ask<Letter[]>('GET', `/messages/${query}`, { token: who.accessToken })).body

const driver = {
  document: '004',
  path: (token: string) => `/ws/${token}`,
  badToken: 4008,
  send: async (from: SignedIn, to: SignedIn, words: string) => void (await post(from, to.user.id, words)),
  heard: (frame: Frame) => {
    const message = frame['type'] === 'new_message' ? (frame['message'] as Letter) : null
    return message && { words: message.content, senderId: message.sender_id }
  },
  echoes: false,
  // The socket is that of document 002 as well, which answers errors.
  errorOf: (frame: Frame) => (frame['type'] === 'error' ? String(frame['message']) : null),
}

dialectTests('events', driver)

const newAccount = (change: object = {}) => {
  const username = newName()
  return { username, email: `${username}@example.org`, password: PASSWORD, ...change }
}
const registerAs = (json: object) => ask<Person & Detail>('POST', '/register', { json })
const logInAs = (json: object) => ask<Token & Detail>('POST', '/login', { json })

describe('the accounts of document 004', () => {
  test('[004] POST /register answers the account', async () => {
    const account = newAccount()

    const { status, body } = await registerAs(account)

    expect(status).toBe(200)
    const { username, email } = account
    expect(body).toEqual({ id: expect.any(Number), username, email, name: username })
  })

  test('[004] POST /register with a used address, or a used name, is 400', async () => {
    const account = newAccount()
    await registerAs(account)

    const sameAddress = await registerAs(newAccount({ email: account.email.toUpperCase() }))
    const sameName = await registerAs(newAccount({ username: account.username }))

    expect([sameAddress.status, sameAddress.body.detail]).toEqual([400, 'This address is taken.'])
    expect([sameName.status, sameName.body.detail]).toEqual([400, 'This username is taken.'])
  })

  test.for(['a', 'password', 'motdepasse', 'p'.repeat(256)])(
    '[004] POST /register takes any password, as the document knows no rule: %s',
    async (password) => {
      const account = newAccount({ password })

      expect((await registerAs(account)).status).toBe(200)
      expect((await logInAs({ email: account.email, password })).status).toBe(200)
    },
  )

  test('[004] POST /register takes any name, and shows it', async () => {
    const account = newAccount({ username: 'Zoë de la Fontaine' })

    const { status, body } = await registerAs(account)

    expect(status).toBe(200)
    expect(body).toMatchObject({ name: 'Zoë de la Fontaine', username: 'Zoë_de_la_Fontaine' })
  })

  test.for([
    [{ username: undefined }],
    [{ email: undefined }],
    [{ password: undefined }],
    [{ email: 'nowhere' }],
    [{ password: '' }],
    [{ password: 'p'.repeat(257) }],
    [{ username: '' }],
    [{ username: 5 }],
  ])('[004] POST /register with %o is 422', async ([wrong]) => {
    const { status, body } = await ask<{ detail: object[] }>('POST', '/register', { json: newAccount(wrong) })

    expect(status).toBe(422)
    expect(body.detail).toMatchObject([{ loc: ['body', expect.any(String)] }])
  })

  test('[004] POST /login answers a bearer token that lasts for a week', async () => {
    const account = newAccount()
    await registerAs(account)

    const { status, body } = await logInAs({ email: account.email, password: account.password })

    expect(status).toBe(200)
    expect(body).toEqual({ access_token: expect.any(String), token_type: 'bearer' })
    const claims = JSON.parse(atob(body.access_token.split('.')[1] ?? '')) as { iat: number; exp: number }
    expect(claims.exp - claims.iat).toBe(7 * 24 * 60 * 60)
  })

  test('[004] POST /login takes the form that clients of FastAPI send', async () => {
    const account = newAccount()
    await registerAs(account)
    const raw = new URLSearchParams({ grant_type: 'password', username: account.email, password: account.password })

    expect((await ask('POST', '/login', { raw })).status).toBe(200)
  })

  test('[004] POST /login with a wrong password, or of nobody, is 401', async () => {
    const account = newAccount()
    await registerAs(account)

    const wrong = await logInAs({ email: account.email, password: 'wrong' })
    const nobody = await logInAs({ email: 'nobody@example.org', password: 'wrong' })

    expect([wrong.status, nobody.status]).toEqual([401, 401])
    expect(wrong.body).toEqual(nobody.body)
    expect((await logInAs({ email: account.email })).status).toBe(422)
    expect((await logInAs({ password: 'x' })).status).toBe(422)
  })

  test('[004] guesses at a password are counted', async () => {
    const { email } = newAccount()

    const statuses = []
    for (let i = 0; i < 7; i++) statuses.push((await logInAs({ email, password: `guess ${i}` })).status)

    expect(statuses.at(-1)).toBe(429)
  })

  test('[004] GET /auth/me tells who one is', async () => {
    const { accessToken: token, user } = await signUp()

    const { body } = await ask<Person>('GET', '/auth/me', { token })

    expect(body).toEqual({ id: user.id, username: user.username, email: user.email, name: user.displayName })
  })

  test('[004] POST /auth/logout ends the token at once, and registering leaves no session behind', async () => {
    const account = newAccount()
    await registerAs(account)
    const { access_token: token } = (await logInAs(account)).body
    const sessions = await ask<{ items: object[] }>('GET', '/v1/auth/sessions', { token })

    expect((await ask('POST', '/auth/logout', { token })).status).toBe(200)

    expect(sessions.body.items.length).toBe(1)
    expect(await statusOf(token)).toBe(401)
    expect((await ask('GET', '/auth/me', { token })).status).toBe(401)
  })
})

describe('the people of documents 000 and 004', () => {
  test('[004] GET /users/ lists them, with no address but the own', async () => {
    const [alice, bob] = [await signUp(), await signUp()]

    const { body } = await ask<Person[]>('GET', '/users/', { token: alice.accessToken })

    const own = body.find((person) => person.id === alice.user.id)
    const other = body.find((person) => person.id === bob.user.id)
    expect(own?.email).toBe(alice.user.email)
    expect(other).toEqual({ id: bob.user.id, name: bob.user.displayName, username: bob.user.username, email: '' })
  })

  test('[004] GET /users/{user_id} gives one, 404 where there is none', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const get = (id: number | string) => ask<Person>('GET', `/users/${id}`, { token: alice.accessToken })

    expect((await get(bob.user.id)).body).toMatchObject({ id: bob.user.id, username: bob.user.username })
    expect((await get(alice.user.id)).body.email).toBe(alice.user.email)
    expect((await get(987_654_321)).status).toBe(404)
    expect((await get('0')).status).toBe(404)
    expect((await get('bob')).status).toBe(422)
  })

  test('[000] POST /users/ makes an account, and two may have one name', async () => {
    const name = newName('Zoé ')
    const make = (email: string) => ask<Person>('POST', '/users/', { json: { name, email, password: PASSWORD } })

    const [one, two] = [await make(`${newName()}@example.org`), await make(`${newName()}@example.org`)]

    expect([one.status, two.status]).toEqual([200, 200])
    expect([one.body.name, two.body.name]).toEqual([name, name])
    expect(one.body.username).not.toBe(two.body.username)
    expect((await make(one.body.email)).status).toBe(400)
    expect((await logInAs({ email: one.body.email, password: PASSWORD })).status).toBe(200)
  })

  test('[000] PUT /users/{id} changes oneself only', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const email = `${newName()}@example.org`
    const put = (id: number, json: object) => ask<Person>('PUT', `/users/${id}`, { token: alice.accessToken, json })

    const { status, body } = await put(alice.user.id, { name: 'Alice L.', email })

    expect(status).toBe(200)
    expect(body).toMatchObject({ name: 'Alice L.', email, username: alice.user.username })
    expect((await put(bob.user.id, { name: 'x' })).status).toBe(403)
    expect((await put(987_654_321, { name: 'x' })).status).toBe(404)
    expect((await put(alice.user.id, { email: bob.user.email })).status).toBe(400)
    expect((await put(alice.user.id, { name: '' })).status).toBe(422)
  })

  test('[000] PUT /users/{id} takes the password that is, and no other', async () => {
    const { accessToken: token, user } = await signUp()
    const put = (password: string) => ask('PUT', `/users/${user.id}`, { token, json: { name: 'x', password } })

    expect((await put(PASSWORD)).status).toBe(200)
    expect((await put('another one')).status).toBe(403)
  })
})

describe('the events of document 004', () => {
  const newEvent = () => ({
    title: newName('Concert '),
    description: 'Jazz au jardin',
    date: '2026-06-21T19:30:00',
    location: 'Lyon',
  })
  const create = (who: SignedIn, json: object) =>
    ask<Event & Detail>('POST', '/events/', { token: who.accessToken, json })

  test('[004] POST /events/ answers the event, with its date as it was given', async () => {
    const alice = await signUp()
    const event = newEvent()

    const { status, body } = await create(alice, event)

    expect(status).toBe(200)
    expect(body).toEqual({ id: expect.any(Number), ...event, organizer_id: alice.user.id })
  })

  test('[004] POST /events/ with a used title is 400, without a token 401', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const event = newEvent()
    await create(alice, event)

    const again = await create(bob, event)

    expect([again.status, again.body.detail]).toEqual([400, 'There is an event of this title already.'])
    expect((await ask('POST', '/events/', { json: newEvent() })).status).toBe(401)
  })

  test.for([
    [{ title: undefined }],
    [{ title: '' }],
    [{ date: undefined }],
    [{ date: 'tomorrow' }],
    [{ date: '2026-13-45T99:99:99' }],
    [{ location: 5 }],
  ])('[004] POST /events/ with %o is 422', async ([wrong]) => {
    expect((await create(await signUp(), { ...newEvent(), ...wrong })).status).toBe(422)
  })

  test('[004] GET /events/ ends where it would become too large, for anybody may ask for it', async () => {
    const organizer = (await signUp()).user.id
    await env.DIRECTORY.prepare(
      `INSERT INTO events (title, title_key, description, location, starts_at, organizer_id, created_at)
       SELECT 'long ' || value, 'long ' || value, printf('%.*c', 8000, 'x'), '', 0, ?, 0 FROM json_each(?)`,
    )
      .bind(organizer, JSON.stringify(Array.from({ length: 400 }, (_, i) => i)))
      .run()

    const { status, body } = await ask<Event[]>('GET', '/events/')
    await env.DIRECTORY.prepare('DELETE FROM events WHERE organizer_id = ?').bind(organizer).run()

    expect(status).toBe(200)
    expect(JSON.stringify(body).length).toBeLessThan(2 * 1024 * 1024)
    expect(body.slice(0, 100).map(({ title }) => title)).toEqual(Array.from({ length: 100 }, (_, i) => `long ${i}`))
  })

  test('[004] GET /events/ leaves out what is over, not what comes, where there is too much', async () => {
    const alice = await signUp()
    const organizer = alice.user.id
    await env.DIRECTORY.prepare(
      `INSERT INTO events (title, title_key, description, location, starts_at, organizer_id, created_at)
       SELECT 'Over ' || value, 'over ' || value, ?, '', -62000000000000, ?, 0 FROM json_each(?)`,
    )
      .bind('x'.repeat(8_000), organizer, JSON.stringify(Array.from({ length: 200 }, (_, i) => i)))
      .run()
    const { body: coming } = await create(alice, { ...newEvent(), date: '2199-06-21T19:30:00' })

    const { body } = await ask<Event[]>('GET', '/events/')
    await env.DIRECTORY.prepare('DELETE FROM events WHERE starts_at < 0').run()

    expect(body.map(({ id }) => id)).toContain(coming.id)
    expect(body.at(0)?.title).toBe('Over 0')
  })

  test('[004] GET /events/ and GET /events/{event_id} show events to anybody, 404 where there is none', async () => {
    const { body: event } = await create(await signUp(), newEvent())

    const { body: all } = await ask<Event[]>('GET', '/events/')

    expect(all.find((each) => each.id === event.id)).toEqual(event)
    expect((await ask('GET', `/events/${event.id}`)).body).toEqual(event)
    expect((await ask('GET', '/events/987654321')).status).toBe(404)
    expect((await ask('GET', '/events/soon')).status).toBe(422)
  })

  test('[004] GET /events/ without a token is bounded for each network, and with one by the budget', async () => {
    const { accessToken: token } = await signUp()
    const headers = { 'cf-connecting-ip': '203.0.113.77' }
    const read = async (count: number, options: object) => {
      const answers = Array.from({ length: count }, () => ask('GET', '/events/987654321', { headers, ...options }))
      return (await Promise.all(answers)).map(({ status }) => status)
    }

    // A window may end in between.
    const anonymous = await read(125, {})
    expect(anonymous.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 404))
    expect(anonymous).toContain(429)
    expect(await read(70, { token })).toEqual(Array.from({ length: 70 }, () => 404))
  })
})

describe('the messages of document 004', () => {
  test('[004] the socket tells a new message as the document shows it', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const socket = await openSocket(driver, bob.accessToken)

    const { id } = await post(alice, bob.user.id, 'Bonjour !')

    const frame = await socket.waitFor(({ type }) => type === 'new_message')
    expect(frame['message']).toEqual({
      id,
      content: 'Bonjour !',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      sender_id: alice.user.id,
      receiver_id: bob.user.id,
      is_read: false,
    })
  })

  test('[004] GET /messages/received and /messages/sent give the newest first, by skip and limit', async () => {
    const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
    for (const n of [1, 2, 3]) {
      await post(alice, bob.user.id, `to bob ${n}`)
      await post(carol, bob.user.id, `from carol ${n}`)
      await post(bob, alice.user.id, `from bob ${n}`)
    }

    const received = await lettersOf(bob, 'received?skip=0&limit=100')
    const some = await lettersOf(bob, 'received?skip=2&limit=3')
    const sent = await lettersOf(bob, 'sent')

    const newest = ['from carol 3', 'to bob 3', 'from carol 2', 'to bob 2', 'from carol 1', 'to bob 1']
    expect(received.map((letter) => letter.content)).toEqual(newest)
    expect(some).toEqual(received.slice(2, 5))
    expect(sent.map((letter) => letter.content)).toEqual(['from bob 3', 'from bob 2', 'from bob 1'])
    expect(await lettersOf(bob, 'received?skip=6')).toEqual([])
    expect(await lettersOf(bob, 'received?limit=0')).toEqual([])
  })

  test('[004] GET /messages/received finds one message below many that the reader wrote', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    await post(alice, bob.user.id, 'to bob')
    for (let n = 0; n < 45; n += 1) await post(bob, alice.user.id, `from bob ${n}`)

    const received = await lettersOf(bob, 'received?skip=0&limit=1')

    expect(received.map((letter) => letter.content)).toEqual(['to bob'])
  })

  test.for(['skip=-1', 'limit=-1', 'skip=x', 'limit=1.5'])('[004] GET /messages/received?%s is 422', async (query) => {
    const { accessToken: token } = await signUp()

    expect((await ask('GET', `/messages/received?${query}`, { token })).status).toBe(422)
  })

  test('[004] PUT /messages/{message_id}/read marks a message as read, for both', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    await post(alice, bob.user.id, 'one')
    const { id } = await post(alice, bob.user.id, 'two')
    await post(alice, bob.user.id, 'three')

    const { status, body } = await ask<Letter>('PUT', `/messages/${id}/read`, { token: bob.accessToken })

    expect(status).toBe(200)
    expect(body).toMatchObject({ id, content: 'two', is_read: true })
    const marks = (letters: Letter[]) => letters.map((letter) => letter.is_read)
    expect(marks(await lettersOf(bob, 'received'))).toEqual([false, true, true])
    expect(marks(await lettersOf(alice, 'sent'))).toEqual([false, true, true])
  })

  test('[004] PUT /messages/{message_id}/read of no message is 404, of one between others 403', async () => {
    const [alice, bob, stranger] = [await signUp(), await signUp(), await signUp()]
    const { id } = await post(alice, bob.user.id, 'x')

    expect((await ask('PUT', `/messages/${id}/read`, { token: stranger.accessToken })).status).toBe(403)
    expect((await ask('PUT', `/messages/${id + 1}/read`, { token: bob.accessToken })).status).toBe(404)
    expect((await ask('PUT', '/messages/5/read', { token: bob.accessToken })).status).toBe(404)
  })

  test('[004] frames tell documents 002 and 004 at once, for one address serves both', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const socket = await openSocket(driver, bob.accessToken)
    const conversationId = await openDirect(alice, bob)

    const said = await say(await RawSocket.arrive(alice), conversationId, 'both')

    const frame = await socket.waitFor(({ type }) => type === 'new_message')
    expect(frame).toMatchObject({ message_id: said.id, content: 'both', message: { id: said.id, content: 'both' } })
  })
})

describe('tokens', () => {
  test('[000] [001] [004] none is in a log or in an answer', async () => {
    const lines: unknown[] = []
    for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      vi.spyOn(console, level).mockImplementation((...said) => void lines.push(...said))
    }
    const { accessToken } = await signUp()
    const paths = [`/messages/ws?token=${accessToken}`, `/ws?token=${accessToken}`, `/ws/${accessToken}`]

    const answers = []
    for (const path of [...paths, ...paths.map((each) => `${each}x`)]) {
      const socket = await RawSocket.open({ path })
      answers.push(JSON.stringify(socket.frames), (await ask('GET', path)).body)
    }

    vi.restoreAllMocks()
    expect(JSON.stringify([lines, answers])).not.toContain(accessToken.slice(-40))
  })
})
