import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import type { Conversation } from '../../src/objects/conversation.ts'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { alarmOf, guardIsDown } from '../support/guard.ts'
import { openGroup, say } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

/** The guard of a conversation's deliveries is the only alarm that there is. */

/** What a conversation asks of a hub when it tells something. */
const TELLING = ['deliver', 'deliverCatchUp', 'join', 'leave']
const TABLES =
  "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\' ORDER BY name"

const messagesOf = (conversationId: number): Promise<number> =>
  runInDurableObject(
    conversationOf(env, conversationId),
    (_, { storage }) => storage.sql.exec<{ n: number }>('SELECT count(*) AS n FROM messages').one().n,
  )

const deafen = (who: SignedIn): Promise<void> =>
  runInDurableObject(hubOf(env, who.user.id), (hub) => {
    for (const method of TELLING) Object.defineProperty(hub, method, { value: undefined, configurable: true })
  })

const undeafen = (who: SignedIn): Promise<void> =>
  runInDurableObject(hubOf(env, who.user.id), (hub) => {
    for (const method of TELLING) Reflect.deleteProperty(hub, method)
  })

/**
 * Alice wrote to Bob, took Carol out and Dave in, and the conversation died before anybody heard of it. All that is left of it is what was
 * written, and the alarm, which the test rings.
 */
const interrupted = async () => {
  const [alice, bob, carol, dave] = [await signUp(), await signUp(), await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob, carol)
  const others = [bob, carol, dave]
  const sockets = [await RawSocket.arrive(bob), await RawSocket.arrive(carol), await RawSocket.arrive(dave)]
  const alices = await RawSocket.arrive(alice)
  await say(alices, conversationId)
  for (const socket of sockets.slice(0, 2)) await socket.waitForType('message.created')
  // The next one is set anew, with time for all that is below.
  await guardIsDown(conversationId)

  for (const who of others) await deafen(who)
  const unheard = await say(alices, conversationId)
  const members = `/v1/conversations/${conversationId}/members`
  const token = alice.accessToken
  await ask('DELETE', `${members}/${carol.user.id}`, { token })
  await ask('POST', members, { token, json: { userIds: [dave.user.id] } })
  const scheduledTime = (await alarmOf(conversationId)) ?? 0
  await abort(conversationId)
  for (const who of others) await undeafen(who)

  /** What the three were told, each in one line per frame. */
  const told = () =>
    sockets.map(({ frames }) =>
      frames.flatMap((frame) => {
        const { message } = frame as { message?: { id: number } }
        if (frame.type === 'message.created') return [message?.id === unheard.id ? 'unheard' : 'heard']
        return frame.type.startsWith('conversation.') ? [frame.type] : []
      }),
    )
  /** Every row that the conversation and the hubs of all four keep. */
  const state = () =>
    Promise.all(
      [conversationOf(env, conversationId), ...[alice, ...others].map(({ user }) => hubOf(env, user.id))].map(rowsOf),
    )
  expect(told()).toEqual([['heard'], ['heard'], []])
  return { conversationId, scheduledTime, told, state }
}

const ALL_TOLD = [['heard', 'unheard'], ['heard', 'conversation.deleted'], ['conversation.created']]

const rowsOf = (stub: DurableObjectStub): Promise<Record<string, unknown[]>> =>
  runInDurableObject(stub, (_, { storage: { sql } }) => {
    const names = sql.exec<{ name: string }>(TABLES).toArray()
    const rows = (name: string) => sql.exec(`SELECT * FROM "${name}"`).toArray()
    // A line of the inbox is a copy: how much of it is kept until it is next read anew is no state.
    const lasting = (name: string) => rows(name).map((row) => ({ ...row, stale: null, entry: null }))
    return Object.fromEntries(names.map(({ name }) => [name, lasting(name)]))
  })

/** Has the runtime call the handler, and again where it throws. */
const ring = (conversationId: number): Promise<void> =>
  runInDurableObject(conversationOf(env, conversationId), (_, { storage }) => storage.setAlarm(Date.now()))

const abort = (conversationId: number): Promise<void> =>
  runInDurableObject(conversationOf(env, conversationId), (_, state) => state.abort('crash')).catch(() => {})

/** Ends the conversation, and waits until it lives again. */
const crash = async (conversationId: number): Promise<void> => {
  await abort(conversationId)
  const lives = () =>
    alarmOf(conversationId).then(
      () => true,
      () => false,
    )
  await expect.poll(lives).toBe(true)
}

afterEach(() => {
  vi.useRealTimers()
})

test('an alarm that runs again and again after it did its work changes nothing, and tells nobody anything twice', async () => {
  const { conversationId, told, state } = await interrupted()
  await runDurableObjectAlarm(conversationOf(env, conversationId))
  await expect.poll(told).toEqual(ALL_TOLD)
  await guardIsDown(conversationId)
  const before = await state()

  for (let i = 0; i < 2; i += 1) {
    await ring(conversationId)
    await guardIsDown(conversationId)
  }

  expect(told()).toEqual(ALL_TOLD)
  expect(await state()).toEqual(before)
})

test('an alarm that runs twice at once does its work once', async () => {
  const { conversationId, told, state } = await interrupted()

  await runInDurableObject(conversationOf(env, conversationId), (object: Conversation) =>
    Promise.all([object.alarm(), object.alarm()]),
  )

  await expect.poll(told).toEqual(ALL_TOLD)
  await guardIsDown(conversationId)
  const before = await state()
  await runDurableObjectAlarm(conversationOf(env, conversationId))
  expect(told()).toEqual(ALL_TOLD)
  expect(await state()).toEqual(before)
})

test('an alarm that broke off three times does its work within a minute', async () => {
  const { conversationId, told, state } = await interrupted()
  let thrown = 0
  await runInDurableObject(conversationOf(env, conversationId), (object: Conversation) => {
    const alarm = object.alarm.bind(object)
    object.alarm = async (info) => {
      if (thrown === 3) return alarm(info)
      thrown += 1
      throw new Error('broken off')
    }
  })

  await ring(conversationId)

  await expect.poll(told, { timeout: 60_000 }).toEqual(ALL_TOLD)
  expect(thrown).toBe(3)
  await guardIsDown(conversationId)
  const before = await state()
  await ring(conversationId)
  await guardIsDown(conversationId)
  expect(told()).toEqual(ALL_TOLD)
  expect(await state()).toEqual(before)
}, 120_000)

test('an alarm that comes late still knows from when on nothing was told', async () => {
  const { conversationId, scheduledTime, told } = await interrupted()
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 100_000 })

  await runInDurableObject(conversationOf(env, conversationId), (object: Conversation) =>
    object.alarm({ isRetry: true, retryCount: 3, scheduledTime }),
  )

  await expect.poll(told).toEqual(ALL_TOLD)
})

test('[SYNC4] what was written long before the alarm was set again is told, though the conversation died once more', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob)
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await say(alices, conversationId)
  await bobs.waitForType('message.created')
  await deafen(bob)
  const unheard = await say(alices, conversationId)
  const writtenAt = Date.now()

  // Twice the alarm finds that nobody was told, and is set again, now by a later life.
  for (const pause of [2_000, 4_000]) {
    await expect.poll(() => Date.now()).toBeGreaterThan(writtenAt + pause)
    await ring(conversationId)
    await expect.poll(() => alarmOf(conversationId)).toBeGreaterThan(Date.now() + 1_000)
    await crash(conversationId)
  }
  await undeafen(bob)

  await expect
    .poll(() => bobs.of('message.created').map(({ message }) => Reflect.get(Object(message), 'id')))
    .toContain(unheard.id)
  expect(bobs.of('message.created')).toHaveLength(2)
  await guardIsDown(conversationId)
}, 120_000)

test('[CONV13] the messages of a deleted group are deleted in a while, also where it was started anew', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob)
  const socket = await RawSocket.arrive(alice)
  for (let i = 0; i < 3; i += 1) await say(socket, conversationId)
  expect(await messagesOf(conversationId)).toBe(3)

  await ask('DELETE', `/v1/conversations/${conversationId}`, { token: alice.accessToken })
  await abort(conversationId)

  await expect.poll(() => messagesOf(conversationId), { timeout: 40_000 }).toBe(0)
  await guardIsDown(conversationId)
})

test('[CONV10] a group that its last member leaves is deleted, with all that was said', async () => {
  const alice = await signUp()
  const conversationId = await openGroup(alice)
  const socket = await RawSocket.arrive(alice)
  await say(socket, conversationId)

  await ask('DELETE', `/v1/conversations/${conversationId}/members/${alice.user.id}`, { token: alice.accessToken })

  await socket.waitForType('conversation.deleted')
  await expect.poll(() => messagesOf(conversationId), { timeout: 40_000 }).toBe(0)
  await guardIsDown(conversationId)
  const titles = await runInDurableObject(conversationOf(env, conversationId), (_, { storage: { sql } }) =>
    sql.exec('SELECT title FROM conversation').toArray(),
  )
  expect(titles).toEqual([{ title: null }])
})

test('[CONV13] the next part of many messages is deleted a moment after the one before', async () => {
  const alice = await signUp()
  const conversationId = await openGroup(alice)
  await runInDurableObject(conversationOf(env, conversationId), (_, { storage: { sql } }) => {
    sql.exec(
      `WITH RECURSIVE n (seq) AS (SELECT 1 UNION ALL SELECT seq + 1 FROM n WHERE seq < 4500)
       INSERT INTO messages (seq, rev, sender_id, client_id, created_at) SELECT seq, 10 + seq, ?, 'c' || seq, 0 FROM n`,
      alice.user.id,
    )
  })
  await crash(conversationId)
  await ask('DELETE', `/v1/conversations/${conversationId}`, { token: alice.accessToken })

  await runDurableObjectAlarm(conversationOf(env, conversationId))

  expect(await messagesOf(conversationId)).toBe(2_500)
  expect(await alarmOf(conversationId)).toBeLessThan(Date.now() + 2_000)
  await expect.poll(() => messagesOf(conversationId), { timeout: 6_000 }).toBe(0)
})
