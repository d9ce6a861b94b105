import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type * as z from 'zod'
import type { AsyncApi } from '../../src/contract/asyncapi.ts'
import { DIALECT_NAMES } from '../../src/dialects/dialect.ts'
import { appointment } from '../../src/directory/administrators.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { COMMAND_TYPES } from '../../src/protocol/commands.ts'
import { ServerEvent } from '../../src/protocol/events.ts'
import { heard, readerOf } from '../support/contract.ts'
import { openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

/** Tests of their own bring this about: it takes a conversation that does not answer ([INB1]), or frames of one moment. */
const ELSEWHERE = ['native conversation.head', 'native together']

/** What Alice's commands are answered, in their order. */
const ANSWERED = [
  'typing.start.reply',
  'typing.stop.reply',
  'message.send.reply',
  'message.edit.reply',
  'reaction.add.reply',
  'reaction.remove.reply',
  'pin.add.reply',
  'pin.remove.reply',
  'message.delete.reply',
  'read.mark.reply',
  'changes.get.reply',
  'presence.get.reply',
  'refused',
]

type Made = { id: number }

const done = async <Body = Made>(who: SignedIn, route: string, json?: object): Promise<Body> => {
  const [method = '', path = ''] = route.split(' ')
  const { status, body } = await ask<Body>(method, path, { token: who.accessToken, ...(json && { json }) })
  expect(status, `${route} ${JSON.stringify(body)}`).toBeLessThan(400)
  return body
}

test('[DOC4] every command and event is in the contract of the sockets, and each frame of every socket is heard and looks as it says', async () => {
  const { body: asyncApi } = await ask<AsyncApi>('GET', '/asyncapi.json')
  const { alice, bob, conversationId } = await pair()
  const carol = await signUp()
  for (const { user } of [alice, bob]) await env.DIRECTORY.prepare(appointment(user.username, true)).run()
  const open = async (who: SignedIn) => {
    const { accessToken: token } = who
    const rooms = await RawSocket.open({ path: '/ws/chat' })
    rooms.sendRaw(JSON.stringify({ type: 'authenticate', token }))
    return {
      native: await RawSocket.arrive(who),
      direct: await RawSocket.open({ path: `/messages/ws?token=${token}` }),
      sealed: await RawSocket.open({ path: `/ws?token=${token}` }),
      friends: await RawSocket.open({ path: `/ws/${token}` }),
      rooms,
    }
  }
  const [hers, his] = [await open(alice), await open(bob)]
  await his.rooms.waitFor((frame) => frame.type === 'authenticated')
  his.rooms.sendRaw(JSON.stringify({ type: 'join_conversation', conversation_id: String(conversationId) }))
  for (const socket of [his.direct, his.friends, his.rooms]) socket.sendRaw('{"type":"nonsense"}')
  his.direct.sendRaw('{"type":"ping"}')
  his.friends.sendRaw('{"type":"get_online_friends"}')

  // People.
  const friends = async (from: SignedIn, to: SignedIn) =>
    (await done<{ request: Made }>(from, 'POST /v1/friend-requests', { userId: to.user.id })).request
  await done(bob, `POST /v1/friend-requests/${(await friends(alice, bob)).id}/decline`)
  await done(carol, `POST /v1/friend-requests/${(await friends(bob, carol)).id}/accept`)
  const carols = await RawSocket.arrive(carol)
  await his.friends.waitFor((frame) => frame.type === 'friend_status_change')
  await done(carol, `DELETE /v1/friends/${bob.user.id}`)

  // Conversations.
  const group = await openGroup(alice, bob, carol)
  await done(alice, `PATCH /v1/conversations/${group}`, { title: 'Dinner' })
  await done(alice, `DELETE /v1/conversations/${group}/members/${carol.user.id}`)
  const opened = { receiver_id: bob.user.id }
  const { conversation_id } = await done<{ conversation_id: number }>(carol, 'POST /create_conversation', opened)
  await done(carol, 'POST /delete_conversation', { conversation_id })

  // Messages, each command once.
  const { native } = hers
  await native.request({ type: 'typing.start', conversationId })
  await native.request({ type: 'typing.stop', conversationId })
  const { id: messageId } = await say(native, conversationId)
  await native.request({ type: 'message.edit', messageId, content: text('bonsoir') })
  for (const type of ['reaction.add', 'reaction.remove']) await native.request({ type, messageId, emoji: '👍' })
  for (const type of ['pin.add', 'pin.remove', 'message.delete']) await native.request({ type, messageId })
  const sealing = { kind: 'sealed', nonce: 'AAAA', ciphertext: 'AAAA', authTag: 'AAAA', associatedData: '' }
  await done(alice, `POST /v1/conversations/${conversationId}/messages`, { clientId: 'sealed', content: sealing })
  await say(his.native, conversationId)
  await native.request({ type: 'read.mark', conversationId, seq: 3 })
  await native.request({ type: 'changes.get', conversationId, since: 0 })
  await native.request({ type: 'presence.get', userIds: [bob.user.id] })
  await native.refusal({ type: 'typing.start' })

  // Plans.
  const plan = { title: 'Ball', startsAt: '2030-01-01T20:00:00.000Z' }
  const event = await done(alice, 'POST /v1/events', plan)
  await done(bob, `PUT /v1/events/${event.id}/rsvp`, { answer: 'yes' })
  await done(alice, `DELETE /v1/events/${event.id}`)
  for (const answer of ['decline', 'accept']) {
    const invitation = await done(bob, 'POST /v1/invitations', { userId: alice.user.id })
    await done(alice, `POST /v1/invitations/${invitation.id}/${answer}`)
  }
  await done(carol, 'POST /v1/auth/logout')
  await carols.waitForType('session.revoked')

  const { messages } = asyncApi.channels['native'] ?? { messages: {} }
  const events = ServerEvent.options.map((option) => option.shape.type.value)
  expect(Object.keys(asyncApi.channels).toSorted()).toEqual(['native', ...DIALECT_NAMES].toSorted())
  expect([...COMMAND_TYPES, ...events].filter((type) => !(type in messages))).toEqual([])
  await expect
    .poll(() => tellable(asyncApi).filter((name) => !heard.has(name) && !ELSEWHERE.includes(name)))
    .toEqual([])
  // Whatever a socket hears in any test is held against the schemas; here against the document that is made of them, too.
  for (const sockets of [hers, his]) {
    for (const [name, socket] of Object.entries(sockets))
      for (const frame of socket.frames.filter(({ type }) => type !== 'reply')) looksAs(asyncApi, name, frame)
    // Two documents share this one.
    for (const frame of sockets.friends.frames.filter(({ type }) => type === 'new_message'))
      looksAs(asyncApi, 'events', frame)
  }
  const replies = native.of('reply')
  expect(replies).toHaveLength(ANSWERED.length)
  replies.forEach((reply, i) => looksAs(asyncApi, 'native', reply, ANSWERED[i]))
})

/** The frames that the server says on sockets, as `native message.created`. */
const tellable = ({ operations }: AsyncApi): string[] => {
  const refs = Object.values(operations).flatMap(({ action, messages, reply }) =>
    action === 'send' ? messages : ((reply as { messages: { $ref: string }[] } | undefined)?.messages ?? []),
  )
  return [...new Set(refs.map(({ $ref }) => $ref.replace(/^#\/channels\/(\w+)\/messages\//, '$1 ')))]
}

const readers = new Map<string, z.ZodType>()

const looksAs = (
  asyncApi: AsyncApi,
  socket: string,
  frame: Record<string, unknown>,
  message = String(frame['type']),
): void => {
  const name = `${socket} ${message}`
  const payload = asyncApi.channels[socket]?.messages[message]?.payload
  expect(payload, name).toBeDefined()
  const reader = readers.get(name) ?? readerOf(payload ?? {}, asyncApi)
  readers.set(name, reader)
  expect(reader.safeParse(frame).error?.issues, `${socket} ${JSON.stringify(frame)}`).toBeUndefined()
}
