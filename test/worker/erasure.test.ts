import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { Conversation } from '../../src/objects/conversation.ts'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import { UserHub } from '../../src/objects/user-hub.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { EventOf } from '../../src/protocol/events.ts'
import type { HistoryPage, Message } from '../../src/protocol/message.ts'
import type { MemberList } from '../../src/protocol/conversation.ts'
import { holdOrdersOf } from '../support/hold.ts'
import { entryFor, openDirect, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, PASSWORD, signIn, signUp, statusOf } from '../support/rest.ts'
import { LOST } from '../support/spoiled-call.ts'

const erase = (who: SignedIn, password = PASSWORD) =>
  ask('DELETE', '/v1/me', { token: who.accessToken, json: { password } })
const history = async (who: SignedIn, conversationId: number): Promise<HistoryPage> =>
  (await ask<HistoryPage>('GET', `/v1/conversations/${conversationId}/messages`, { token: who.accessToken })).body
/** Everything that an object holds. */
const rowsOf = (stub: DurableObjectStub<Conversation> | DurableObjectStub<UserHub>): Promise<string> =>
  runInDurableObject(stub, (_, { storage: { sql } }) => {
    const tables = sql
      .exec<{ name: string }>(`SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE TABLE %'`)
      .toArray()
    const all = tables.map(({ name }) => (name.startsWith('_cf_') ? [] : sql.exec(`SELECT * FROM "${name}"`).toArray()))
    return JSON.stringify(all)
  })

test('[ME1] an account ends with its password: no session, no socket and no sign-in is left of it', async () => {
  const { alice } = await pair()
  const other = (await signIn(alice.user.username)).body
  const socket = await RawSocket.arrive(other)

  expect((await erase(alice)).status).toBe(204)

  await expect.poll(() => socket.closed?.code).toBe(4403)
  expect([await statusOf(alice.accessToken), await statusOf(other.accessToken)]).toEqual([401, 401])
  expect((await signIn(alice.user.username)).status).toBe(401)
  expect((await signIn(alice.user.email)).status).toBe(401)
})

test('[ME1] a wrong password ends nothing, and its guesses are counted', async () => {
  const { alice } = await pair()

  expect((await erase(alice, 'a wrong one')).body).toMatchObject({ code: 'password.wrong' })

  expect(await statusOf(alice.accessToken)).toBe(200)
  for (let i = 0; i < 5; i++) await erase(alice, `wrong ${i}`)
  expect((await erase(alice)).status).toBe(429)
})

test('[ME1] the names of an account that ended are free', async () => {
  const { alice, bob } = await pair()
  await erase(alice)

  const again = await signUp(alice.user.username)

  expect(again.user.id).toBeGreaterThan(bob.user.id)
  expect((await ask('GET', `/v1/users/${alice.user.id}`, { token: bob.accessToken })).status).toBe(404)
})

test('[ME1] in a direct conversation the other one keeps their own words, and who is gone stays in it', async () => {
  const { alice, bob, conversationId } = await pair()
  const [hers, his] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const said = await say(hers, conversationId, 'mine')
  await say(his, conversationId, 'yours')

  await erase(alice)

  await his.waitFor((frame) => frame.type === 'message.deleted')
  const { items } = await history(bob, conversationId)
  expect(items.map(({ content }) => content)).toEqual([{ kind: 'text', text: 'yours' }, null])
  expect(items[1]?.id).toBe(said.id)
  expect((await entryFor(bob, conversationId)).memberIds).toEqual([alice.user.id, bob.user.id])
})

test('[ME1] where the account cannot be ended now, its sessions go on', async () => {
  const { alice, conversationId } = await pair()
  const socket = await RawSocket.arrive(alice)
  const release = holdOrdersOf(conversationId)
  onTestFinished(release)

  expect((await erase(alice)).status).toBe(503)

  expect(socket.closed).toBeNull()
  await RawSocket.arrive(alice)
  release()
  // What waits for the answer that was given up is told to come later.
  await expect.poll(() => socket.refusal({ type: 'read.mark', conversationId, seq: 0 })).toBeNull()
  expect((await erase(alice)).status).toBe(204)
  await expect.poll(() => socket.closed?.code).toBe(4403)
})

test.each([
  { failures: 1, status: 204 },
  { failures: 4, status: 503 },
])('[ME1] where the last step fails $failures times, it is done all the same', async ({ failures, status }) => {
  vi.spyOn(console, 'error').mockReturnValue(undefined)
  const [alice, bob] = [await signUp(), await signUp()]
  const groupId = await openGroup(bob)
  const socket = await RawSocket.arrive(alice)
  const original = Reflect.get(UserHub.prototype, 'erase') as (...input: unknown[]) => Promise<null>
  let left = failures
  let hasJoined = false
  const erasing = vi.spyOn(UserHub.prototype, 'erase').mockImplementation(async function (this: UserHub, options) {
    if (!options.endSessions || left === 0) return original.call(this, options)
    left -= 1
    while (!hasJoined) await new Promise((resolve) => setTimeout(resolve, 10))
    throw new Error(LOST)
  })
  onTestFinished(() => erasing.mockRestore())

  const answered = erase(alice)
  await expect.poll(() => left).toBeLessThan(failures)
  // By an order that waited until now.
  const orders = [{ type: 'member.add' as const, conversationId: groupId, userIds: [alice.user.id] }]
  await conversationOf(env, groupId).submit({ userId: bob.user.id, orders })
  hasJoined = true

  expect((await answered).status).toBe(status)
  await expect.poll(() => socket.closed?.code).toBe(4403)
  await expect.poll(async () => (await entryFor(bob, groupId)).memberIds).toEqual([bob.user.id])
})

test('[ME1] [FRND7] [INVI4] [EVNT6] those with whom something was open hear that it ended with the account', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const from = (who: SignedIn) => ({ token: who.accessToken })
  const plan = (title: string) => ({ title, description: '', location: '', startsAt: '2030-01-01T20:00:00.000Z' })
  const made = async <Body>(path: string, who: SignedIn, json: object) =>
    (await ask<Body>('POST', path, { ...from(who), json })).body
  const { request } = await made<{ request: { id: number } }>('/v1/friend-requests', alice, { userId: bob.user.id })
  const invitation = await made<{ id: number }>('/v1/invitations', bob, { userId: alice.user.id, message: '' })
  const [hers, his] = [
    await made<{ id: number }>('/v1/events', alice, plan(crypto.randomUUID())),
    await made<{ id: number }>('/v1/events', bob, plan(crypto.randomUUID())),
  ]
  const rsvp = (who: SignedIn, event: { id: number }) =>
    ask('PUT', `/v1/events/${event.id}/rsvp`, { ...from(who), json: { answer: 'yes' } })
  await Promise.all([rsvp(bob, hers), rsvp(alice, his), rsvp(carol, his)])
  const [bobs, carols] = [await RawSocket.arrive(bob), await RawSocket.arrive(carol)]

  await erase(alice)

  await bobs.waitFor((frame) => frame.type === 'friend.request_closed' && frame['requestId'] === request.id)
  const answered = await bobs.waitForType('invitation.answered')
  expect(answered).toMatchObject({ invitation: { id: invitation.id, status: 'declined', from: { id: bob.user.id } } })
  await bobs.waitFor((frame) => frame.type === 'event.deleted' && frame['eventId'] === hers.id)
  for (const socket of [bobs, carols]) {
    const { event } = (await socket.waitForType('event.changed')) as unknown as EventOf<'event.changed'>
    expect(event).toMatchObject({ id: his.id, rsvps: [{ userId: carol.user.id, answer: 'yes' }] })
  }
})

test('[ME1] nothing new is said to an account that ended, also where it had blocked', async () => {
  const { alice, bob, conversationId } = await pair()
  const socket = await RawSocket.arrive(bob)
  const { id: messageId } = await say(socket, conversationId, 'before')
  await ask('PUT', `/v1/blocks/${bob.user.id}`, { token: alice.accessToken })
  await erase(alice)

  const json = { clientId: crypto.randomUUID(), content: text('after') }
  const sent = await ask('POST', `/v1/conversations/${conversationId}/messages`, { token: bob.accessToken, json })

  expect(sent.body).toMatchObject({ code: 'user.not_found' })
  for (const order of [
    { type: 'typing.start', conversationId },
    { type: 'message.edit', messageId, content: text('otherwise') },
    { type: 'reaction.add', messageId, emoji: '👍' },
    { type: 'pin.add', messageId },
  ])
    expect(await socket.refusal(order), order.type).toBe('user.not_found')
})

test('[ME1] whom an account that ended had blocked may delete their conversation', async () => {
  const { alice, bob, conversationId } = await pair()
  const remove = () => ask('DELETE', `/v1/conversations/${conversationId}`, { token: bob.accessToken })
  await ask('PUT', `/v1/blocks/${bob.user.id}`, { token: alice.accessToken })
  expect((await remove()).body).toMatchObject({ code: 'conversation.blocked' })

  expect((await erase(alice)).status).toBe(204)

  expect((await remove()).status).toBe(204)
})

test('[ME1] of a group it is a member no more, and another owns it', async () => {
  const { alice, bob } = await pair()
  const carol = await signUp()
  const groupId = await openGroup(alice, bob, carol)
  const socket = await RawSocket.arrive(alice)
  for (let i = 0; i < 450; i++) await say(socket, groupId, String(i))

  await erase(alice)

  const { items: members } = (
    await ask<MemberList>('GET', `/v1/conversations/${groupId}/members`, { token: bob.accessToken })
  ).body
  expect(members.map(({ userId, role }) => [userId, role])).toEqual([
    [bob.user.id, 'owner'],
    [carol.user.id, 'member'],
  ])
  const { items } = await history(carol, groupId)
  expect(items.every(({ content }) => content === null)).toBe(true)
  expect((await entryFor(carol, groupId)).unread).toBe(0)
})

test('[ME1] what it said goes also from groups that it left, was removed from, or deleted', async () => {
  const { alice, bob } = await pair()
  const [left, removed, deleted] = [
    await openGroup(alice, bob),
    await openGroup(bob, alice),
    await openGroup(alice, bob),
  ]
  const socket = await RawSocket.arrive(alice)
  for (const id of [left, removed, deleted]) await say(socket, id, 'secret')
  await ask('DELETE', `/v1/conversations/${left}/members/${alice.user.id}`, { token: alice.accessToken })
  await ask('DELETE', `/v1/conversations/${removed}/members/${alice.user.id}`, { token: bob.accessToken })
  await ask('DELETE', `/v1/conversations/${deleted}`, { token: alice.accessToken })

  await erase(alice)

  for (const id of [left, removed, deleted]) expect(await rowsOf(conversationOf(env, id))).not.toContain('secret')
  expect((await history(bob, left)).items.map(({ content }) => content)).toEqual([null])
  expect(await rowsOf(conversationOf(env, deleted))).not.toContain('Picnic')
})

test('[ME1] a group in which nobody is left keeps no title', async () => {
  const alice = await signUp()
  const [own, left] = [await openGroup(alice), await openGroup(alice)]
  await ask('DELETE', `/v1/conversations/${left}/members/${alice.user.id}`, { token: alice.accessToken })

  await erase(alice)

  for (const id of [own, left]) expect(await rowsOf(conversationOf(env, id))).not.toContain('Picnic')
})

test('[ME1] its reactions go, and those of others stay', async () => {
  const { alice, bob, conversationId } = await pair()
  const said = await say(await RawSocket.arrive(bob), conversationId)
  for (const [who, emoji] of [
    [alice, '🎈'],
    [alice, '🎉'],
    [bob, '🎉'],
  ] as const) {
    const path = `/v1/messages/${said.id}/reactions/${encodeURIComponent(emoji)}`
    expect((await ask('PUT', path, { token: who.accessToken })).status).toBe(200)
  }
  const socket = await RawSocket.arrive(bob)

  await erase(alice)

  const { items } = await history(bob, conversationId)
  expect(items[0]?.reactions).toEqual([{ emoji: '🎉', userIds: [bob.user.id] }])
  expect(await socket.waitFor((frame) => frame.type === 'reaction.changed')).toMatchObject({ userId: alice.user.id })
})

test('[ME1] the ids that its devices chose go too', async () => {
  const { alice, bob, conversationId } = await pair()
  const send = (clientId: string) =>
    ask<Message>('POST', `/v1/conversations/${conversationId}/messages`, {
      token: alice.accessToken,
      json: { clientId, content: text('hello') },
    })
  await send('my-telephone-1')
  const { body: second } = await send('my-telephone-2')
  await ask('DELETE', `/v1/messages/${second.id}`, { token: alice.accessToken })
  const group = { kind: 'group', title: 'Picnic', memberIds: [bob.user.id], clientId: 'my-telephone-3' }
  await ask('POST', '/v1/conversations', { token: alice.accessToken, json: group })

  await erase(alice)

  expect(await rowsOf(conversationOf(env, conversationId))).not.toContain('telephone')
  const kept = await env.DIRECTORY.prepare(`SELECT * FROM conversations WHERE client_id LIKE '%telephone%'`).all()
  expect(kept.results).toEqual([])
})

test('[ME1] no inbox keeps a copy of what it said', async () => {
  const { alice, bob } = await pair()
  const [carol, dave] = [await signUp(), await signUp()]
  const groupId = await openGroup(alice, bob)
  const socket = await RawSocket.arrive(bob)
  await say(await RawSocket.arrive(alice), groupId, 'secret')
  await RawSocket.arrive(dave)
  const json = { userIds: [carol.user.id, dave.user.id] }
  await ask('POST', `/v1/conversations/${groupId}/members`, { token: alice.accessToken, json })

  await erase(alice)

  await socket.waitFor((frame) => frame.type === 'message.deleted')
  for (const { user } of [bob, carol, dave]) {
    await expect.poll(() => rowsOf(hubOf(env, user.id))).not.toContain('secret')
  }
})

test('[ME1] nobody can open a conversation with an account that ended', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  await erase(alice)

  const json = { kind: 'direct', userId: alice.user.id }
  const { body } = await ask('POST', '/v1/conversations', { token: bob.accessToken, json })

  expect(body).toMatchObject({ code: 'user.not_found' })
})

test('[ME1] friends lose who is gone', async () => {
  const { alice, bob } = await pair()
  await ask('POST', '/v1/friend-requests', { token: alice.accessToken, json: { userId: bob.user.id } })
  await ask('POST', '/v1/friend-requests', { token: bob.accessToken, json: { userId: alice.user.id } })
  const socket = await RawSocket.arrive(bob)

  await erase(alice)

  expect(await socket.waitFor((frame) => frame.type === 'friend.removed')).toMatchObject({ userId: alice.user.id })
  expect((await ask<{ items: object[] }>('GET', '/v1/friends', { token: bob.accessToken })).body.items).toEqual([])
})

test('[000] DELETE /users/{id} ends the own account only', async () => {
  const { alice, bob } = await pair()
  await openDirect(alice, bob)

  expect((await ask('DELETE', `/users/${bob.user.id}`, { token: alice.accessToken })).status).toBe(403)
  expect((await ask('DELETE', '/users/987654321', { token: alice.accessToken })).status).toBe(404)
  expect((await ask('DELETE', `/users/${alice.user.id}`)).status).toBe(401)
  expect((await ask('DELETE', `/users/${alice.user.id}`, { token: alice.accessToken })).status).toBe(200)

  expect(await statusOf(alice.accessToken)).toBe(401)
  expect((await ask('GET', `/users/${alice.user.id}`, { token: bob.accessToken })).status).toBe(404)
})
