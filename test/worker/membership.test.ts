import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { InboxEntry, InboxPage } from '../../src/protocol/conversation.ts'
import type { Invitation } from '../../src/protocol/invitation.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import {
  breakJoinOf,
  holdAnswerToJoinOf,
  holdJoinOf,
  holdLeaveOf,
  liftCallLimit,
  loseAnswerOf,
  repeatOrdersOf,
} from '../support/hold.ts'
import { entryFor, openDirect, openGroup, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

/** Who is in a conversation, and how their hubs hear of it: late, twice, or not at first. */

const add = (who: SignedIn, group: number, userId: number) =>
  ask('POST', `/v1/conversations/${group}/members`, { token: who.accessToken, json: { userIds: [userId] } })
const drop = (who: SignedIn, group: number, userId: number) =>
  ask('DELETE', `/v1/conversations/${group}/members/${userId}`, { token: who.accessToken })

test('[CONV14] who is removed while the word of the joining is under way is out of it, though that comes last', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const group = await openGroup(alice)
  const bobs = await RawSocket.arrive(bob)
  const conversation = conversationOf(env, group)
  const isIn = () => memberRow(group, bob, 'left_at IS NULL AS it')
  const release = holdJoinOf(bob.user.id)

  const adding = add(alice, group, bob.user.id)
  await expect.poll(isIn).toEqual([{ it: 1 }])
  // The queue of one user's orders waits for the answer of the first.
  const removing = conversation.submit({
    userId: alice.user.id,
    orders: [{ type: 'member.remove', conversationId: group, userId: bob.user.id }],
  })
  await expect.poll(isIn).toEqual([{ it: 0 }])
  release()
  await Promise.all([adding, removing])

  const whoIsUntold = () => runInDurableObject(conversation, (_, { storage: { sql } }) => untold(sql))
  await expect.poll(whoIsUntold, { timeout: 30_000 }).toEqual([])
  const told = () => bobs.frames.map(({ type }) => type).filter((type) => type.startsWith('conversation.'))
  await expect.poll(told).toEqual(['conversation.created', 'conversation.deleted'])
})

test('[CONV7] nobody waits for the word to somebody whom another one added', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const group = await openGroup(alice, bob)
  const bobs = await RawSocket.arrive(bob)
  const isIn = () => memberRow(group, carol, 'told')
  const release = holdJoinOf(carol.user.id)

  const adding = add(alice, group, carol.user.id)
  await expect.poll(isIn).toEqual([{ told: 0 }])
  await say(bobs, group)
  expect(await isIn()).toEqual([{ told: 0 }])

  release()
  await adding
  await expect.poll(isIn).toEqual([{ told: 1 }])
})

test('[CONV14] who is out hears so on every socket, also where another one that opens finds it out first', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const group = await openGroup(alice, bob)
  const [first, idle] = [await RawSocket.arrive(bob), await RawSocket.arrive(alice)]
  await say(idle, group)
  await first.waitForType('message.created')
  await evictDurableObject(hubOf(env, bob.user.id))
  const release = holdLeaveOf(bob.user.id)

  const removing = drop(alice, group, bob.user.id)
  const second = await RawSocket.connect(bob.accessToken)
  await second.waitForType('hello')

  await first.waitForType('conversation.deleted')
  release()
  await removing
  expect(first.of('conversation.deleted')).toHaveLength(1)
})

test('[CONV14] who was removed and added again at once is in it, though the word of the removal comes last', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const group = await openGroup(alice, bob, carol)
  await ask('PATCH', `/v1/conversations/${group}/members/${carol.user.id}`, {
    token: alice.accessToken,
    json: { role: 'admin' },
  })
  const [carols, bobs] = [await RawSocket.arrive(carol), await RawSocket.arrive(bob)]
  const conversation = conversationOf(env, group)
  const hasLeft = () => memberRow(group, bob, 'left_at IS NOT NULL AS it')
  const release = holdLeaveOf(bob.user.id)

  const removing = drop(alice, group, bob.user.id)
  await expect.poll(hasLeft).toEqual([{ it: 1 }])
  const adding = add(carol, group, bob.user.id)
  await expect.poll(hasLeft).toEqual([{ it: 0 }])
  release()
  await Promise.all([removing, adding])
  await runDurableObjectAlarm(conversation)
  const message = await say(carols, group, 'welcome back')

  await bobs.waitFor((frame) => (frame['message'] as { id: number } | undefined)?.id === message.id)
  expect((await entryFor(bob, group)).memberIds).toContain(bob.user.id)
})

test('[CONV14] a try of adding somebody that comes again brings nobody back who left meanwhile', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const group = await openGroup(alice, bob)
  const turn = { hub: 'of before', n: 1 }
  const orders = [{ type: 'member.add' as const, conversationId: group, userIds: [carol.user.id] }]
  const adding = { userId: alice.user.id, orders, turn }
  const first = await conversationOf(env, group).submit(adding)
  expect((await drop(carol, group, carol.user.id)).status).toBe(204)

  const again = await conversationOf(env, group).submit(adding)

  expect(again.answers).toEqual(first.answers)
  expect((await entryFor(alice, group)).memberIds).not.toContain(carol.user.id)
})

test('[CONV14] who was added asleep, and woke before the conversation had the answer, hears what was said meanwhile', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const group = await openGroup(alice, carol)
  const restoreLimit = liftCallLimit()
  const release = holdAnswerToJoinOf(bob.user.id)
  const inboxOf = () => runInDurableObject(hubOf(env, bob.user.id), (_, { storage }) => rowsIn(storage.sql, 'inbox'))

  const adding = add(alice, group, bob.user.id)
  await expect.poll(inboxOf).toHaveLength(1)
  const bobs = await RawSocket.arrive(bob)
  const order = { type: 'message.send' as const, conversationId: group, clientId: 'welcome', content: text('welcome') }
  await conversationOf(env, group).submit({ userId: carol.user.id, orders: [order] })
  expect(await memberRow(group, bob, 'told, asleep')).toEqual([{ told: 0, asleep: 0 }])
  release()
  await adding
  restoreLimit()

  await expect.poll(() => bobs.of('message.created'), { timeout: 10_000 }).toHaveLength(1)
})

test('[CONV7] a call that breaks while somebody is brought in is made again at once', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  breakJoinOf(bob.user.id)

  const conversationId = await openDirect(alice, bob)

  expect(await entryFor(bob, conversationId)).toMatchObject({ memberIds: [alice.user.id, bob.user.id] })
})

test.each([
  ['a direct conversation', (bob: SignedIn) => ({ kind: 'direct', userId: bob.user.id })],
  ['a group', (bob: SignedIn) => ({ kind: 'group', title: 'Picnic', memberIds: [bob.user.id], clientId: 'picnic' })],
])(
  '[CONV4] who makes %s is answered once their own hub knows of it, and asks again until then',
  async (_, what) => {
    const [alice, bob] = [await signUp(), await signUp()]
    const alices = await RawSocket.arrive(alice)
    const make = () => ask<InboxEntry>('POST', '/v1/conversations', { token: alice.accessToken, json: what(bob) })
    const release = holdJoinOf(alice.user.id)

    const early = await make()
    const entry = await onlyEntryOf(bob)
    release()
    const again = await make()

    expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1'])
    expect([again.status, again.body.conversation.id]).toEqual([200, entry.conversation.id])
    await say(alices, again.body.conversation.id)
  },
  60_000,
)

test('[CONV4] a group that cannot be asked for again is answered, though the hub of its maker does not know of it yet', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const json = { kind: 'group', title: 'Picnic', memberIds: [bob.user.id] }
  const release = holdJoinOf(alice.user.id)

  const made = await ask<InboxEntry>('POST', '/v1/conversations', { token: alice.accessToken, json })
  release()

  expect([made.status, made.body.role]).toEqual([201, 'owner'])
}, 60_000)

test.each([
  ['into a group', async (alice: SignedIn) => ({ conversationId: await openGroup(alice) })],
  ['to a conversation', async () => ({})],
])(
  '[INVI1] who accepts an invitation %s is answered once their own hub knows of it',
  async (_, where) => {
    const [alice, bob] = [await signUp(), await signUp()]
    const json = { userId: bob.user.id, ...(await where(alice)) }
    const { body: invitation } = await ask<Invitation>('POST', '/v1/invitations', { token: alice.accessToken, json })
    const bobs = await RawSocket.arrive(bob)
    const accept = () => ask<Invitation>('POST', `/v1/invitations/${invitation.id}/accept`, { token: bob.accessToken })
    const release = holdJoinOf(bob.user.id)

    const early = await accept()
    release()
    const again = await accept()

    expect([early.status, again.status, again.body.status]).toEqual([503, 200, 'accepted'])
    await say(bobs, again.body.conversationId ?? 0)
  },
  60_000,
)

/** The one line of somebody's inbox. */
const onlyEntryOf = async (who: SignedIn): Promise<InboxEntry> => {
  const { body } = await ask<InboxPage>('GET', '/v1/conversations', { token: who.accessToken })
  expect(body.items).toHaveLength(1)
  return body.items[0] as InboxEntry
}

const rowsIn = (sql: SqlStorage, table: string) => sql.exec(`SELECT * FROM ${table}`).toArray()

const untold = (sql: SqlStorage) => sql.exec('SELECT user_id FROM members WHERE NOT told').toArray()

/** What a conversation keeps of somebody; nothing where they never were in. */
const memberRow = (group: number, who: SignedIn, columns: string) =>
  runInDurableObject(conversationOf(env, group), (_, { storage: { sql } }) =>
    sql.exec(`SELECT ${columns} FROM members WHERE user_id = ?`, who.user.id).toArray(),
  )

test.each([
  ['a try whose answer was lost', loseAnswerOf],
  ['a call that came twice', repeatOrdersOf],
])('[BAD9] what %s had done is not refused for good because its author was removed meanwhile', async (_, repeat) => {
  const [alice, bob] = [await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob)
  const bobs = await RawSocket.arrive(bob)
  const { id: messageId } = await say(bobs, conversationId)
  const order = { type: 'message.edit', messageId, content: text('my last word') }
  repeat(conversationId, () => drop(alice, conversationId, bob.user.id))

  const first = await bobs.refusal(order)
  const second = await bobs.refusal(order)

  expect([first, second]).toEqual(['server.unavailable', 'conversation.not_found'])
  const page = await ask<HistoryPage>('GET', `/v1/conversations/${conversationId}/messages`, {
    token: alice.accessToken,
  })
  expect(page.body.items.map(({ content }) => content)).toEqual([text('my last word')])
})
