import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, expect, test, vi } from 'vitest'
import { Conversation } from '../../src/index.ts'
import { LiveSockets } from '../../src/objects/live-sockets.ts'
import { hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { InboxEntry, InboxPage } from '../../src/protocol/conversation.ts'
import type { Hello, MessageReply } from '../../src/protocol/events.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { newClient } from '../support/client.ts'
import { metered } from '../support/meter.ts'
import { entryFor, openGroup, pair, say } from '../support/people.ts'
import { holdEntryOf, liftCallLimit } from '../support/hold.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, PASSWORD, signUp } from '../support/rest.ts'

const readPages = async (who: SignedIn, cursor: string | null, limit = 100): Promise<InboxPage[]> => {
  const pages: InboxPage[] = []
  for (let query = cursor === null ? '' : `&cursor=${cursor}`; ;) {
    const { status, body } = await ask<InboxPage>('GET', `/v1/conversations?limit=${limit}${query}`, {
      token: who.accessToken,
    })
    expect(status).toBe(200)
    pages.push(body)
    if (body.nextCursor === null) return pages
    query = `&cursor=${body.nextCursor}`
  }
}

const idsIn = (entries: InboxEntry[]): number[] => entries.map(({ conversation }) => conversation.id)

test('[INB1] the inbox comes in pages, the last active first, with every conversation on one of them', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const made: number[] = []
  for (let i = 0; i < 7; i += 1) made.push(await openGroup(bob, alice))
  const bobs = await RawSocket.arrive(bob)
  await say(bobs, made[2] ?? 0)
  const expected = [made[2], ...made.filter((_, i) => i !== 2).toReversed()]

  for (const awake of [false, true]) {
    if (awake) await RawSocket.arrive(alice)
    const pages = await readPages(alice, null, 3)
    expect(pages.map(({ items }) => items.length)).toEqual([3, 3, 1])
    expect(idsIn(pages.flatMap(({ items }) => items))).toEqual(expected)
  }
})

test('[INB1] what becomes active while one pages is in front, and hides nothing else', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const made: number[] = []
  for (let i = 0; i < 6; i += 1) made.push(await openGroup(bob, alice))
  const token = alice.accessToken
  const first = (await ask<InboxPage>('GET', '/v1/conversations?limit=2', { token })).body
  const bobs = await RawSocket.arrive(bob)
  await say(bobs, made[0] ?? 0, 'in front')

  const rest = await readPages(alice, first.nextCursor, 2)
  const again = (await ask<InboxPage>('GET', '/v1/conversations?limit=2', { token })).body

  const seen = new Set(idsIn([...first.items, ...again.items, ...rest.flatMap(({ items }) => items)]))
  expect([...seen].toSorted((a, b) => a - b)).toEqual(made)
  expect(again.items[0]).toEqual(await entryFor(alice, made[0] ?? 0))
})

test('[INB1] a cursor that nobody gave is refused', async () => {
  const { accessToken: token } = await signUp()
  for (const cursor of ['', '1', 'x-1', '1-2-3', '-1-2', '1e3-4']) {
    const { status, body } = await ask('GET', `/v1/conversations?cursor=${cursor}`, { token })
    expect([status, body.code]).toEqual([400, 'request.invalid'])
  }
})

test('[INB2] a line of the inbox stays small: the text is cut between letters, and sealed bytes are left out', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const before = 'a'.repeat(LIMITS.previewLength - 1)
  await say(alices, conversationId, `${before}😀 and more`)
  expect((await entryFor(bob, conversationId)).lastMessage?.content).toEqual({ kind: 'text', text: before })

  const content = {
    kind: 'sealed',
    nonce: 'AAAA',
    ciphertext: 'A'.repeat(100_000),
    authTag: 'AAAA',
    associatedData: '',
  }
  const order = { type: 'message.send', conversationId, clientId: 'sealed', content }
  const { message } = await alices.request<MessageReply>(order)
  for (const emoji of ['👍', '🎉']) await bobs.request({ type: 'reaction.add', messageId: message.id, emoji })
  const entry = await entryFor(bob, conversationId)
  expect(entry.lastMessage).toMatchObject({ id: message.id, content: { kind: 'sealed' } })
  expect(JSON.stringify(entry).length).toBeLessThan(1_000)
  // The message may still be on its way to his hub.
  await expect.poll(async () => (await readPages(bob, null))[0]?.items).toEqual([entry])
})

test('[INB1] what changes while other conversations are still asked is in the line', async () => {
  const { alice, bob, conversationId } = await pair()
  const slow = await openGroup(bob, alice)
  const bobs = await RawSocket.arrive(bob)
  for (let i = 0; i < 2; i += 1) await say(bobs, conversationId)
  const hub = hubOf(env, alice.user.id)
  const isAsleep = () =>
    runInDurableObject(hub, (_, { storage: { sql } }) =>
      sql.exec('SELECT asleep FROM inbox WHERE conversation_id = ?', conversationId).one(),
    )
  const [release, limitCalls] = [holdEntryOf(slow), liftCallLimit()]

  const arriving = RawSocket.arrive(alice)
  await expect.poll(isAsleep).toEqual({ asleep: 0 })
  // Below the head only the conversation can count what is unread.
  await ask('PUT', `/v1/conversations/${conversationId}/read`, { token: alice.accessToken, json: { seq: 1 } })
  release()
  const hello = (await (await arriving).waitForType('hello')) as unknown as Hello
  limitCalls()

  const line = hello.conversations.find(({ conversation }) => conversation.id === conversationId)
  expect(line).toEqual(await entryFor(alice, conversationId))
  expect(line).toMatchObject({ readSeq: 1, unread: 1 })
})

test('[INB1] a conversation that does not answer keeps nobody from the others, and is told of when it does', async () => {
  const { alice, bob, conversationId } = await pair()
  const silent = await openGroup(bob, alice)
  const release = holdEntryOf(silent)
  const asked = vi.spyOn(Conversation.prototype, 'entryFor')
  const greeted = vi.spyOn(LiveSockets.prototype, 'greeted')

  const alices = await RawSocket.arrive(alice)
  const hello = (await alices.waitForType('hello')) as unknown as Hello
  const [greeting = 0] = greeted.mock.invocationCallOrder
  const tries = asked.mock.invocationCallOrder.filter((order) => order < greeting).length
  for (const spy of [asked, greeted]) spy.mockRestore()
  release()

  expect(hello.conversations.map(({ conversation }) => conversation.id)).toEqual([conversationId])
  // Each of the two once: to wait for the silent one again would be longer than clients wait.
  expect(tries).toBe(2)
  expect(await alices.waitForType('conversation.head')).toMatchObject({ conversationId: silent })
  const said = await say(await RawSocket.arrive(bob), silent)
  expect(await alices.waitForType('message.created')).toMatchObject({ message: { id: said.id } })
})

test('[SYNC13] whoever writes in a conversation that cannot be asked yet is told all that follows', async () => {
  const { alice, bob } = await pair()
  const silent = await openGroup(bob, alice)
  const release = holdEntryOf(silent)
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]

  const first = await say(alices, silent)
  const between = await say(bobs, silent)
  release()
  await alices.waitForType('conversation.head')
  const last = await say(bobs, silent)

  const told = () => alices.frames.flatMap(({ type, rev }) => (type === 'message.created' ? [rev] : []))
  await expect.poll(told).toEqual([first.rev, between.rev, last.rev])
})

test('[INB1] a hub whose storage takes nothing more starts anew, so that its sockets come back and its lines are right', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const bobs = await RawSocket.arrive(bob)
  // Of this one the row is as it stands: the next event writes that it is not.
  const group = await openGroup(alice, bob)
  await bobs.waitForType('conversation.created')
  const alices = await RawSocket.arrive(alice)
  let refusals = 0
  const restore = await runInDurableObject(hubOf(env, bob.user.id), (_, { storage }) => {
    const sql = Object.getPrototypeOf(storage.sql) as object
    const exec = Reflect.get(sql, 'exec') as (...input: unknown[]) => unknown
    Reflect.set(sql, 'exec', function (this: SqlStorage, query: string, ...rest: unknown[]) {
      if (refusals > 0 || !query.startsWith('update "inbox"')) return exec.call(this, query, ...rest)
      refusals += 1
      throw new Error('database or disk is full: SQLITE_FULL')
    })
    return () => void Reflect.set(sql, 'exec', exec)
  })
  const quiet = vi.spyOn(console, 'error').mockReturnValue(undefined)

  const said = await say(alices, group)
  await expect.poll(() => refusals).toBe(1)
  await expect.poll(() => bobs.closed).not.toBeNull()
  restore()
  quiet.mockRestore()

  const again = await RawSocket.arrive(bob)
  const next = await say(alices, group)
  await again.waitFor((frame) => frame.type === 'message.created' && frame['rev'] === next.rev)
  expect(next.seq).toBe(said.seq + 1)
  expect((await readPages(bob, null))[0]?.items).toEqual([await entryFor(bob, group)])
})

test('[INB4] who has begun 1,000 conversations in a day begins no more, and still finds those that there are', async () => {
  const { alice, bob, conversationId } = await pair()
  const others = LIMITS.conversationsPerDay - 1
  await env.DIRECTORY.prepare(
    `INSERT INTO conversations (kind, created_by, created_at)
     SELECT 'group', ?, ? FROM json_each(?)`,
  )
    .bind(alice.user.id, Date.now(), JSON.stringify(Array.from({ length: others - 1 }, () => 0)))
    .run()
  const begin = (json: object) => ask<InboxEntry>('POST', '/v1/conversations', { token: alice.accessToken, json })
  const group = { kind: 'group', title: 'Picnic', memberIds: [], clientId: 'the-last' }
  const stranger = await signUp()

  const atOnce = await Promise.all([
    begin(group),
    begin({ ...group, clientId: 'one-too-many' }),
    begin({ ...group, clientId: 'two' }),
  ])

  expect(atOnce.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 429, 429])
  expect((await begin({ kind: 'direct', userId: stranger.user.id })).status).toBe(429)
  const found = await begin({ kind: 'direct', userId: bob.user.id })
  expect([found.status, found.body.conversation.id]).toEqual([200, conversationId])
})

test('[INB5] who asks for an inbox while it is being read waits for the next reading, which all who wait share', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const made: number[] = []
  for (let i = 0; i < 10; i += 1) made.push(await openGroup(bob, alice))
  const hub = hubOf(env, alice.user.id)
  const pages: InboxPage[] = []

  const bill = await metered(async () => {
    pages.push(...(await Promise.all(Array.from({ length: 20 }, () => hub.inbox({ limit: 100 })))))
  })

  expect(pages.map(({ items }) => idsIn(items))).toEqual(Array.from({ length: 20 }, () => made.toReversed()))
  expect(bill.requests).toBeLessThanOrEqual(pages.length + 2 * made.length)
})

/** More conversations than one frame holds. */
const MANY = 620

let busy: SignedIn
let all: number[]

beforeAll(async () => {
  busy = await signUp()
  const owner = await signUp()
  const title =
    '“A title of the greatest length that a group may have, so that few lines of an inbox fit into a frame.”'.slice(
      0,
      100,
    )
  const make = async (i: number): Promise<number> => {
    const json = { kind: 'group', title, memberIds: [busy.user.id], clientId: `group-${i}` }
    const token = owner.accessToken
    const { body } = await ask<InboxEntry>('POST', '/v1/conversations', { token, json })
    const { conversation } = body
    const content = { kind: 'text', text: '"'.repeat(LIMITS.textLength) }
    const path = `/v1/conversations/${conversation.id}/messages`
    expect((await ask('POST', path, { token, json: { clientId: 'm', content } })).status).toBe(201)
    return conversation.id
  }
  all = []
  for (let i = 0; i < MANY; i += 20) all.push(...(await Promise.all(Array.from({ length: 20 }, (_, j) => make(i + j)))))
}, 300_000)

test('[INB3] hello holds the lines that fit into a frame and says where the inbox goes on', async () => {
  const socket = await RawSocket.arrive(busy)
  const hello = (await socket.waitForType('hello')) as unknown as Hello
  expect(JSON.stringify(hello).length).toBeLessThan(600 * 1024)
  expect(hello.nextCursor).not.toBeNull()

  const rest = await readPages(busy, hello.nextCursor)

  const ids = [...idsIn(hello.conversations), ...rest.flatMap(({ items }) => idsIn(items))]
  expect(ids.toSorted((a, b) => a - b)).toEqual(all.toSorted((a, b) => a - b))
})

test('[INB3] our client reads on by itself, and drops what is gone though no frame said so', async () => {
  const { client } = newClient()
  await client.login({ login: busy.user.username, password: PASSWORD })
  client.connect()
  await expect.poll(() => client.inbox.entries?.length).toBe(MANY)
  client.disconnect()

  const gone = client.inbox.entries?.at(-1)?.conversation.id ?? 0
  const path = `/v1/conversations/${gone}/members/${busy.user.id}`
  expect((await ask('DELETE', path, { token: busy.accessToken })).status).toBe(204)
  client.connect()

  await expect.poll(() => client.inbox.entries?.length).toBe(MANY - 1)
  expect(client.inbox.get(gone)).toBeUndefined()
})
