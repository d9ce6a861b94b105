import { env } from 'cloudflare:workers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { appointment } from '../../src/directory/administrators.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import { holdEntryOf } from '../support/hold.ts'
import { openDirect, openGroup, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'
import { type Driver, dialectTests, type Frame, openSocket } from './suite.ts'

type Envelope<Data = object> = { success: boolean; data: Data; error: string; message: string }
type Posted = { message: { id: string; conversation_id: string; sender_id: string; content: string } }

const promote = async (...people: SignedIn[]) => {
  for (const { user } of people) await env.DIRECTORY.prepare(appointment(user.username, true)).run()
}
const admins = async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  await promote(alice, bob)
  return { alice, bob }
}
const post = (from: SignedIn, conversationId: number | string, content: unknown) =>
  ask<Envelope<Posted>>('POST', `/api/admin/chat/conversations/${conversationId}/messages`, {
    token: from.accessToken,
    json: { content },
  })
const invite = (from: SignedIn, toId: number | string, message?: string) =>
  ask<Envelope<{ invitation_id: string }>>('POST', '/api/admin/chat/invitations', {
    token: from.accessToken,
    json: { to_user_id: toId, message },
  })
const respond = (who: SignedIn, id: number | string, action: unknown) =>
  ask<Envelope<{ conversation_id: string }>>('PUT', `/api/admin/chat/invitations/${id}/respond`, {
    token: who.accessToken,
    json: { action },
  })

const driver: Driver = {
  document: '003',
  path: () => '/ws/chat',
  authenticate: (token) => ({ type: 'authenticate', token }),
  badToken: 1008,
  send: async (from, to, words) => {
    await promote(from)
    expect((await post(from, await openDirect(from, to), words)).status).toBe(200)
  },
  heard: (frame) => {
    const message = frame['type'] === 'new_message' ? (frame['message'] as Frame) : null
    return message && { words: String(message['content']), senderId: Number(message['sender_id']) }
  },
  echoes: false,
  errorOf: (frame) => (frame['type'] === 'error' ? String(frame['message']) : null),
}

const arrive = (who: SignedIn) => openSocket(driver, who.accessToken)
const emit = (socket: RawSocket, event: string, data: object) =>
  socket.sendRaw(JSON.stringify({ type: event, ...data }))
const ofType = (socket: RawSocket, type: string) => socket.waitFor((frame) => frame.type === type)
const heard = (socket: RawSocket) => socket.frames.flatMap((frame) => driver.heard(frame)?.words ?? [])
/** What was asked before it is done when it is answered. */
const settle = async (socket: RawSocket) => {
  const before = socket.frames.filter((frame) => frame.type === 'error').length
  emit(socket, 'join_conversation', { conversation_id: '134217727' })
  await expect.poll(() => socket.frames.filter((frame) => frame.type === 'error').length).toBe(before + 1)
  socket.frames.pop()
}

dialectTests('rooms', driver)

describe('the first frame of document 003', () => {
  test.for([
    ['type', (token: string) => ({ type: 'authenticate', token })],
    ['event and data', (token: string) => ({ event: 'authenticate', data: { token } })],
    ['type and data', (token: string) => ({ type: 'authenticate', data: { token } })],
  ] as const)('[003] authenticate as %s is answered by authenticated', async ([, frameOf]) => {
    const { accessToken } = await signUp()
    const socket = await RawSocket.open({ path: '/ws/chat' })

    socket.sendRaw(JSON.stringify(frameOf(accessToken)))

    expect(await ofType(socket, 'authenticated')).toEqual({
      type: 'authenticated',
      event: 'authenticated',
      success: true,
      data: { success: true },
    })
  })

  test('[003] a bad token is an error that says so, and another try is heard', async () => {
    const { accessToken: token } = await signUp()
    const socket = await RawSocket.open({ path: '/ws/chat' })

    for (const said of [{ token: 'nonsense' }, { token: 5 }, {}]) emit(socket, 'authenticate', said)
    emit(socket, 'join_conversation', { conversation_id: '1' })
    emit(socket, 'authenticate', { token })

    await ofType(socket, 'authenticated')
    expect(socket.frames.slice(0, 4)).toEqual(
      Array.from({ length: 4 }, () => ({
        type: 'error',
        event: 'error',
        message: 'Authentification échouée',
        data: { message: 'Authentification échouée' },
      })),
    )
    expect(socket.frames).toHaveLength(5)
  })

  test('[003] who says nothing is closed with 1008 after ten seconds', async () => {
    const socket = await RawSocket.open({ path: '/ws/chat' })

    await expect.poll(() => socket.closed?.code, { timeout: 20_000 }).toBe(1008)
  })

  test('[003] frames that follow the token at once are heard, in order', async () => {
    const { alice, bob } = await admins()
    const conversation_id = String(await openDirect(alice, bob))
    const his = await arrive(bob)
    const socket = await RawSocket.open({ path: '/ws/chat' })
    const numbers = Array.from({ length: 20 }, (_, i) => String(i))

    emit(socket, 'authenticate', { token: alice.accessToken })
    for (const content of numbers) emit(socket, 'send_message', { conversation_id, message: { content } })

    await expect.poll(() => heard(his)).toEqual(numbers)
  })

  test('[003] what waits behind a token that is looked at has a bound', async () => {
    const { alice, bob } = await admins()
    const conversationId = await openDirect(alice, bob)
    const release = holdEntryOf(conversationId)
    onTestFinished(release)
    const socket = await RawSocket.open({ path: '/ws/chat' })

    emit(socket, 'authenticate', { token: alice.accessToken })
    for (let i = 0; i < 10; i += 1) socket.sendRaw('x'.repeat(200_000))

    await expect.poll(() => socket.closed).toEqual({ code: 1011, reason: 'too much at once' })
  })

  test('[003] who authenticates again as somebody else is somebody else', async () => {
    const { alice, bob } = await admins()
    const carol = await signUp()
    const conversationId = await openDirect(carol, alice)
    const socket = await arrive(bob)

    emit(socket, 'authenticate', { token: 'nonsense' })
    emit(socket, 'authenticate', { token: alice.accessToken })
    await ofType(socket, 'authenticated')
    await say(await RawSocket.arrive(carol), conversationId, 'for her')

    await expect.poll(() => heard(socket)).toEqual(['for her'])
    expect(socket.closed).toBeNull()
  })

  test('[003] a socket that is closed leaves nobody online behind', async () => {
    const { alice, bob } = await admins()
    await openDirect(alice, bob)
    const native = await RawSocket.arrive(bob)
    const socket = await arrive(alice)
    await native.waitFor((frame) => frame.type === 'presence.changed' && frame['online'] === true)

    socket.close()

    const left = () => native.frames.some((frame) => frame.type === 'presence.changed' && frame['online'] === false)
    await expect.poll(left, { timeout: 25_000 }).toBe(true)
  })
})

describe('the rooms of document 003', () => {
  test('[003] send_message tells the others new_message, and not the socket that sent it', async () => {
    const { alice, bob } = await admins()
    const conversation_id = String(await openDirect(alice, bob))
    const [hers, laptop, his] = [await arrive(alice), await arrive(alice), await arrive(bob)]
    for (const socket of [hers, his]) emit(socket, 'join_conversation', { conversation_id })

    emit(hers, 'send_message', { conversation_id, message: { content: 'Bonjour !' }, sender_id: String(bob.user.id) })

    const message = {
      id: expect.stringMatching(/^\d+$/),
      conversation_id,
      sender_id: String(alice.user.id),
      content: 'Bonjour !',
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}$/),
      is_read: false,
    }
    const data = { conversation_id, message }
    for (const socket of [laptop, his]) {
      expect(await ofType(socket, 'new_message')).toEqual({ type: 'new_message', event: 'new_message', data, ...data })
    }
    await settle(hers)
    expect(hers.frames).toEqual([])
  })

  test('[003] nobody hides a message from a socket by giving it an id like those of that socket', async () => {
    const { alice, bob } = await admins()
    const conversationId = await openDirect(alice, bob)
    const [hers, his] = [await arrive(alice), await arrive(bob)]
    const conversation_id = String(conversationId)
    emit(hers, 'send_message', { conversation_id, message: 'Bonjour !' })
    await ofType(his, 'new_message')
    const path = `/v1/conversations/${conversationId}/messages`
    const { body } = await ask<HistoryPage>('GET', path, { token: bob.accessToken })
    const clientId = `${body.items[0]?.clientId.slice(0, 20)}-alike`

    await ask('POST', path, { token: bob.accessToken, json: { clientId, content: text('Here I am') } })

    expect(await ofType(hers, 'new_message')).toMatchObject({ message: { content: 'Here I am' } })
  })

  test('[003] a message may be a string as well as an object, and an id a number', async () => {
    const { alice, bob } = await admins()
    const conversation_id = await openDirect(alice, bob)
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    hers.sendRaw(JSON.stringify({ event: 'send_message', data: { conversation_id, message: 'words' } }))

    await expect.poll(() => heard(his)).toEqual(['words'])
  })

  test('[003] a message that was posted, and is then passed on by the socket, is told and kept once', async () => {
    const { alice, bob } = await admins()
    const conversationId = await openDirect(alice, bob)
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    const { body } = await post(alice, conversationId, 'once')
    emit(hers, 'send_message', { conversation_id: String(conversationId), message: body.data.message })
    emit(hers, 'send_message', { conversation_id: String(conversationId), message: { id: 'tmp-1', content: 'new' } })

    await expect.poll(() => heard(his)).toEqual(['once', 'new'])
  })

  test('[003] a message whose id is of no message there is told like any', async () => {
    const { alice, bob } = await admins()
    const conversationId = await openDirect(alice, bob)
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    const message = { id: conversationId * 2 ** 26 + 5, content: 'numbered by a clock' }
    emit(hers, 'send_message', { conversation_id: String(conversationId), message })

    await expect.poll(() => heard(his)).toEqual(['numbered by a clock'])
  })

  test('[003] who left a conversation hears what is posted to them, and no more what is said there', async () => {
    const { alice, bob } = await admins()
    const conversationId = await openDirect(alice, bob)
    const conversation_id = String(conversationId)
    const [hers, his, phone] = [await arrive(alice), await arrive(bob), await arrive(bob)]
    emit(his, 'leave_conversation', { conversation_id })
    await settle(his)

    emit(hers, 'send_message', { conversation_id, message: { content: 'unheard' } })
    await expect.poll(() => heard(phone)).toEqual(['unheard'])
    // Nor where its client calls it so: what is posted is known by an id that no client can choose.
    const native = { clientId: 'posted-by-me', content: text('unheard too') }
    await ask('POST', `/v1/conversations/${conversationId}/messages`, { token: alice.accessToken, json: native })
    await expect.poll(() => heard(phone)).toEqual(['unheard', 'unheard too'])
    await post(alice, conversationId, 'posted')
    await expect.poll(() => heard(his)).toEqual(['posted'])
    emit(his, 'join_conversation', { conversation_id })
    await settle(his)
    emit(hers, 'send_message', { conversation_id, message: { content: 'heard' } })

    await expect.poll(() => heard(his)).toEqual(['posted', 'heard'])
  })

  test('[003] nobody joins or writes in a conversation of others', async () => {
    const { alice, bob } = await admins()
    const conversation_id = String(await openDirect(alice, bob))
    const [socket, his] = [await arrive(await signUp()), await arrive(bob)]

    emit(socket, 'join_conversation', { conversation_id })
    emit(socket, 'send_message', { conversation_id, message: { content: 'x' }, sender_id: String(alice.user.id) })
    await expect.poll(() => socket.frames.length).toBe(2)
    await post(alice, conversation_id, 'ours')

    for (const frame of socket.frames) {
      expect(frame).toMatchObject({ type: 'error', message: 'There is no such conversation.' })
    }
    await expect.poll(() => heard(his)).toEqual(['ours'])
  })

  test('[003] the names of rooms in the document are examples: one that is no number is an error', async () => {
    const socket = await arrive(await signUp())

    emit(socket, 'join_conversation', { conversation_id: 'conv_123' })

    expect(await ofType(socket, 'error')).toMatchObject({ message: expect.any(String) })
  })
})

describe('the routes of document 003', () => {
  test('[003] POST …/messages answers the message, and tells everybody but who posted it', async () => {
    const { alice, bob } = await admins()
    const carol = await signUp()
    const conversationId = await openGroup(alice, bob, carol)
    const [hers, ...others] = [await arrive(alice), await arrive(bob), await arrive(carol)]

    const { status, body } = await post(alice, conversationId, 'Bonjour !')

    expect(status).toBe(200)
    expect(body).toEqual({
      success: true,
      data: {
        message: {
          id: expect.stringMatching(/^\d+$/),
          conversation_id: String(conversationId),
          sender_id: String(alice.user.id),
          content: 'Bonjour !',
          created_at: expect.any(String),
          is_read: false,
        },
      },
    })
    for (const socket of others) {
      expect(await ofType(socket, 'new_message')).toMatchObject({
        conversation_id: String(conversationId),
        message: body.data.message,
      })
    }
    await settle(hers)
    expect(heard(hers)).toEqual([])
  })

  test('[003] GET …/messages gives the same messages to a client that polls', async () => {
    const { alice, bob } = await admins()
    const conversationId = await openDirect(alice, bob)
    const posted = [await post(alice, conversationId, '1'), await post(bob, conversationId, '2')]
    const path = `/api/admin/chat/conversations/${conversationId}/messages`

    const { status, body } = await ask<Envelope>('GET', path, { token: bob.accessToken })

    expect(status).toBe(200)
    expect(body).toEqual({ success: true, data: { messages: posted.map((reply) => reply.body.data.message) } })
  })

  test('[003] POST …/invitations answers its id, and tells new_invitation to who is asked', async () => {
    const { alice, bob } = await admins()
    await ask('PATCH', '/v1/me', { token: alice.accessToken, json: { displayName: 'Alice de la Tour' } })
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    const { status, body } = await invite(alice, String(bob.user.id), 'On discute ?')

    expect(status).toBe(200)
    expect(body).toEqual({ success: true, data: { invitation_id: expect.stringMatching(/^\d+$/) } })
    const invitation = {
      id: body.data.invitation_id,
      // Addresses are shown to their owners only.
      from_user: { id: String(alice.user.id), firstname: 'Alice', lastname: 'de la Tour', email: '' },
      message: 'On discute ?',
      status: 'pending',
    }
    const data = { invitation }
    expect(await ofType(his, 'new_invitation')).toEqual({
      type: 'new_invitation',
      event: 'new_invitation',
      data,
      ...data,
    })
    await settle(hers)
    expect(hers.frames).toEqual([])
  })

  test('[003] POST …/invitations again tells who was away at the first, with what is said now', async () => {
    const { alice, bob } = await admins()
    const first = await invite(alice, String(bob.user.id), 'On discute ?')
    const his = await arrive(bob)

    const again = await invite(alice, String(bob.user.id), 'Alors ?')

    expect(again.body.data).toEqual(first.body.data)
    expect(await ofType(his, 'new_invitation')).toMatchObject({
      invitation: { id: first.body.data.invitation_id, message: 'Alors ?' },
    })
  })

  test('[003] accepting opens a conversation, and tells invitation_accepted to who asked', async () => {
    const { alice, bob } = await admins()
    const { invitation_id: id } = (await invite(alice, bob.user.id)).body.data
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    const { status, body } = await respond(bob, id, 'accept')

    expect(status).toBe(200)
    expect(body).toEqual({ success: true, data: { conversation_id: expect.stringMatching(/^\d+$/) } })
    const { conversation_id } = body.data
    expect(await ofType(hers, 'invitation_accepted')).toMatchObject({
      conversation_id,
      participant_id: String(bob.user.id),
      conversation: { id: conversation_id, status: 'accepted' },
    })
    expect((await post(alice, conversation_id, 'Bonjour !')).status).toBe(200)
    await expect.poll(() => heard(his)).toEqual(['Bonjour !'])
    expect(his.frames.map((frame) => frame.type)).toEqual(['new_message'])
  })

  test('[003] rejecting tells invitation_rejected to who asked', async () => {
    const { alice, bob } = await admins()
    const { invitation_id: id } = (await invite(alice, bob.user.id)).body.data
    const hers = await arrive(alice)

    const { status, body } = await respond(bob, id, 'reject')

    expect([status, body]).toEqual([200, { success: true }])
    const data = { invitation_id: id }
    expect(await ofType(hers, 'invitation_rejected')).toEqual({
      type: 'invitation_rejected',
      event: 'invitation_rejected',
      data,
      ...data,
    })
    expect((await respond(bob, id, 'accept')).status).toBe(409)
  })

  test('[003] only who was asked answers, and only by accept or reject', async () => {
    const { alice, bob } = await admins()
    const { invitation_id: id } = (await invite(alice, bob.user.id)).body.data

    const refusals = [
      await respond(alice, id, 'accept'),
      await respond(bob, '999999', 'accept'),
      await respond(bob, 'inv_1', 'accept'),
      await respond(bob, id, 'perhaps'),
      await respond(bob, id, undefined),
      await invite(alice, alice.user.id),
      await invite(alice, '987654321'),
      await invite(alice, 'bob'),
      await post(alice, 'conv_123', 'x'),
      await post(alice, '999999', 'x'),
      await post(alice, await openDirect(alice, bob), ''),
      await post(alice, await openDirect(alice, bob), undefined),
      await ask<Envelope>('POST', '/api/admin/chat/invitations', { token: alice.accessToken, raw: '{' }),
      await ask<Envelope>('POST', '/api/admin/chat/invitations', {
        token: alice.accessToken,
        json: { ok: false, code: 'x' },
      }),
    ]

    expect(refusals.map((reply) => reply.status)).toEqual([
      404, 404, 404, 400, 400, 400, 404, 400, 404, 404, 400, 400, 400, 400,
    ])
    for (const { body } of refusals) {
      expect(body).toMatchObject({ success: false, error: expect.any(String), message: body.error })
    }
  })

  test.for([
    ['POST', '/api/admin/chat/conversations/1/messages'],
    ['GET', '/api/admin/chat/conversations/1/messages'],
    ['POST', '/api/admin/chat/invitations'],
    ['PUT', '/api/admin/chat/invitations/1/respond'],
  ])('[003] %s %s is for administrators, as they are now', async ([method = '', path = '']) => {
    await signUp()
    const bob = await signUp()
    const reply = (token?: string) =>
      ask<Envelope>(method, path, { ...(token && { token }), ...(method !== 'GET' && { json: {} }) })

    const [nobody, stranger, plain] = [await reply(), await reply('nonsense'), await reply(bob.accessToken)]
    await promote(bob)
    const admin = await reply(bob.accessToken)
    await env.DIRECTORY.prepare(appointment(bob.user.email, false)).run()

    expect([nobody.status, stranger.status, plain.status]).toEqual([401, 401, 403])
    expect(plain.body).toMatchObject({ success: false, error: 'Only an administrator may do that.' })
    expect([400, 404]).toContain(admin.status)
    expect((await reply(bob.accessToken)).status).toBe(403)
  })

  test('[003] pages of the configured origins may call, and others may not', async () => {
    env.ALLOWED_ORIGINS = 'http://localhost:3000 https://admin.example'
    const preflight = async (origin: string) => {
      const headers = {
        origin,
        'access-control-request-method': 'PUT',
        'access-control-request-headers': 'authorization,content-type',
      }
      return (await ask('OPTIONS', '/api/admin/chat/invitations/1/respond', { headers })).headers
    }

    for (const origin of ['http://localhost:3000', 'https://admin.example']) {
      const headers = await preflight(origin)
      expect(headers.get('access-control-allow-origin')).toBe(origin)
      expect(headers.get('access-control-allow-methods')).toContain('PUT')
      expect(headers.get('access-control-allow-headers')).toContain('authorization')
    }
    expect((await preflight('https://evil.example')).get('access-control-allow-origin')).toBeNull()
    const { headers } = await ask('POST', '/api/admin/chat/invitations', {
      headers: { origin: 'http://localhost:3000' },
    })
    expect(headers.get('access-control-allow-origin')).toBe('http://localhost:3000')
  })
})
