import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { openDirect, openGroup, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, newName, PASSWORD, type Reply, signUp } from '../support/rest.ts'
import { type Detail, type Driver, dialectTests, type Frame, openSocket } from './suite.ts'

type MessageBody = {
  conversation_id: number
  message_id: number
  sender_id: number
  content: string
  created_at: string
  media_ids: number[]
}

const post = <Body = MessageBody>(who: SignedIn, path: string, json: object): Promise<Reply<Body>> =>
  ask<Body>('POST', path, { token: who.accessToken, json })

const write = async (from: SignedIn, to: SignedIn, content: string, more: object = {}): Promise<MessageBody> => {
  const { status, body } = await post(from, '/conversation/send_message', { receiver_id: to.user.id, content, ...more })
  expect(status).toBe(200)
  return body
}

const driver: Driver = {
  document: '002',
  path: (token) => `/ws/${token}`,
  badToken: 4008,
  send: async (from, to, words) => void (await write(from, to, words)),
  heard: (frame) =>
    frame['type'] === 'new_message' ? { words: String(frame['content']), senderId: Number(frame['sender_id']) } : null,
  echoes: false,
  errorOf: (frame) => (frame['type'] === 'error' ? String(frame['message']) : null),
}

const arrive = (who: SignedIn) => openSocket(driver, who.accessToken)
const say002 = (socket: RawSocket, frame: Frame) => socket.sendRaw(JSON.stringify(frame))
const ofType = (socket: RawSocket, type: string) => socket.waitFor((frame) => frame.type === type)
const allOf = (socket: RawSocket, type: string) => socket.frames.filter((frame) => frame.type === type)
const pairUp = async () => ({ alice: await signUp(), bob: await signUp() })
const friendsUp = async () => {
  const { alice, bob } = await pairUp()
  await makeFriends(alice, bob)
  return { alice, bob }
}
const makeFriends = async (one: SignedIn, other: SignedIn) => {
  await post(one, '/me/send_friend_request', { receiver_id: other.user.id })
  const { status } = await post(other, '/me/accept_friend_request', { sender_id: one.user.id })
  expect(status).toBe(200)
  // They learn of it in their own time.
  for (const { user } of [one, other]) await hubOf(env, user.id).circleChanged()
}
const statusesOf = (socket: RawSocket, who: SignedIn) =>
  allOf(socket, 'friend_status_change').flatMap((frame) => (frame['user_id'] === who.user.id ? [frame['status']] : []))
const onlineFriends = async (socket: RawSocket) => {
  const before = allOf(socket, 'online_friends').length
  say002(socket, { type: 'get_online_friends' })
  await expect.poll(() => allOf(socket, 'online_friends').length).toBe(before + 1)
  return allOf(socket, 'online_friends').at(-1)
}

dialectTests('friends', driver)

describe('messages by the socket of document 002', () => {
  test('[002] send_message gives both the message, with every field of both shapes', async () => {
    const { alice, bob } = await pairUp()
    const hers = await arrive(alice)
    const sockets = [hers, await arrive(bob), await arrive(bob)]

    say002(hers, { type: 'send_message', receiver_id: bob.user.id, content: 'Bonjour !' })

    for (const socket of sockets) {
      const frame = await ofType(socket, 'new_message')
      expect(frame).toMatchObject({
        type: 'new_message',
        message_id: expect.any(Number),
        sender_id: alice.user.id,
        receiver_id: bob.user.id,
        content: 'Bonjour !',
        timestamp: expect.stringMatching(MICROS),
      })
      expect(frame).toMatchObject({
        conversation_id: await openDirect(alice, bob),
        created_at: frame['timestamp'],
        media_ids: [],
      })
    }
  })

  test('[002] the frame holds the shape of document 004 as well, for the address is one', async () => {
    const { alice, bob } = await pairUp()
    const socket = await arrive(bob)

    const { message_id: id } = await write(alice, bob, 'Bonjour !')

    const frame = await ofType(socket, 'new_message')
    expect(frame['message_id']).toBe(id)
    expect(frame['message']).toMatchObject({ id, content: 'Bonjour !', sender_id: alice.user.id, is_read: false })
  })

  test('[002] frames sent at once arrive in the order sent, also where they open the conversation', async () => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]
    const numbers = Array.from({ length: 20 }, (_, i) => String(i))

    for (const content of numbers) say002(hers, { type: 'send_message', receiver_id: bob.user.id, content })

    await expect.poll(() => allOf(his, 'new_message').map((frame) => frame['content'])).toEqual(numbers)
  })

  test('[002] typing and stop_typing are told to the other, and to none of who types', async () => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    say002(hers, { type: 'typing', receiver_id: bob.user.id })
    say002(hers, { type: 'stop_typing', receiver_id: bob.user.id })

    const told = { type: 'user_typing', user_id: alice.user.id }
    await expect
      .poll(() => allOf(his, 'user_typing'))
      .toEqual([
        { ...told, is_typing: true },
        { ...told, is_typing: false },
      ])
    expect(allOf(hers, 'user_typing')).toEqual([])
  })

  test('[002] mark_read gives messages_read to the other, once', async () => {
    const { alice, bob } = await pairUp()
    const { conversation_id: conversationId } = await write(alice, bob, 'Bonjour !')
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    for (let i = 0; i < 2; i++) say002(his, { type: 'mark_read', conversation_id: conversationId })
    await onlineFriends(his)
    await write(bob, alice, 'read')

    await ofType(hers, 'new_message')
    const told = { type: 'messages_read', conversation_id: conversationId, user_id: bob.user.id }
    expect(allOf(hers, 'messages_read')).toEqual([told])
    expect(allOf(his, 'messages_read')).toEqual([])
  })

  test('[002] a conversation of others cannot be marked as read', async () => {
    const { alice, bob } = await pairUp()
    const { conversation_id: conversationId } = await write(alice, bob, 'between us')
    const socket = await arrive(await signUp())

    say002(socket, { type: 'mark_read', conversation_id: conversationId })

    expect(await ofType(socket, 'error')).toEqual({ type: 'error', message: 'There is no such conversation.' })
  })

  test('[002] a message of a group comes from its sender to the viewer', async () => {
    const { alice, bob } = await pairUp()
    const groupId = await openGroup(alice, bob, await signUp())
    const socket = await arrive(bob)

    await say(await RawSocket.arrive(alice), groupId, 'to all')

    expect(await ofType(socket, 'new_message')).toMatchObject({
      conversation_id: groupId,
      sender_id: alice.user.id,
      receiver_id: bob.user.id,
    })
  })
})

describe('messages by the routes of document 002', () => {
  test('[002] POST /conversation/send_message answers the message, which only the recipient is told', async () => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    const line = await write(alice, bob, 'Bonjour !')

    expect(line).toEqual({
      conversation_id: expect.any(Number),
      message_id: expect.any(Number),
      sender_id: alice.user.id,
      content: 'Bonjour !',
      created_at: expect.stringMatching(MICROS),
      media_ids: [],
    })
    expect(await ofType(his, 'new_message')).toMatchObject({ type: 'new_message', ...line })
    await onlineFriends(hers)
    expect(allOf(hers, 'new_message')).toEqual([])
  })

  test('[002] POST /conversation/send_message takes a conversation, also one of many', async () => {
    const { alice, bob } = await pairUp()
    const groupId = await openGroup(alice, bob, await signUp())
    const his = await arrive(bob)

    const json = { conversation_id: groupId, content: 'to all' }
    const { status, body } = await post(alice, '/conversation/send_message', json)

    expect([status, body.conversation_id]).toEqual([200, groupId])
    expect(await ofType(his, 'new_message')).toMatchObject({ conversation_id: groupId, content: 'to all' })
  })

  test('[002] media_ids come back as they were sent, also with nothing beside them', async () => {
    const { alice, bob } = await pairUp()
    const his = await arrive(bob)

    expect((await write(alice, bob, 'see', { media_ids: [7, 0, 123456] })).media_ids).toEqual([7, 0, 123456])
    expect(await write(alice, bob, '', { media_ids: [8] })).toMatchObject({ content: '', media_ids: [8] })

    await expect
      .poll(() => allOf(his, 'new_message').map((frame) => [frame['content'], frame['media_ids']]))
      .toEqual([
        ['see', [7, 0, 123456]],
        ['', [8]],
      ])
  })

  test('[002] media_ids may be repeated fields of a form or of the query', async () => {
    const { alice, bob } = await pairUp()
    const token = alice.accessToken
    const sent = (fields: string, raw?: URLSearchParams) =>
      ask<MessageBody>('POST', `/conversation/send_message?${fields}`, { token, ...(raw && { raw }) })
    const to = `receiver_id=${bob.user.id}&content=see`

    const replies = [
      await sent(`${to}&media_ids=7&media_ids=8`),
      await sent('', new URLSearchParams(`${to}&media_ids=7&media_ids=8`)),
      await sent('', new URLSearchParams(`${to}&media_ids=7`)),
    ]

    expect(replies.map(({ body }) => body.media_ids)).toEqual([[7, 8], [7, 8], [7]])
  })

  test('[002] files that were sent along elsewhere have no number, and are left out', async () => {
    const { alice, bob } = await pairUp()
    const conversationId = await openDirect(alice, bob)
    const his = await arrive(bob)
    const attachments = [{ fileId: 'a3f0', name: 'a.png' }]

    const json = { clientId: 'native', content: text('look'), attachments }
    await post(alice, `/v1/conversations/${conversationId}/messages`, json)

    expect(await ofType(his, 'new_message')).toMatchObject({ content: 'look', media_ids: [] })
  })

  test('[002] the fields may come as a form or in the query, and a person by username', async () => {
    const { alice, bob } = await pairUp()
    const path = '/conversation/send_message'
    const token = alice.accessToken
    const query = `?receiver_id=${bob.user.id}&content=query`
    const raw = new URLSearchParams({ receiver_id: String(bob.user.id), content: 'form' })

    const statuses = [
      (await ask('POST', `${path}${query}`, { token })).status,
      (await ask('POST', path, { token, raw })).status,
      (await ask('POST', `${path}/`, { token, json: { username: bob.user.username, content: 'name' } })).status,
    ]

    expect(statuses).toEqual([200, 200, 200])
  })

  test.for([
    ['nothing', 422, {}],
    ['no content', 422, { receiver_id: 1 }],
    ['empty content and no media', 422, { receiver_id: 1, content: '', media_ids: [] }],
    ['media that are no numbers', 422, { receiver_id: 1, content: 'x', media_ids: ['a'] }],
    ['too many media', 422, { receiver_id: 1, content: 'x', media_ids: Array.from({ length: 11 }, (_, i) => i) }],
    ['nobody to send it to', 422, { content: 'x' }],
    ['a receiver that is no number', 422, { receiver_id: {}, content: 'x' }],
    ['a receiver who is not there', 404, { receiver_id: 987_654_321, content: 'x' }],
    ['a name that nobody has', 404, { username: 'nobody_at_all', content: 'x' }],
    ['an address for a name', 404, { username: 'person1@example.org', content: 'x' }],
    ['a conversation that is not there', 404, { conversation_id: 99_999_999, content: 'x' }],
    ['a conversation of no possible number', 404, { conversation_id: -1, content: 'x' }],
    ['a refusal of ours', 422, { ok: false, code: 'session.revoked' }],
    ['a refusal that there is not', 422, { ok: false, code: 'x' }],
  ] as const)('[002] POST /conversation/send_message with %s is %i', async ([, status, json]) => {
    const reply = await post<Detail>(await signUp(), '/conversation/send_message', json)

    expect(reply.status).toBe(status)
    expect(reply.body.detail).toBeDefined()
  })

  test.for(['POST', 'DELETE'])('[002] %s /conversation/delete_message tells both delete_message', async (method) => {
    const { alice, bob } = await pairUp()
    const { message_id } = await write(alice, bob, 'oops')
    const [hers, his] = [await arrive(alice), await arrive(bob)]
    const erase = (who: SignedIn, json: object) =>
      ask<Detail>(method, '/conversation/delete_message', { token: who.accessToken, json })

    const others = await erase(bob, { message_id })
    const unknown = await erase(alice, { message_id: 5 })
    const nothing = await erase(alice, {})
    const { status, body } = await erase(alice, { message_id })
    const again = await erase(alice, { message_id })

    expect([others.status, unknown.status, nothing.status, again.status]).toEqual([403, 404, 422, 404])
    expect([status, body]).toEqual([200, { message: 'Message deleted', message_id }])
    for (const socket of [hers, his]) {
      expect(await ofType(socket, 'delete_message')).toEqual({ type: 'delete_message', message_id })
    }
  })

  test('[002] DELETE /conversation/delete_message takes the id from the query', async () => {
    const { alice, bob } = await pairUp()
    const { message_id: id } = await write(alice, bob, 'oops')

    const path = `/conversation/delete_message?message_id=${id}`

    expect((await ask('DELETE', path, { token: alice.accessToken })).status).toBe(200)
  })
})

describe('the conversations of document 002', () => {
  test('[002] POST /create_conversation tells both new_conversation, each with the other', async () => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    const { status, body } = await post<Frame>(alice, '/create_conversation', { other_user_id: bob.user.id })

    expect(status).toBe(200)
    const told = { type: 'new_conversation', conversation_id: body['conversation_id'] }
    expect(body).toEqual({ conversation_id: expect.any(Number), other_user_id: bob.user.id })
    expect(await ofType(his, 'new_conversation')).toEqual({ ...told, other_user_id: alice.user.id })
    expect(await ofType(hers, 'new_conversation')).toEqual({ ...told, other_user_id: bob.user.id })
    expect((await post<Frame>(bob, '/create_conversation', { user_id: alice.user.id })).body).toMatchObject({
      conversation_id: body['conversation_id'],
    })
  })

  test('[002] POST /create_conversation with somebody who has blocked one is 403, also where there is one', async () => {
    const { alice, bob } = await pairUp()
    const create = async () => (await post(alice, '/create_conversation', { user_id: bob.user.id })).status
    expect(await create()).toBe(200)

    await ask('PUT', `/v1/blocks/${alice.user.id}`, { token: bob.accessToken })

    expect(await create()).toBe(403)
  })

  test('[002] POST /create_conversation with oneself is 400, with nobody 404', async () => {
    const alice = await signUp()
    const create = async (other_user_id: unknown) =>
      (await post(alice, '/create_conversation', { other_user_id })).status

    expect(await create(alice.user.id)).toBe(400)
    expect(await create(987_654_321)).toBe(404)
    expect(await create('bob')).toBe(422)
  })

  test.for(['POST', 'DELETE'])('[002] %s /delete_conversation tells both conversation_deleted', async (method) => {
    const { alice, bob } = await pairUp()
    const { conversation_id: conversationId } = await write(alice, bob, 'the last')
    const sockets = [await arrive(alice), await arrive(bob)]
    const json = { conversation_id: conversationId }
    const close = (who: SignedIn) => ask<Detail>(method, '/delete_conversation', { token: who.accessToken, json })

    expect((await close(await signUp())).status).toBe(404)
    expect((await close(bob)).status).toBe(200)

    for (const socket of sockets) {
      expect(await ofType(socket, 'conversation_deleted')).toEqual({
        type: 'conversation_deleted',
        conversation_id: conversationId,
      })
    }
    expect((await write(alice, bob, 'the first of another')).conversation_id).not.toBe(conversationId)
  })

  test('[002] a group is not for any member to delete', async () => {
    const { alice, bob } = await pairUp()
    const conversation_id = await openGroup(alice, bob)

    expect((await post(bob, '/delete_conversation', { conversation_id })).status).toBe(403)
  })
})

describe('the friends of document 002', () => {
  test('[002] a request tells new_friend_request to who is asked', async () => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    const { status, body } = await post<Frame>(alice, '/me/send_friend_request', { receiver_id: bob.user.id })

    expect(status).toBe(200)
    expect(body).toEqual({ status: 'pending', request_id: expect.any(Number), receiver_id: bob.user.id })
    expect(await ofType(his, 'new_friend_request')).toEqual({
      type: 'new_friend_request',
      sender_id: alice.user.id,
      sender_username: alice.user.username,
    })
    await onlineFriends(hers)
    expect(allOf(hers, 'new_friend_request')).toEqual([])
  })

  test.for([
    ['the id of who asked', (asker: SignedIn) => ({ sender_id: asker.user.id })],
    ['that id under another name', (asker: SignedIn) => ({ user_id: asker.user.id })],
    ['the username', (asker: SignedIn) => ({ username: asker.user.username })],
    ['the request', (_: SignedIn, request: unknown) => ({ request_id: request })],
  ] as const)('[002] a request is accepted by %s, and friend_request_accepted tells who asked', async ([, named]) => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]
    const asked = await post<Frame>(alice, '/me/send_friend_request', { username: bob.user.username })

    const json = named(alice, asked.body['request_id'])
    const { status, body } = await post<Frame>(bob, '/me/accept_friend_request', json)

    expect(status).toBe(200)
    expect(body).toEqual({ status: 'accepted', friend_id: alice.user.id, friend_username: alice.user.username })
    expect(await ofType(hers, 'friend_request_accepted')).toEqual({
      type: 'friend_request_accepted',
      friend_id: bob.user.id,
      friend_username: bob.user.username,
    })
    await onlineFriends(his)
    expect(allOf(his, 'friend_request_accepted')).toEqual([])
  })

  test('[002] a request that nobody made cannot be accepted, nor one made to another', async () => {
    const { alice, bob } = await pairUp()
    const carol = await signUp()
    const asked = await post<Frame>(alice, '/me/send_friend_request', { receiver_id: bob.user.id })
    const accept = async (who: SignedIn, json: object) => (await post(who, '/me/accept_friend_request', json)).status

    expect(await accept(carol, { request_id: asked.body['request_id'] })).toBe(404)
    expect(await accept(alice, { sender_id: bob.user.id })).toBe(404)
    expect(await accept(bob, { sender_id: carol.user.id })).toBe(404)
    expect(await accept(bob, {})).toBe(422)
    expect(await accept(bob, { sender_id: alice.user.id })).toBe(200)
    expect(await accept(bob, { sender_id: alice.user.id })).toBe(404)
    expect((await post(alice, '/me/send_friend_request', { receiver_id: bob.user.id })).status).toBe(409)
    expect((await post(alice, '/me/send_friend_request', { receiver_id: alice.user.id })).status).toBe(400)
  })

  test('[002] two who ask each other are friends at once', async () => {
    const { alice, bob } = await pairUp()
    await post(alice, '/me/send_friend_request', { receiver_id: bob.user.id })

    const { body } = await post<Frame>(bob, '/me/send_friend_request', { receiver_id: alice.user.id })

    expect(body).toMatchObject({ status: 'accepted', friend_id: alice.user.id })
  })
})

describe('presence in document 002', () => {
  test('[002] friends, and nobody else, are told who comes; online_friends lists them', async () => {
    const { alice, bob } = await friendsUp()
    const carol = await signUp()
    await openDirect(alice, carol)
    const [his, stranger] = [await arrive(bob), await arrive(carol)]

    const hers = await arrive(alice)

    const told = { type: 'friend_status_change', user_id: alice.user.id, status: 'online' }
    expect(await ofType(his, 'friend_status_change')).toEqual(told)
    expect(await onlineFriends(hers)).toEqual({ type: 'online_friends', friends: [bob.user.id] })
    expect(await onlineFriends(stranger)).toEqual({ type: 'online_friends', friends: [] })
    expect(allOf(stranger, 'friend_status_change')).toEqual([])
  })

  test('[002] one is offline only when the last connection is closed, and a reconnection is no change', async () => {
    const { alice, bob } = await friendsUp()
    const his = await arrive(bob)
    const [phone, laptop] = [await arrive(alice), await arrive(alice)]
    await ofType(his, 'friend_status_change')

    phone.close()
    await expect.poll(() => phone.closed?.code).toBe(1000)
    await evictDurableObject(hubOf(env, alice.user.id))
    laptop.close()
    const back = await arrive(alice)
    expect(await onlineFriends(his)).toMatchObject({ friends: [alice.user.id] })
    back.close()

    await expect.poll(() => statusesOf(his, alice), { timeout: 25_000 }).toEqual(['online', 'offline'])
    expect(await onlineFriends(his)).toMatchObject({ friends: [] })
  })

  test('[002] who is no friend any more is not told', async () => {
    const { alice, bob } = await friendsUp()
    const his = await arrive(bob)
    await ask('DELETE', `/v1/friends/${alice.user.id}`, { token: bob.accessToken })
    for (const { user } of [alice, bob]) await hubOf(env, user.id).circleChanged()

    await arrive(alice)

    expect(await onlineFriends(his)).toMatchObject({ friends: [] })
    expect(statusesOf(his, alice)).toEqual([])
  })
})

describe('the tokens of document 002', () => {
  test('[002] the token of POST /login opens the socket and the routes', async () => {
    const username = newName()
    const account = { username, email: `${username}@example.org`, password: PASSWORD }
    await ask('POST', '/register', { json: account })
    const { body } = await ask<{ access_token: string }>('POST', '/login', { json: account })

    const socket = await openSocket(driver, body.access_token)

    expect(await onlineFriends(socket)).toMatchObject({ friends: [] })
  })

  test.for([
    '/conversation/send_message',
    '/conversation/delete_message',
    '/create_conversation',
    '/delete_conversation',
    '/me/send_friend_request',
    '/me/accept_friend_request',
  ])('[002] POST %s without a token, or with a bad one, is 401', async (path) => {
    for (const headers of [{}, { authorization: 'Bearer nonsense' }]) {
      expect((await ask<Detail>('POST', path, { headers, json: {} })).status).toBe(401)
    }
  })

  test('[002] [003] no log names a token, whether it is good or not', async () => {
    const { alice, bob } = await pairUp()
    const logs = (['log', 'warn', 'error', 'info'] as const).map((level) => vi.spyOn(console, level))
    const bad = `${alice.accessToken.slice(0, -5)}wrong`

    await arrive(alice)
    const socket = await openSocket(driver, bad)
    await expect.poll(() => socket.closed?.code).toBe(4008)
    await write(alice, bob, 'x')
    const rooms = await RawSocket.open({ path: '/ws/chat' })
    for (const token of [bad, alice.accessToken]) rooms.sendRaw(JSON.stringify({ type: 'authenticate', token }))
    await ofType(rooms, 'authenticated')

    const said = JSON.stringify(logs.flatMap((log) => log.mock.calls))
    vi.restoreAllMocks()
    for (const token of [alice.accessToken, bad]) expect(said).not.toContain(token.split('.')[2])
  })
})

const MICROS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/
