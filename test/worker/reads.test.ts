import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { Changes, InboxPage, MemberList } from '../../src/protocol/conversation.ts'
import type { ReadReply } from '../../src/protocol/events.ts'
import { messageIdOf } from '../../src/protocol/ids.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import { guardIsDown } from '../support/guard.ts'
import { metered } from '../support/meter.ts'
import { crowd, entryFor, openGroup, pair, say } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signIn, signUp } from '../support/rest.ts'

const mark = (socket: RawSocket, conversationId: number, seq: number) =>
  socket.request<ReadReply>({ type: 'read.mark', conversationId, seq })

/** What the hub says, which counts along; `entryFor` is what the conversation says, which counts anew. */
const inboxEntry = async (who: SignedIn, conversationId: number) => {
  const { body } = await ask<InboxPage>('GET', '/v1/conversations', { token: who.accessToken })
  return body.items.find(({ conversation }) => conversation.id === conversationId)
}

const readSeqOf = async (viewer: SignedIn, conversationId: number, userId: number) => {
  const { body } = await ask<MemberList>('GET', `/v1/conversations/${conversationId}/members`, {
    token: viewer.accessToken,
  })
  return body.items.find((member) => member.userId === userId)?.readSeq
}

/** A group of `size`, of whom the first two are somebody. */
const largeGroup = async (size: number) => {
  const [alice, bob] = [await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob)
  const others = await crowd(size - 2)
  for (let i = 0; i < others.length; i += 100) {
    const json = { userIds: others.slice(i, i + 100) }
    await ask('POST', `/v1/conversations/${conversationId}/members`, { token: alice.accessToken, json })
  }
  return { alice, bob, conversationId }
}

afterEach(() => {
  vi.useRealTimers()
})

test('[READ1] a mark goes forward only, and not beyond the last message', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  for (let i = 0; i < 5; i += 1) await say(alices, conversationId)

  expect(await mark(bobs, conversationId, 3)).toEqual({ seq: 3, unread: 2 })
  const { rev } = await entryFor(bob, conversationId)
  expect(await mark(bobs, conversationId, 3)).toEqual({ seq: 3, unread: 2 })
  expect(await mark(bobs, conversationId, 1)).toEqual({ seq: 3, unread: 2 })
  expect(await mark(bobs, conversationId, 0)).toEqual({ seq: 3, unread: 2 })
  expect((await entryFor(bob, conversationId)).rev).toBe(rev)
  expect(await mark(bobs, conversationId, 2 ** 26 - 1)).toEqual({ seq: 5, unread: 0 })
  const json = { seq: 4 }
  const byRest = await ask('PUT', `/v1/conversations/${conversationId}/read`, { token: bob.accessToken, json })
  expect(byRest).toMatchObject({ status: 200, body: { seq: 5, unread: 0 } })
})

test('[READ2] after any sends, deletions and marks the unread count is what a count from scratch gives', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const people = [alice, bob, carol]
  const step = fc.record({
    who: fc.nat(2),
    what: fc.constantFrom('say', 'say', 'delete', 'mark', 'react'),
    seq: fc.integer({ min: 1, max: 12 }),
  })
  const sockets = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), fc.boolean(), async (steps, evicted) => {
      const conversationId = await openGroup(alice, bob, carol)
      const [carols] = [await RawSocket.arrive(carol)]
      for (const { who, what, seq } of steps) {
        const socket = [...sockets, carols][who] ?? carols
        const messageId = messageIdOf(conversationId, seq)
        if (what === 'say') await say(socket, conversationId)
        else if (what === 'mark') await mark(socket, conversationId, seq)
        else if (what === 'delete') await socket.refusal({ type: 'message.delete', messageId })
        else await socket.refusal({ type: 'reaction.add', messageId, emoji: '👍' })
      }
      carols.close()
      if (evicted) await evictDurableObject(conversationOf(env, conversationId))

      const token = alice.accessToken
      const { items } = (await ask<HistoryPage>('GET', `/v1/conversations/${conversationId}/messages`, { token })).body
      for (const who of people) {
        const { readSeq } = await entryFor(who, conversationId)
        const counted = items.filter(
          ({ seq, senderId, deletedAt }) => seq > readSeq && senderId !== who.user.id && deletedAt === null,
        )
        const truth = await entryFor(who, conversationId)
        expect(truth.unread).toBe(counted.length)
        await expect.poll(() => inboxEntry(who, conversationId)).toEqual(truth)
      }
    }),
    { numRuns: 12, endOnFailure: true },
  )
}, 60_000)

test('[READ3] unread counts stay at a thousand above it, and are exact again below', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  for (let i = 0; i < 10; i += 1) {
    await Promise.all(Array.from({ length: 101 }, () => say(alices, conversationId)))
  }
  const unread = async () => [
    (await entryFor(bob, conversationId)).unread,
    (await inboxEntry(bob, conversationId))?.unread,
  ]

  await expect.poll(unread).toEqual([1_000, 1_000])
  await alices.request({ type: 'message.delete', messageId: messageIdOf(conversationId, 1_010) })
  await expect.poll(unread).toEqual([1_000, 1_000])
  expect(await mark(bobs, conversationId, 10)).toEqual({ seq: 10, unread: 999 })
  await alices.request({ type: 'message.delete', messageId: messageIdOf(conversationId, 1_009) })
  await expect.poll(unread).toEqual([998, 998])
})

test('[READ3] who writes much and reads nothing is counted among the newest only, once for each state', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await say(alices, conversationId)
  await say(bobs, conversationId)
  await guardIsDown(conversationId)
  const write = (count: number) =>
    runInDurableObject(conversationOf(env, conversationId), (_, { storage }) => {
      storage.sql.exec(`
        WITH RECURSIVE
          last AS (SELECT * FROM messages ORDER BY seq DESC LIMIT 1),
          next(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM next WHERE n < ${count})
        INSERT INTO messages (seq, rev, sender_id, client_id, created_at, body)
        SELECT seq + n, rev + n, ${bob.user.id}, 'written' || (seq + n), created_at, body FROM next, last`)
    })

  await write(9_998)
  await evictDurableObject(conversationOf(env, conversationId))
  expect((await entryFor(bob, conversationId)).unread).toBe(1)
  await write(20_000)
  await evictDurableObject(conversationOf(env, conversationId))
  const { rowsRead } = await metered(async () => {
    for (let i = 0; i < 20; i += 1) expect(await mark(bobs, conversationId, 0)).toEqual({ seq: 0, unread: 0 })
  })

  expect(rowsRead).toBeLessThan(11_000)
})

test('[READ4] the others, and the other devices of who read, are told with the next revision', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, phone, laptop] = [
    await RawSocket.arrive(alice),
    await RawSocket.arrive(bob),
    await RawSocket.arrive(bob),
  ]
  const { rev } = await say(alices, conversationId)

  await mark(phone, conversationId, 1)

  for (const socket of [alices, phone, laptop]) {
    const event = await socket.waitForType('read.changed')
    expect(event).toEqual({ type: 'read.changed', conversationId, rev: rev + 1, userId: bob.user.id, seq: 1 })
  }
  expect(await readSeqOf(alice, conversationId, bob.user.id)).toBe(1)
  const changes = await alices.request<Changes>({ type: 'changes.get', conversationId, since: rev })
  expect(changes.members).toMatchObject([{ userId: bob.user.id, readSeq: 1 }])
})

test('[READ5] above a hundred members a mark is private: only its owner’s devices are told, and it takes no revision', async () => {
  const { alice, bob, conversationId } = await largeGroup(101)
  const [alices, phone, laptop] = [
    await RawSocket.arrive(alice),
    await RawSocket.arrive(bob),
    await RawSocket.arrive(bob),
  ]
  await say(alices, conversationId)
  const { rev } = await say(alices, conversationId)

  expect(await mark(phone, conversationId, 1)).toEqual({ seq: 1, unread: 1 })

  for (const socket of [phone, laptop]) {
    expect(await socket.waitForType('read.changed')).toMatchObject({ userId: bob.user.id, seq: 1, rev: 0 })
  }
  const changes = await alices.request<Changes>({ type: 'changes.get', conversationId, since: 0 })
  expect(changes.rev).toBe(rev)
  expect(new Set(changes.members.map(({ readSeq }) => readSeq))).toEqual(new Set([null]))
  expect(await readSeqOf(alice, conversationId, bob.user.id)).toBeNull()
  expect(alices.of('read.changed')).toEqual([])
  expect(await entryFor(bob, conversationId)).toMatchObject({ readSeq: 1, unread: 1 })
  // The second message may still be on its way to his hub.
  await expect.poll(() => inboxEntry(bob, conversationId)).toMatchObject({ readSeq: 1, unread: 1 })
})

test('[READ5] a private mark is remembered when the hub was evicted, in a group that was quiet for long too', async () => {
  const { alice, bob, conversationId } = await largeGroup(101)
  await say(await RawSocket.arrive(alice), conversationId)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 2 * 60 * 60 * 1_000 })
  const later = (await signIn(bob.user.username)).body
  const bobs = await RawSocket.arrive(later)
  await evictDurableObject(hubOf(env, bob.user.id))

  await mark(bobs, conversationId, 1)
  await evictDurableObject(hubOf(env, bob.user.id))

  expect(await inboxEntry(later, conversationId)).toMatchObject({ readSeq: 1, unread: 0 })
})

test('[READ6] naming somebody many times makes no large group', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const json = { kind: 'group', title: 'Two', memberIds: Array.from({ length: 100 }, () => bob.user.id) }

  const made = await ask('POST', '/v1/conversations', { token: alice.accessToken, json })

  expect(made).toMatchObject({ status: 201, body: { memberCount: 2, conversation: { readReceipts: true } } })
})

test('[READ6] the member above a hundred ends the telling of marks for good', async () => {
  const { alice, bob, conversationId } = await largeGroup(100)
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await say(alices, conversationId)
  await mark(bobs, conversationId, 1)
  await alices.waitForType('read.changed')
  expect(await entryFor(alice, conversationId)).toMatchObject({
    memberCount: 100,
    conversation: { readReceipts: true },
  })

  const [extra] = await crowd(1)
  const members = `/v1/conversations/${conversationId}/members`
  await ask('POST', members, { token: alice.accessToken, json: { userIds: [extra] } })

  for (const socket of [alices, bobs]) {
    expect(await socket.waitForType('conversation.updated')).toMatchObject({ conversation: { readReceipts: false } })
  }
  expect(await entryFor(alice, conversationId)).toMatchObject({ memberCount: 101, memberIds: [] })
  await ask('DELETE', `${members}/${extra}`, { token: alice.accessToken })
  expect(await entryFor(alice, conversationId)).toMatchObject({
    memberCount: 100,
    conversation: { readReceipts: false },
  })
  expect(await readSeqOf(alice, conversationId, bob.user.id)).toBeNull()
})
