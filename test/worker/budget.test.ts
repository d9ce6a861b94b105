import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { ERRORS } from '../../src/protocol/errors.ts'
import { setBudgetOf } from '../support/budget.ts'
import { openGroup } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

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
