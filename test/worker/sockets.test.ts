import { evictDurableObject, listDurableObjectIds, runInDurableObject } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn, Ticket } from '../../src/protocol/auth.ts'
import { Together } from '../../src/protocol/events.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { CLOSE } from '../../src/protocol/socket.ts'
import { setBudgetOf } from '../support/budget.ts'
import { entryFor, pair, say } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signIn, signUp } from '../support/rest.ts'

const ticketFor = async (who: SignedIn) =>
  (await ask<Ticket>('POST', '/v1/auth/ticket', { token: who.accessToken })).body.ticket
const withTicket = (ticket: string, headers = {}) =>
  RawSocket.open({ headers: { 'sec-websocket-protocol': `causerie.v1, ticket.${ticket}`, ...headers } })
const codeOf = async (socket: RawSocket) => {
  await expect.poll(() => socket.closed).not.toBeNull()
  expect(socket.frames).toEqual([])
  return socket.closed
}
const invalid = { code: CLOSE.ticketInvalid, reason: 'ticket.invalid' }
const isUsable = async (socket: RawSocket) => {
  await socket.request({ type: 'presence.get', userIds: [] })
  return socket.closed === null
}

afterEach(() => {
  vi.useRealTimers()
})

test('[CONN1] the first frame is hello, and the subprotocol is the one that was offered', async () => {
  const alice = await signUp()
  const upgrade = (headers: Record<string, string>) =>
    exports.default.fetch(
      new Request('https://causerie.test/v1/socket', { headers: { upgrade: 'websocket', ...headers } }),
    )

  const offered = await upgrade({ 'sec-websocket-protocol': `causerie.v1, ticket.${await ticketFor(alice)}` })
  const plain = await upgrade({ authorization: `Bearer ${alice.accessToken}` })
  const socket = await RawSocket.arrive(alice)

  expect([offered.status, plain.status]).toEqual([101, 101])
  expect(offered.headers.get('sec-websocket-protocol')).toBe('causerie.v1')
  expect(plain.headers.get('sec-websocket-protocol')).toBeNull()
  expect(socket.frames[0]).toEqual({
    type: 'hello',
    protocol: 'causerie.v1',
    userId: alice.user.id,
    sessionId: alice.sessionId,
    serverTime: expect.stringMatching(/^\d{4}-.*Z$/),
    conversations: [],
    nextCursor: null,
    gone: [],
    online: [],
  })
})

test('[CONN2] a ticket opens one socket, as subprotocol or in the query', async () => {
  const alice = await signUp()
  const [first, second] = [await ticketFor(alice), await ticketFor(alice)]

  expect(await isUsable(await withTicket(first))).toBe(true)
  expect(await isUsable(await RawSocket.open({ query: `?ticket=${second}` }))).toBe(true)
  for (const ticket of [first, second]) {
    expect(await codeOf(await withTicket(ticket))).toEqual(invalid)
    expect(await codeOf(await RawSocket.open({ query: `?ticket=${ticket}` }))).toEqual(invalid)
  }
})

test('[CONN2] of ten that come at once with one ticket, one gets in', async () => {
  const ticket = await ticketFor(await signUp())

  const sockets = await Promise.all(Array.from({ length: 10 }, () => withTicket(ticket)))

  await expect.poll(() => sockets.filter(({ closed }) => closed).length).toBe(9)
  for (const { closed } of sockets) if (closed) expect(closed).toEqual(invalid)
})

test('[CONN3] a ticket that is too old, made up, of an ended session or of somebody else is accepted and closed with 4401', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const [old, ended, theirs] = [await ticketFor(alice), await ticketFor(bob), await ticketFor(alice)]
  await runInDurableObject(hubOf(env, alice.user.id), (_, { storage }) => {
    storage.sql.exec('UPDATE tickets SET expires_at = expires_at - 30001 WHERE rowid = 1')
  })
  await ask('POST', '/v1/auth/logout', { token: bob.accessToken })
  const swapped = `${bob.user.id}.${theirs.split('.')[1]}`
  const madeUp = [
    swapped,
    'x',
    '',
    '1.',
    `0.${'A'.repeat(43)}`,
    `999999.${'A'.repeat(43)}`,
    `${alice.user.id}.${'A'.repeat(43)}`,
  ]

  for (const ticket of [old, ended, ...madeUp]) {
    expect(await codeOf(await RawSocket.open({ query: `?ticket=${ticket}` })), ticket).toEqual(invalid)
  }
  // Or anybody could make storage for users who do not exist.
  const hubs = (await listDurableObjectIds(env.USER_HUB)).map(String)
  expect(hubs).toContain(String(env.USER_HUB.idFromName(String(alice.user.id))))
  expect(hubs).not.toContain(String(env.USER_HUB.idFromName('999999')))
  expect(await codeOf(await RawSocket.open())).toEqual(invalid)
  const spoofed = { 'x-causerie-session': alice.sessionId, 'x-causerie-ticket': theirs }
  expect(await codeOf(await RawSocket.open({ headers: spoofed }))).toEqual(invalid)
  expect(await isUsable(await withTicket(theirs))).toBe(true)
})

test('[CONN4] an access token in the header opens a socket while its session lasts', async () => {
  const alice = await signUp()
  const open = (token: string) => RawSocket.open({ headers: { authorization: `Bearer ${token}` } })

  expect(await isUsable(await open(alice.accessToken))).toBe(true)
  expect(await codeOf(await open(`${alice.accessToken}x`))).toEqual(invalid)
  await ask('POST', '/v1/auth/logout', { token: alice.accessToken })
  expect(await codeOf(await open(alice.accessToken))).toEqual(invalid)
})

test('[CONN5] a page of a foreign origin is closed with 4404, and its ticket is not used up', async () => {
  const alice = await signUp()
  const ticket = await ticketFor(alice)

  for (const origin of ['https://evil.example', 'null', 'http://causerie.test', 'https://causerie.test.evil.example']) {
    expect(await codeOf(await withTicket(ticket, { origin })), origin).toEqual({
      code: CLOSE.originRefused,
      reason: 'origin.refused',
    })
  }
  expect(await isUsable(await withTicket(ticket, { origin: 'https://causerie.test' }))).toBe(true)
})

test('[CONN6] signing out ends the sockets of that session with session.revoked and 4403, and no others', async () => {
  const here = await signUp()
  const there = (await signIn(here.user.username)).body
  const [phone, tablet, laptop] = [
    await RawSocket.arrive(here),
    await RawSocket.arrive(here),
    await RawSocket.arrive(there),
  ]

  await ask('POST', '/v1/auth/logout', { token: here.accessToken })

  for (const socket of [phone, tablet]) {
    await expect.poll(() => socket.closed).toEqual({ code: CLOSE.sessionRevoked, reason: 'session.revoked' })
    expect(socket.frames.at(-1)).toEqual({ type: 'session.revoked' })
  }
  expect(await isUsable(laptop)).toBe(true)
  expect(laptop.of('session.revoked')).toEqual([])
})

test('[CONN7] ping is answered with pong, and by nothing else', async () => {
  const socket = await RawSocket.arrive(await signUp())
  const before = socket.frames.length

  for (let i = 0; i < 3; i += 1) socket.sendRaw('ping')

  await expect.poll(() => socket.pongs).toBe(3)
  expect(socket.frames).toHaveLength(before)
})

test('[CONN8] the fifty-first socket of a user closes the oldest with 4429', async () => {
  const alice = await signUp()
  const sockets: RawSocket[] = []
  for (let i = 0; i < 51; i += 1) {
    const socket = await RawSocket.open({ headers: { authorization: `Bearer ${alice.accessToken}` } })
    await socket.waitForType('hello')
    sockets.push(socket)
  }

  await expect.poll(() => sockets[0]?.closed).toEqual({ code: CLOSE.tooManySockets, reason: 'socket.too_many' })
  expect(sockets.slice(1).filter(({ closed }) => closed)).toEqual([])
  expect(await Promise.all(sockets.slice(1).map(isUsable))).not.toContain(false)
})

test('[CONN8] who comes with a session that ended, however often at once, closes nobody', async () => {
  const alice = await signUp()
  const { body: stolen } = await signIn(alice.user.username)
  const hers = await RawSocket.arrive(alice)
  // Ended by hand in the directory, so that the hub was told nothing.
  await env.DIRECTORY.prepare('DELETE FROM sessions WHERE id = ?').bind(stolen.sessionId).run()

  const headers = { authorization: `Bearer ${stolen.accessToken}` }
  await Promise.all(Array.from({ length: 51 }, () => RawSocket.open({ headers }).catch(() => null)))

  expect([hers.closed, await isUsable(hers)]).toEqual([null, true])
})

test('[CONN9] sockets of objects that were put to sleep stay usable, in both directions', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]

  for (let i = 1; i <= 3; i += 1) {
    for (const who of [alice, bob]) await evictDurableObject(hubOf(env, who.user.id))
    await evictDurableObject(conversationOf(env, conversationId))
    await say(i % 2 ? alices : bobs, conversationId, `after sleep ${i}`)
    await expect.poll(() => bobs.of('message.created')).toHaveLength(i)
    await expect.poll(() => alices.of('message.created')).toHaveLength(i)
  }
  await evictDurableObject(hubOf(env, alice.user.id))
  await ask('POST', '/v1/auth/logout', { token: alice.accessToken })
  await expect.poll(() => alices.closed?.code).toBe(CLOSE.sessionRevoked)
})

test('[CONN10] a request that is no upgrade is told to be one, and a have that is none is invalid', async () => {
  const { accessToken: token } = await signUp()
  const plain = await exports.default.fetch(new Request('https://causerie.test/v1/socket'))

  expect([plain.status, plain.headers.get('upgrade')]).toEqual([426, 'websocket'])
  for (const have of ['x', '1.2', '1.2.3', '1.2.3.4_', '1.2.3.4,4.5.6.7', 'A.B.C.D', '-1.0.0.0', '1'.repeat(40_000)]) {
    const reply = await ask('GET', `/v1/socket?have=${have}`, { token, headers: { upgrade: 'websocket' } })
    expect(reply, have.slice(0, 20)).toMatchObject({ status: 400, body: { code: 'request.invalid' } })
  }
  const odd = await RawSocket.connect(token, 'zzzzzzzzzzzzzz.0.0.0_0.0.0.0_1.zzzzzzzzzzzzz.0.0')
  expect(await odd.waitForType('hello')).toMatchObject({ gone: [] })
})

test('[CONN11] a socket that was silent for two minutes is closed with 4501 when there is something to tell it', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, silent, bobs] = [
    await RawSocket.arrive(alice),
    await RawSocket.arrive(bob),
    await RawSocket.arrive(bob),
  ]
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 121_000 })
  await isUsable(bobs)

  await say(alices, conversationId)

  await expect.poll(() => silent.closed).toEqual({ code: CLOSE.leaseExpired, reason: 'lease.expired' })
  await bobs.waitForType('message.created')
  expect(bobs.closed).toBeNull()
})

test('[CONN11] a client that speaks and never pings is not cut, also where its hub slept since', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const started = Date.now()
  vi.useFakeTimers({ toFake: ['Date'], now: started + 100_000 })
  await isUsable(bobs)
  await evictDurableObject(hubOf(env, bob.user.id))
  vi.setSystemTime(started + 180_000)

  await say(alices, conversationId)

  await bobs.waitForType('message.created')
  expect(bobs.closed).toBeNull()
})

test('[BAD8] to ask how a hundred others stand costs as much as eleven other commands', async () => {
  const alice = await signUp()
  const alices = await RawSocket.arrive(alice)
  const userIds = Array.from({ length: 100 }, (_, i) => i + 1)
  const budget = env.COMMANDS_PER_10_SECONDS
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
  await setBudgetOf(alice, '33')

  const refusals: (string | null)[] = []
  for (let i = 0; i < 4; i += 1) refusals.push(await alices.refusal({ type: 'presence.get', userIds }))
  await setBudgetOf(alice, budget)

  expect(refusals).toEqual([null, null, null, 'rate.limited'])
})

test('[CONN13] what a frame itself adds does not cut a reader; what still waits at the next one does, with 4508', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  let waiting = LIMITS.bufferedBytes
  // What the runtime counts, but not how fast the other end happens to read.
  await runInDurableObject(hubOf(env, bob.user.id), (_, state) => {
    for (const ws of state.getWebSockets()) {
      const send = ws.send.bind(ws)
      Object.defineProperty(ws, 'bufferedAmount', { get: () => waiting })
      ws.send = (frame: string) => {
        waiting += frame.length
        send(frame)
      }
    }
  })

  expect(await isUsable(bobs)).toBe(true)
  expect(waiting).toBeGreaterThan(LIMITS.bufferedBytes)
  waiting = 0
  expect(await isUsable(bobs)).toBe(true)
  waiting = LIMITS.bufferedBytes + 1
  await say(alices, conversationId)

  await expect.poll(() => bobs.closed).toEqual({ code: CLOSE.slowReader, reason: 'socket.slow' })
})

test('[CONN14] what is told at one moment comes as one frame, its events in their order; to the documents one by one', async () => {
  const { alice, bob, conversationId } = await pair()
  const alices = await RawSocket.arrive(alice)
  const message = await say(alices, conversationId)
  const [bobs, documented] = [
    await RawSocket.arrive(bob),
    await RawSocket.open({ path: `/ws?token=${bob.accessToken}` }),
  ]
  const next = [1, 2, 3].map((i) => ({ ...message, id: message.id + i, seq: message.seq + i, rev: message.rev + i }))
  const frames = next.map((each) => ({ type: 'message.created', conversationId, rev: each.rev, message: each }))

  const { epoch } = await entryFor(bob, conversationId)
  await hubOf(env, bob.user.id).deliver({
    conversationId,
    epoch,
    revs: next.map(({ rev }) => rev),
    frames: frames.map((frame) => JSON.stringify(frame)),
  })

  await expect.poll(() => bobs.of('message.created')).toEqual(frames)
  expect(Together.parse(bobs.frames.slice(-3))).toHaveLength(3)
  expect(bobs.sizes).toEqual([...bobs.sizes.slice(0, -1).map(() => 1), 3])
  await expect.poll(() => documented.sizes).toEqual([1, 1, 1])
})

test('[CONN15] of a crowd that comes at once some are sent away, to come again a little later, and the others get in', async () => {
  const people = await Promise.all(Array.from({ length: 10 }, () => signUp()))
  const upgrade = (_: unknown, i: number) => {
    const headers = { upgrade: 'websocket', authorization: `Bearer ${people[i % 10]?.accessToken}` }
    return exports.default.fetch(new Request('https://causerie.test/v1/socket', { headers }))
  }
  const crowd = await Promise.all(Array.from({ length: 550 }, upgrade))

  const away = crowd.filter(({ status }) => status === 503)
  expect(away.length).toBe(50)
  expect(crowd.filter(({ status }) => status === 101)).toHaveLength(500)
  for (const response of away) {
    expect(await response.json()).toMatchObject({ code: 'server.unavailable' })
    const seconds = Number(response.headers.get('retry-after'))
    expect(seconds).toBeGreaterThanOrEqual(1)
    expect(seconds).toBeLessThanOrEqual(30)
  }
  expect((await upgrade(null, 0)).status).toBe(101)
})

test('[CONN16] who opens more than sixty sockets in ten seconds is told to wait, on every protocol, and others are not', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const [greedy, other] = [await signUp(), await signUp()]
  const upgrade = (token: string, path = '/v1/socket') => {
    const headers = { upgrade: 'websocket', authorization: `Bearer ${token}` }
    return exports.default.fetch(new Request(`https://causerie.test${path}`, { headers }))
  }

  const budget = env.COMMANDS_PER_10_SECONDS
  await setBudgetOf(greedy, '300')
  const answers = await Promise.all(Array.from({ length: 100 }, () => upgrade(greedy.accessToken)))
  const documented = await upgrade(greedy.accessToken, `/ws/${greedy.accessToken}`)
  const others = await upgrade(other.accessToken)
  await setBudgetOf(greedy, budget)

  const away = answers.filter(({ status }) => status === 429)
  expect(away).toHaveLength(40)
  for (const response of away) {
    expect(await response.json()).toMatchObject({ code: 'rate.limited' })
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
  }
  expect(documented.status).toBe(429)
  expect(others.status).toBe(101)
})

test('[CONN16] who leaves too much unread opens no more, and who reads it may', async () => {
  const [alice, other] = [await signUp(), await signUp()]
  const socket = await RawSocket.arrive(alice)
  let waiting = 17 * LIMITS.bufferedBytes
  await runInDurableObject(hubOf(env, alice.user.id), (_, state) => {
    for (const ws of state.getWebSockets()) Object.defineProperty(ws, 'bufferedAmount', { get: () => waiting })
  })
  const upgrade = async (who: SignedIn) => {
    const headers = { upgrade: 'websocket', authorization: `Bearer ${who.accessToken}` }
    return (await exports.default.fetch(new Request('https://causerie.test/v1/socket', { headers }))).status
  }

  expect([await upgrade(alice), await upgrade(other)]).toEqual([429, 101])
  waiting = 0
  expect([await upgrade(alice), socket.closed]).toEqual([101, null])
})

test('[CONN12] a socket ends with its session: with 4401, when it says something or is told something', async () => {
  const { alice, bob, conversationId } = await pair()
  const [saying, told] = [await RawSocket.arrive(await signUp()), await RawSocket.arrive(alice)]
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 31 * 24 * 60 * 60 * 1_000 })
  const bobs = await RawSocket.arrive((await signIn(bob.user.username)).body)
  const over = { code: CLOSE.ticketInvalid, reason: 'session.expired' }

  saying.sendRaw(JSON.stringify({ id: 1, type: 'presence.get', userIds: [] }))
  await say(bobs, conversationId)

  await expect.poll(() => [saying.closed, told.closed]).toEqual([over, over])
  expect(saying.of('reply')).toEqual([])
  expect(told.of('message.created')).toEqual([])
})

test.each([
  ['a message', true],
  ['a friend request', false],
])(
  '[CONN12] a socket whose session is over without a word of it is found out a minute later, by %s',
  async (_, isMessage) => {
    const { alice, bob, conversationId } = await pair()
    const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
    const others = await RawSocket.arrive((await signIn(bob.user.username)).body)
    await env.DIRECTORY.prepare('UPDATE sessions SET revoked_at = ? WHERE id = ?').bind(Date.now(), bob.sessionId).run()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 61_000 })

    if (isMessage) await say(alices, conversationId)
    else await ask('POST', '/v1/friend-requests', { token: alice.accessToken, json: { userId: bob.user.id } })

    await expect.poll(() => bobs.closed).toEqual({ code: CLOSE.sessionRevoked, reason: 'session.revoked' })
    await isUsable(others)
    await isUsable(alices)
  },
)
