import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { framesLike, requestsTo } from '../../fuzz/inputs.ts'
import { asText, DIGITS, noEmoji, wrongIds, wrongTexts } from '../../fuzz/nasties.ts'
import { framesOf, type Route, routesOf } from '../../fuzz/targets.ts'
import { THINGS, type World } from '../../fuzz/values.ts'
import type { AsyncApi } from '../../src/contract/asyncapi.ts'
import type { OpenApi } from '../../src/contract/openapi.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { ERRORS, type ErrorCode, Problem } from '../../src/protocol/errors.ts'
import { messageIdOf } from '../../src/protocol/ids.ts'
import type { Message } from '../../src/protocol/message.ts'
import { entryFor, openDirect, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

type Json = Record<string, unknown>

const HUGE = 257 * 1024
let alice: SignedIn
let socket: RawSocket
let conversationId: number
let message: Message
let foreign: Message

beforeAll(async () => {
  const two = await pair()
  const [stranger, other] = [await signUp(), await signUp()]
  ;({ alice, conversationId } = two)
  socket = await RawSocket.arrive(alice)
  message = await say(socket, conversationId)
  foreign = await say(await RawSocket.arrive(stranger), await openDirect(stranger, other))
})

const head = async () => (await entryFor(alice, conversationId)).rev

/** Everything that a refused call must leave as it is. */
const state = async () => {
  const tables = ['users', 'conversations', 'sessions']
  const counts = tables.map((table) =>
    env.DIRECTORY.prepare(`SELECT count(*) AS n FROM ${table}`).first<{ n: number }>(),
  )
  return { rev: await head(), rows: await Promise.all(counts) }
}

const send = (change: Json = {}) => ({
  id: 7,
  type: 'message.send',
  conversationId,
  clientId: 'hostile',
  content: text('x'),
  ...change,
})
const sealed = (change: Json) => ({
  kind: 'sealed',
  nonce: 'AAAA',
  ciphertext: 'AAAA',
  authTag: 'AAAA',
  associatedData: '',
  ...change,
})
const react = (emoji: unknown) => ({ id: 7, type: 'reaction.add', messageId: message.id, emoji })

const noFrames: [string, () => string | ArrayBuffer, ErrorCode][] = [
  ['nothing', () => '', 'frame.malformed'],
  ['half a frame', () => asText(send()).slice(0, -1), 'frame.malformed'],
  ['two frames', () => asText(send()).repeat(2), 'frame.malformed'],
  ['no JSON', () => "{'id':1}", 'frame.malformed'],
  ['not a number', () => 'NaN', 'frame.malformed'],
  ['a ping with a space', () => 'ping ', 'frame.malformed'],
  ['NUL', () => '\0', 'frame.malformed'],
  ['null', () => 'null', 'frame.invalid'],
  ['a number', () => '1', 'frame.invalid'],
  ['a text', () => '"message.send"', 'frame.invalid'],
  ['a list', () => asText([send()]), 'frame.invalid'],
  ['a list a hundred thousand deep', () => '['.repeat(100_000) + ']'.repeat(100_000), 'frame.invalid'],
  ['no id', () => asText(send({ id: undefined })), 'frame.invalid'],
  ...[null, true, 1.5, {}, [1], 'x'.repeat(65), DIGITS('9007199254740993'), DIGITS('1e999')].map(
    (id): [string, () => string, ErrorCode] => [`the id ${asText(id)}`, () => asText(send({ id })), 'frame.invalid'],
  ),
  ['257 KiB', () => asText(send({ content: text('x'.repeat(HUGE)) })), 'frame.too_large'],
  ['257 KiB in letters of two bytes', () => asText(send({ content: text('é'.repeat(HUGE / 2)) })), 'frame.too_large'],
  ['257 KiB of space', () => ' '.repeat(HUGE), 'frame.too_large'],
  ['a binary frame', () => new TextEncoder().encode(asText(send())).buffer, 'frame.binary'],
  ['an empty binary frame', () => new ArrayBuffer(0), 'frame.binary'],
]

test.each(noFrames)('[BAD1] %s is no frame: it is refused without an id', async (_, frame, code) => {
  const before = await head()

  const reply = await socket.exchange(frame())

  expect(reply).toMatchObject({ id: null, ok: false, error: { code, message: ERRORS[code][1] } })
  expect(await socket.refusal({ type: 'presence.get', userIds: [] })).toBeNull()
  expect(await head()).toBe(before)
})

const wrongFrames: [string, () => Json, ErrorCode][] = [
  ...[
    'message.sent',
    '',
    'hello',
    'reply',
    'constructor',
    '__proto__',
    'toString',
    7,
    null,
    [],
    ['message.send'],
    undefined,
  ].map((type): [string, () => Json, ErrorCode] => [
    `the type ${asText(type)}`,
    () => send({ type }),
    'frame.unknown_type',
  ]),
  ...wrongIds.map((id): [string, () => Json, ErrorCode] => [
    `the conversation ${asText(id)}`,
    () => send({ conversationId: id }),
    'frame.invalid',
  ]),
  ...[...wrongIds, 1, 2 ** 26, 2 ** 27].map((id): [string, () => Json, ErrorCode] => [
    `the message ${asText(id)}`,
    () => ({ id: 7, type: 'message.delete', messageId: id }),
    'frame.invalid',
  ]),
  ...wrongTexts.map((words): [string, () => Json, ErrorCode] => [
    `the text ${asText(words).slice(0, 20)}`,
    () => send({ content: { kind: 'text', text: words } }),
    'frame.invalid',
  ]),
  ...['', 'x'.repeat(65), 'a b', 'é', 'a\n', '\uD800', 7, null, ['x'], undefined].map(
    (clientId): [string, () => Json, ErrorCode] => [
      `the clientId ${asText(clientId)}`,
      () => send({ clientId }),
      'frame.invalid',
    ],
  ),
  ...['=', 'A', 'AA', 'AA=', 'AAAA=', 'A===', 'AA-_', ' AAAA', 'AAAA\n', 7, null, '\uD800'].map(
    (nonce): [string, () => Json, ErrorCode] => [
      `the nonce ${asText(nonce)}`,
      () => send({ content: sealed({ nonce }) }),
      'frame.invalid',
    ],
  ),
  ['no content', () => send({ content: undefined }), 'frame.invalid'],
  ['a text for a content', () => send({ content: 'x' }), 'frame.invalid'],
  ['a list for a content', () => send({ content: [text('x')] }), 'frame.invalid'],
  ['a content of no kind', () => send({ content: { text: 'x' } }), 'frame.invalid'],
  ['a content of another kind', () => send({ content: { kind: '__proto__', text: 'x' } }), 'frame.invalid'],
  ['a content of two kinds', () => send({ content: { ...sealed({}), text: 'x' } }), 'frame.invalid'],
  ['an empty ciphertext', () => send({ content: sealed({ ciphertext: '' }) }), 'frame.invalid'],
  ['a ciphertext too long', () => send({ content: sealed({ ciphertext: 'AAAA'.repeat(32_769) }) }), 'frame.invalid'],
  ['a sender', () => send({ senderId: 1 }), 'frame.invalid'],
  ['a seq', () => send({ seq: 1 }), 'frame.invalid'],
  ['a time', () => send({ createdAt: '2020-01-01T00:00:00.000Z' }), 'frame.invalid'],
  ['fifty-one mentions', () => send({ mentions: Array.from({ length: 51 }, () => 1) }), 'frame.invalid'],
  ['an object of mentions', () => send({ mentions: { length: 1, 0: 1 } }), 'frame.invalid'],
  ['a mention of nobody', () => send({ mentions: [0] }), 'frame.invalid'],
  [
    'eleven attachments',
    () => send({ attachments: Array.from({ length: 11 }, () => ({ fileId: 'f', name: 'f' })) }),
    'frame.invalid',
  ],
  ['an attachment of nothing', () => send({ attachments: [null] }), 'frame.invalid'],
  [
    'an attachment with an override in its name',
    () => send({ attachments: [{ fileId: 'f', name: 'a\u202Eb' }] }),
    'frame.invalid',
  ],
  ['a reply to nothing', () => send({ replyTo: null }), 'frame.invalid'],
  ['a mark below nothing', () => ({ id: 7, type: 'read.mark', conversationId, seq: -1 }), 'frame.invalid'],
  ['half a mark', () => ({ id: 7, type: 'read.mark', conversationId, seq: 0.5 }), 'frame.invalid'],
  ['a mark above all', () => ({ id: 7, type: 'read.mark', conversationId, seq: 2 ** 26 }), 'frame.invalid'],
  ['changes since before', () => ({ id: 7, type: 'changes.get', conversationId, since: -1 }), 'frame.invalid'],
  ['no changes', () => ({ id: 7, type: 'changes.get', conversationId, since: 0, limit: 0 }), 'frame.invalid'],
  ['too many changes', () => ({ id: 7, type: 'changes.get', conversationId, since: 0, limit: 101 }), 'frame.invalid'],
  [
    'the presence of too many',
    () => ({ id: 7, type: 'presence.get', userIds: Array.from({ length: 101 }, (_, i) => i + 1) }),
    'frame.invalid',
  ],
  ['the presence of none', () => ({ id: 7, type: 'presence.get', userIds: 1 }), 'frame.invalid'],
]

test.each(wrongFrames)('[BAD2] %s is refused, and the reply says where', async (_, frame, code) => {
  const before = await head()

  const reply = await socket.exchange(asText(frame()))

  expect(reply).toMatchObject({ id: 7, ok: false, error: { code, issues: expect.any(Array) } })
  expect(await socket.refusal({ type: 'presence.get', userIds: [] })).toBeNull()
  expect(await head()).toBe(before)
})

test('[BAD2] thousands of unknown fields are refused in few words', async () => {
  const fields = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`field${i}`, 0]))

  const reply = await socket.reply({ ...fields, type: 'typing.start', conversationId })

  expect(reply).toMatchObject({ ok: false, error: { code: 'frame.invalid' } })
  expect(JSON.stringify(reply).length).toBeLessThan(1_000)
})

test('[BAD2] a field of the name __proto__ is one too many, wherever it is', async () => {
  const before = await head()
  const evil = '"__proto__":{"isAdmin":true,"kind":"text","text":"x"}'
  const frames = [
    `{${evil},${asText(send()).slice(1)}`,
    asText(send()).replace('"kind":"text"', `${evil},"kind":"text"`),
    `{"id":7,"__proto__":${asText(send())}}`,
    asText(send({ content: 0 })).replace('"content":0', `"content":{${evil}}`),
  ]

  for (const frame of frames) expect((await socket.exchange(frame)).ok, frame).toBe(false)

  expect(Object.prototype).not.toHaveProperty('isAdmin')
  expect(await head()).toBe(before)
})

test('[BAD3] what does not exist, and what is of others, is not found', async () => {
  const before = await head()
  const nowhere = { 'a number nobody has': 99_999, 'the conversation of others': foreign.conversationId }
  const noMessages = { 'a conversation nobody has': messageIdOf(99_999, 1), 'others wrote': foreign.id }

  for (const [name, id] of Object.entries(nowhere)) {
    const { clientId, content } = send()
    const orders = [
      { type: 'message.send', conversationId: id, clientId, content },
      { type: 'read.mark', conversationId: id, seq: 1 },
      { type: 'typing.start', conversationId: id },
      { type: 'changes.get', conversationId: id, since: 0 },
    ]
    for (const order of orders)
      expect(await socket.refusal(order), `${order.type}: ${name}`).toBe('conversation.not_found')
  }
  for (const type of ['message.edit', 'message.delete', 'reaction.add', 'reaction.remove', 'pin.add', 'pin.remove']) {
    const rest = {
      ...(type === 'message.edit' && { content: text('x') }),
      ...(type.startsWith('r') && { emoji: '👍' }),
    }
    for (const [name, messageId] of Object.entries(noMessages)) {
      expect(await socket.refusal({ type, messageId, ...rest }), `${type}: ${name}`).toBe('conversation.not_found')
    }
    expect(await socket.refusal({ type, messageId: message.id + 99, ...rest }), type).toBe('message.not_found')
  }
  expect(await head()).toBe(before)
})

const emoji = ['👍', '👍🏽', '❤️', '❤', '🇫🇷', '1️⃣', '#️⃣', '👩‍👩‍👧', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '☺', '🏳️‍🌈', '👨🏽‍🚒', '©️']

test('[BAD4] a reaction is one emoji, and nothing else is', async () => {
  const before = await head()
  const path = (each: string) => `/v1/messages/${message.id}/reactions/${encodeURIComponent(each)}`

  for (const each of noEmoji) {
    const reply = await socket.exchange(asText(react(each)))
    expect(reply, `socket: ${each}`).toMatchObject({ ok: false, error: { code: 'frame.invalid' } })
    if (!each.isWellFormed()) continue
    const { status } = await ask('PUT', path(each), { token: alice.accessToken })
    // Nothing at all is another route.
    expect(status, `REST: ${each}`).toBe(each === '' ? 404 : 400)
  }
  for (const odd of ['%', '%ff', '%F0%9F', '%00', '..', '👍/pin', '%2e%2e%2fpin']) {
    const { status } = await ask('PUT', `/v1/messages/${message.id}/reactions/${odd}`, { token: alice.accessToken })
    expect([400, 404, 405], odd).toContain(status)
  }
  expect(await head()).toBe(before)
  for (const each of emoji) {
    expect(await socket.refusal({ type: 'reaction.add', messageId: message.id, emoji: each }), each).toBeNull()
    expect((await ask('DELETE', path(each), { token: alice.accessToken })).status, each).toBe(200)
  }
})

test('[BAD4] one emoji that is written in two ways is one reaction', async () => {
  const reactions = async () => {
    const { body } = await ask<Message>('GET', `/v1/messages/${message.id}`, { token: alice.accessToken })
    return body.reactions.map((each) => each.emoji)
  }
  const before = await reactions()
  for (const each of ['👍', '👍\uFE0F', '❤️', '❤', '1️⃣', '1\u20E3', '🏳️‍🌈', '🏳‍🌈', '👩‍❤️‍👩', '👩‍❤‍👩'])
    expect(await socket.refusal({ type: 'reaction.add', messageId: message.id, emoji: each }), each).toBeNull()

  expect(await reactions()).toEqual([...before, '👍', '❤️', '1️⃣', '🏳️‍🌈', '👩‍❤️‍👩'])
  for (const each of ['👍\u{E0061}', '👍\u{E007F}', '🏴\u{E0061}'])
    expect(await socket.refusal({ type: 'reaction.add', messageId: message.id, emoji: each }), each).toBe(
      'frame.invalid',
    )
})

test('[BAD5] what names a file is well-formed text, as all that others are told', async () => {
  const before = await head()
  for (const fileId of ['\uD800', 'a\uDC00', 'x\0']) {
    const order = { type: 'message.send', conversationId, clientId: crypto.randomUUID(), content: text('x') }
    const attachments = [{ fileId, name: 'x' }]
    expect(await socket.refusal({ ...order, attachments })).toBe('frame.invalid')
  }
  expect(await head()).toBe(before)
})

/** What hostile inputs name: some of it is Alice's, some of others, and most is not there. */
const world: World = {
  ...(Object.fromEntries(THINGS.map((name) => [name, () => 99_999])) as World),
  conversation: () => conversationId,
  group: () => conversationId,
  foreignConversation: () => foreign.conversationId,
  message: () => message.id,
  groupMessage: () => message.id,
  theirMessage: () => messageIdOf(conversationId, 2),
  foreignMessage: () => foreign.id,
  me: () => alice.user.id,
  other: () => alice.user.id + 1,
  fresh: () => crypto.randomUUID(),
  used: () => message.clientId,
  freshName: () => `n${crypto.randomUUID().slice(0, 8)}`,
  freshEmail: () => `${crypto.randomUUID().slice(0, 8)}@example.org`,
  // What is right is not known, or Alice could be gone before the end.
  password: () => 'wrong horse battery',
}

test('[BAD5] of any frame that is nearly right, none is a fault, none closes the socket, and a refused one writes nothing', async () => {
  const { body } = await ask<AsyncApi>('GET', '/asyncapi.json')
  const frames = framesOf(body).filter(({ socket: name }) => name === 'native')

  await fc.assert(
    fc.asyncProperty(fc.oneof(...frames.map(framesLike)), async ({ make }) => {
      const { data } = make(world)
      const before = await head()

      const reply = await socket.exchange(typeof data === 'string' ? data : Uint8Array.from(data).buffer)

      if (!reply.ok) {
        expect(ERRORS[reply.error.code][0]).toBeLessThan(500)
        expect(await head()).toBe(before)
      }
      expect(socket.closed).toBeNull()
    }),
    { numRuns: 300, endOnFailure: true },
  )
  expect(await socket.refusal({ type: 'presence.get', userIds: [] })).toBeNull()
}, 120_000)

/** Every route of the native API that takes anything, but for those that end what the others need. */
const routes = async (): Promise<Route[]> => {
  const ending = ['POST /v1/auth/logout', 'DELETE /v1/conversations/{id}']
  const { body } = await ask<OpenApi>('GET', '/openapi.json')
  // Those of a backup know another token and larger bodies: they are met where they are tested.
  const isOfPeople = ({ path }: Route): boolean => !path.startsWith('/v1/backup')
  return routesOf(body).filter((route) => route.isNative && !ending.includes(route.name) && isOfPeople(route))
}

const isProblem = (reply: { status: number; headers: Headers; body: unknown }) => {
  const problem = Problem.parse(reply.body)
  expect(reply.headers.get('content-type')).toBe('application/problem+json')
  expect([problem.status, ERRORS[problem.code][0]]).toEqual([reply.status, reply.status])
  return problem.code
}

const rawBodies: [string, string | Uint8Array<ArrayBuffer>, string, ErrorCode][] = [
  ['half a body', '{"x":', 'application/json', 'request.malformed'],
  ['no body', '', 'application/json', 'request.malformed'],
  ['a body in another encoding', new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), 'application/json', 'request.malformed'],
  ['a form', 'x=1', 'application/x-www-form-urlencoded', 'request.media_type'],
  ['null', 'null', 'application/json', 'request.invalid'],
  ['a list', '[]', 'application/json', 'request.invalid'],
  ['a text', '"x"', 'application/json', 'request.invalid'],
  ['a list a hundred thousand deep', '['.repeat(100_000) + ']'.repeat(100_000), 'application/json', 'request.invalid'],
  ['a body of 257 KiB', ' '.repeat(HUGE), 'application/json', 'request.too_large'],
]

test.each(rawBodies)('[BAD6] %s is refused by every route that takes one', async (_, raw, type, code) => {
  const before = await state()
  for (const { name, method, path } of (await routes()).filter((each) => each.body)) {
    const url = path
      .replace('{userId}', '1')
      .replace('{id}', path.includes('/messages/') ? String(message.id) : String(conversationId))
    const reply = await ask(method, url, { token: alice.accessToken, raw, headers: { 'content-type': type } })
    expect(isProblem(reply), name).toBe(code)
  }
  expect(await state()).toEqual(before)
})

test('[BAD6] an id in a path, and a number in a query, is plain digits in its range', async () => {
  const before = await state()
  const wrong = [
    '0',
    '-1',
    '+1',
    '1.0',
    '1.5',
    '1e3',
    '0x1',
    'x',
    '%20',
    '%00',
    '%ff',
    'null',
    '9007199254740993',
    '9'.repeat(40),
    '١',
  ]
  const numbered = (await routes()).filter(
    ({ path }) => /\{(id|userId)\}/.test(path) && /\/(conversations|messages|users|members)\//.test(path),
  )
  for (const { name, method, path, body } of numbered) {
    for (const id of wrong) {
      const url = path.replace('{id}', id).replace('{userId}', id).replace('{emoji}', '%F0%9F%91%8D')
      const reply = await ask(method, url, { token: alice.accessToken, ...(body && { json: { x: 1 } }) })
      expect(isProblem(reply), `${name} with ${id}`).toBe('request.invalid')
    }
  }
  const queries = [
    'messages?limit=0',
    'messages?limit=101',
    'messages?limit=x',
    'messages?before=-1',
    'messages?after=1.5',
    'messages?before=',
    'changes?since=-1',
    'changes?since=x',
    'changes?limit=101',
    'changes?since=99999999999999999',
  ]
  for (const query of queries) {
    const reply = await ask('GET', `/v1/conversations/${conversationId}/${query}`, { token: alice.accessToken })
    expect(isProblem(reply), query).toBe('request.invalid')
  }
  expect(await state()).toEqual(before)
})

test('[BAD7] of any call that is nearly right, none is a fault, and a refused one writes nothing', async () => {
  const all = (await routes()).map(requestsTo)
  await openGroup(alice)

  await fc.assert(
    fc.asyncProperty(fc.oneof(...all), async ({ make }) => {
      const { method, url, bearer, type, body } = make(world)
      const before = await state()
      const headers: Record<string, string> = { ...(type !== null && { 'content-type': type }) }
      if (typeof bearer === 'object') headers['authorization'] = bearer.authorization
      // A request that is made here may have no body where it asks for something.
      const raw = body === null || method === 'GET' || method === 'HEAD' ? {} : { raw: bytesOf(body) }

      const reply = await ask(method, url, { ...(bearer === 'own' && { token: alice.accessToken }), ...raw, headers })

      expect(reply.status, `${method} ${url} ${String(body)}`).toBeLessThan(500)
      if (reply.status >= 400 && reply.status !== 426) {
        if (method !== 'HEAD') isProblem(reply)
        expect(await state(), `${method} ${url} ${String(body)}`).toEqual(before)
      }
    }),
    { numRuns: 300, endOnFailure: true },
  )
  // What was right was done, even a deletion; the server goes on for others.
  expect((await pair()).conversationId).toBeGreaterThan(0)
}, 120_000)

const bytesOf = (body: string | Uint8Array): BodyInit => (typeof body === 'string' ? body : Uint8Array.from(body))
