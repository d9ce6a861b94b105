import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { ERRORS } from '../../src/protocol/errors.ts'
import { messageIdOf } from '../../src/protocol/ids.ts'
import { setBudgetOf } from '../support/budget.ts'
import { openGroup } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp, statusOf } from '../support/rest.ts'
import { servedRoutes } from '../support/routes.ts'
import { BODIES, type Given } from '../authz/calls.ts'
import { appointment } from '../../src/directory/administrators.ts'

const GIVEN = new Proxy({}, { get: (_, name) => (name === 'message' ? messageIdOf(1, 1) : 1) }) as Given

afterEach(() => {
  vi.useRealTimers()
})

test('[BAD8] who sends more than the budget is told when to go on, and the socket stays', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const eager = await signUp()
  const eagers = await RawSocket.arrive(eager)
  const budget = env.COMMANDS_PER_10_SECONDS
  const setBudget = (value: string) => setBudgetOf(eager, value)
  // Its ticket was one.
  await setBudget('4')
  const ask3 = () => eagers.reply({ type: 'presence.get', userIds: [] })
  const replies = [await ask3(), await ask3(), await ask3(), await ask3()]
  const byRest = await ask('GET', '/v1/conversations/1', { token: eager.accessToken })
  await setBudget(budget)

  expect(replies.map(({ ok }) => ok)).toEqual([true, true, true, false])
  expect(replies[3]).toMatchObject({ error: { code: 'rate.limited', retryAfter: expect.any(Number) } })
  expect(byRest).toMatchObject({ status: 429, body: { code: 'rate.limited' } })
  expect(Number(byRest.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await ask3()).ok).toBe(true)
})

test('[BAD8] writing to people who are not there is within the budget too', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const eager = await signUp()
  const eagers = await RawSocket.open({ path: '/messages/ws', query: `?token=${eager.accessToken}` })
  const budget = env.COMMANDS_PER_10_SECONDS
  await setBudgetOf(eager, '3')
  for (let i = 0; i < 5; i += 1) {
    eagers.sendRaw(JSON.stringify({ type: 'send_message', receiver_id: 900_000 + i, content: 'anybody?' }))
  }
  await expect.poll(() => eagers.frames.length).toBe(5)
  await setBudgetOf(eager, budget)

  const late = eagers.frames.filter((frame) => frame['message'] === ERRORS['rate.limited'][1])
  expect(late.length).toBe(2)
})

test('[BAD8] frames that are wrong are within the budget too, on the native socket and on that of a document', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const eager = await signUp()
  const native = await RawSocket.arrive(eager)
  const document = await RawSocket.open({ path: '/messages/ws', query: `?token=${eager.accessToken}` })
  const budget = env.COMMANDS_PER_10_SECONDS
  // The native socket's ticket was one.
  await setBudgetOf(eager, '4')
  const codes: (string | null)[] = []
  for (let i = 0; i < 4; i += 1) {
    const reply = await native.exchange('{')
    codes.push(reply.ok ? null : reply.error.code)
  }
  document.sendRaw('{')
  await expect.poll(() => document.frames.length).toBe(1)
  await setBudgetOf(eager, budget)

  expect(codes).toEqual([...Array.from({ length: 3 }, () => 'frame.malformed'), 'rate.limited'])
  expect(document.frames[0]).toMatchObject({ message: ERRORS['rate.limited'][1] })
  expect([native.closed, document.closed]).toEqual([null, null])
})

test('[BAD8] what others ask of somebody is not taken from that budget', async () => {
  const [leader, guest] = [await signUp(), await signUp()]
  const group = await openGroup(leader)
  const json = { userId: guest.user.id, conversationId: group }
  const { body } = await ask<{ id: number }>('POST', '/v1/invitations', { token: leader.accessToken, json })
  const budget = env.COMMANDS_PER_10_SECONDS
  await setBudgetOf(leader, '1')
  const read = () => ask('GET', `/v1/conversations/${group}`, { token: leader.accessToken })
  for (let spent = false; !spent;) spent = (await read()).status === 429

  const accepted = await ask('POST', `/v1/invitations/${body.id}/accept`, { token: guest.accessToken })
  await setBudgetOf(leader, budget)

  expect(accepted.status).toBe(200)
})

test.each([
  ['POST', '/v1/friend-requests', () => ({ userId: 1 })],
  ['PUT', '/v1/blocks/1', () => undefined],
  ['POST', '/v1/invitations', () => ({ userId: 1 })],
  ['POST', '/v1/events', () => ({ title: crypto.randomUUID(), startsAt: '2027-01-01T00:00:00.000Z' })],
  ['PATCH', '/v1/me', () => ({ displayName: 'Eager' })],
  ['POST', '/v1/conversations', () => ({ kind: 'direct', userId: 1 })],
  ['GET', '/v1/conversations', () => undefined],
  ['GET', '/v1/users?query=a', () => undefined],
  ['POST', '/v1/auth/ticket', () => undefined],
  ['GET', '/users', () => undefined],
  ['POST', '/me/send_friend_request', () => ({ receiver_id: 1 })],
  [
    'POST',
    '/events',
    () => ({ title: crypto.randomUUID(), description: '', location: '', date: '2027-01-01T00:00:00' }),
  ],
  ['PUT', '/users/0', () => ({ name: 'Eager' })],
  ['GET', '/messages', () => undefined],
  ['GET', '/messages/received', () => undefined],
  ['GET', '/messages/online-users', () => undefined],
])('[BAD8] %s %s is within the budget too', async (method, path, jsonOf) => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const eager = await signUp()
  const budget = env.COMMANDS_PER_10_SECONDS
  await setBudgetOf(eager, '1')
  const statuses: number[] = []
  for (let i = 0; i < 2; i += 1) {
    statuses.push((await ask(method, path, { token: eager.accessToken, json: jsonOf() })).status)
  }
  await setBudgetOf(eager, budget)

  expect(statuses[0]).toBeLessThan(429)
  expect(statuses[1]).toBe(429)
})

/** What costs no command: sessions and accounts, of which each is one's own, and what operators ask. */
const FREE = [
  'DELETE /users/:user_id',
  'DELETE /v1/auth/sessions/:id',
  'DELETE /v1/backup/snapshots/:id',
  'DELETE /v1/me',
  'GET /auth/me',
  'GET /metrics',
  'GET /v1/auth/sessions',
  'GET /v1/backup/conversations',
  'GET /v1/backup/conversations/:id',
  'GET /v1/backup/snapshots/:id',
  'GET /v1/me',
  'POST /auth/logout',
  'POST /v1/admin/conversations/:id/restore',
  'POST /v1/auth/logout',
  'POST /v1/backup/conversations/:id/rows',
  'POST /v1/backup/rows',
  'POST /v1/backup/snapshots',
  'PUT /v1/me/password',
]

test('[BAD8] every route that is for who signed in is within the budget', async () => {
  const administrator = async () => {
    const who = await signUp()
    await env.DIRECTORY.prepare(appointment(who.user.username, true)).run()
    return who
  }
  // Whom the paths name is not who asks.
  await signUp()
  let eager = await administrator()
  const budget = env.COMMANDS_PER_10_SECONDS
  await setBudgetOf(eager, '0')
  const free: string[] = []
  for (const route of servedRoutes()) {
    const [method = '', pattern = ''] = route.split(' ')
    const id = /\/messages\/:(?:id|message_id)/.test(pattern) ? GIVEN.message : 1
    const path = pattern.replaceAll(':emoji', '%F0%9F%91%8D').replaceAll(/:\w+(\{[^}]*\})?/g, String(id))
    const json = BODIES[route]?.(GIVEN)
    const call = async (token?: string) =>
      (await ask(method, path, { ...(json && { json }), ...(token !== undefined && { token }) })).status
    if ((await call()) !== 401) continue
    const status = await call(eager.accessToken)
    if (status !== 429) free.push(route)
    if ((await statusOf(eager.accessToken)) === 401) eager = await administrator()
  }
  await setBudgetOf(eager, budget)

  expect(free).toEqual(FREE)
})
