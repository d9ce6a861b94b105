import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, test, vi } from 'vitest'
import { hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { EventOf, PresenceReply } from '../../src/protocol/events.ts'
import { CLOSE } from '../../src/protocol/socket.ts'
import { guardIsDown } from '../support/guard.ts'
import { metered } from '../support/meter.ts'
import { crowd, entryFor, openDirect, openGroup, pair, say } from '../support/people.ts'
import { holdEntryOf } from '../support/hold.ts'
import { block } from '../support/friends.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

const presenceOf = async (socket: RawSocket, ...userIds: number[]) =>
  (await socket.request<PresenceReply>({ type: 'presence.get', userIds })).items

const heardOf = (socket: RawSocket, who: SignedIn) =>
  socket
    .of('presence.changed')
    .filter(({ userId }) => userId === who.user.id)
    .map(({ online }) => online)

/** Who is online, as the greeting of this socket says. */
const onlineIn = (socket: RawSocket) => (socket.of('hello')[0] as EventOf<'hello'> | undefined)?.online ?? []

afterEach(() => {
  vi.useRealTimers()
})

/** Alice's laptop is open and was silent for so long that Bob has heard that she went. */
const afterLongSilence = async () => {
  const { alice, bob } = await pair()
  const [bobs, laptop, phone] = [
    await RawSocket.arrive(bob),
    await RawSocket.arrive(alice),
    await RawSocket.arrive(alice),
  ]
  await expect.poll(() => heardOf(bobs, alice)).toEqual([true])
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_000 })
  phone.close()
  await expect.poll(() => heardOf(bobs, alice).at(-1), { timeout: 40_000 }).toBe(false)
  return { alice, bob, bobs, laptop }
}

test('[TYPE1] typing is told to every device of the others, and to none of who types', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob, carol)
  const [phone, laptop] = [await RawSocket.arrive(alice), await RawSocket.arrive(alice)]
  const others = [await RawSocket.arrive(bob), await RawSocket.arrive(bob), await RawSocket.arrive(carol)]

  await phone.request({ type: 'typing.start', conversationId })
  await phone.request({ type: 'typing.stop', conversationId })

  const told = { type: 'typing.changed', conversationId, userId: alice.user.id }
  for (const socket of others) {
    await expect
      .poll(() => socket.of('typing.changed'))
      .toEqual([
        { ...told, typing: true },
        { ...told, typing: false },
      ])
  }
  for (const socket of [phone, laptop]) {
    await presenceOf(socket)
    expect(socket.of('typing.changed')).toEqual([])
  }
})

test('[TYPE2] typing and asking for presence take no revision and write nothing', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const { rev } = await entryFor(alice, conversationId)
  await guardIsDown(conversationId)

  const bill = await metered(async () => {
    for (let i = 0; i < 10; i += 1) {
      await alices.request({ type: i % 2 ? 'typing.stop' : 'typing.start', conversationId })
      await presenceOf(bobs, alice.user.id)
    }
    await expect.poll(() => bobs.of('typing.changed')).toHaveLength(10)
    // What would be written beside has no other end.
    await new Promise((resolve) => setTimeout(resolve, 2_000))
  })

  expect(bill.rows).toBe(0)
  expect((await entryFor(alice, conversationId)).rev).toBe(rev)
})

test('[TYPE3] above a hundred members nobody is told who types', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob)
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const members = `/v1/conversations/${conversationId}/members`
  const add = async (count: number) =>
    ask('POST', members, { token: alice.accessToken, json: { userIds: await crowd(count) } })

  await add(98)
  await alices.request({ type: 'typing.start', conversationId })
  await bobs.waitForType('typing.changed')
  await add(1)
  await alices.request({ type: 'typing.stop', conversationId })
  await alices.request({ type: 'message.send', conversationId, clientId: 'x', content: { kind: 'text', text: 'x' } })
  await bobs.waitForType('message.created')

  expect(bobs.of('typing.changed')).toHaveLength(1)
})

test('[PRES1] those who share a conversation hear of the first socket, and who comes learns who is online', async () => {
  const { alice, bob } = await pair()
  const stranger = await signUp()
  const [bobs, strangers] = [await RawSocket.arrive(bob), await RawSocket.arrive(stranger)]

  const phone = await RawSocket.arrive(alice)
  await expect.poll(() => heardOf(bobs, alice)).toEqual([true])
  await expect.poll(() => [...onlineIn(phone), ...heardOf(phone, bob)]).not.toEqual([])
  const laptop = await RawSocket.arrive(alice)

  // Until it is known why this failed twice on a busy machine: what was told says it.
  const told = JSON.stringify([phone, laptop, bobs].map(({ frames }) => frames))
  expect(onlineIn(phone), told).toEqual(heardOf(phone, bob).length > 0 ? [] : [bob.user.id])
  expect(onlineIn(laptop), told).toEqual([bob.user.id])
  expect(heardOf(bobs, alice), told).toEqual([true])
  await presenceOf(strangers)
  expect(strangers.of('presence.changed')).toEqual([])
})

test('[PRES1] what was said of somebody earlier and comes later undoes nothing', async () => {
  const { alice, bob } = await pair()
  const [alicesHub, bobsHub] = [hubOf(env, alice.user.id), hubOf(env, bob.user.id)]
  const nobody = { userId: alice.user.id, online: false, lastSeenAt: null, asOf: 0 }
  const before = await bobsHub.meet(nobody)
  const bobs = await RawSocket.arrive(bob)
  await presenceOf(bobs, alice.user.id)

  await alicesHub.meet(before)

  const alices = await RawSocket.arrive(alice)
  expect(alices.frames[0]).toMatchObject({ type: 'hello', online: [bob.user.id] })
})

test('[PRES1] whose session ends before the first socket is greeted does not come', async () => {
  const { alice, bob, conversationId } = await pair()
  const bobs = await RawSocket.arrive(bob)
  const hub = hubOf(env, alice.user.id)
  // The inbox that goes into the greeting cannot be read before that.
  const release = holdEntryOf(conversationId)

  const opening = RawSocket.open({ headers: { authorization: `Bearer ${alice.accessToken}` } })
  await expect.poll(() => runInDurableObject(hub, (_, state) => state.getWebSockets().length)).toBe(1)
  await hub.endSessions([alice.sessionId])
  release()
  const socket = await opening

  await expect.poll(() => socket.closed).toEqual({ code: CLOSE.ticketInvalid, reason: 'ticket.invalid' })
  expect(await hubOf(env, bob.user.id).online()).toEqual([bob.user.id])
  expect(heardOf(bobs, alice)).toEqual([])
})

test('[PRES2] going is told also of who was cut, and of who speaks again coming', async () => {
  const { alice, bob, conversationId } = await pair()
  const [bobs, alices] = [await RawSocket.arrive(bob), await RawSocket.arrive(alice)]
  await expect.poll(() => heardOf(bobs, alice)).toEqual([true])
  // Her network is gone: the end of the connection comes to nobody.
  await runInDurableObject(hubOf(env, alice.user.id), (_, state) => {
    for (const ws of state.getWebSockets()) ws.close = () => {}
  })
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 121_000 })

  await say(bobs, conversationId)

  await expect.poll(() => heardOf(bobs, alice).at(-1), { timeout: 40_000 }).toBe(false)
  expect(alices.closed).toBeNull()
})

test.each([
  ['', false],
  [', also where the hub slept', true],
])('[PRES2] who was silent for so long that it counted as gone is back with the next frame%s', async (_, sleeps) => {
  const { alice, bobs, laptop } = await afterLongSilence()
  if (sleeps) await evictDurableObject(hubOf(env, alice.user.id))

  await presenceOf(laptop)

  await expect.poll(() => heardOf(bobs, alice).at(-1)).toBe(true)
})

test('[PRES2] going is told fifteen seconds after the last socket closed; who is back within them never left, also where the hubs slept', async () => {
  const { alice, bob, conversationId } = await pair()
  const carol = await signUp()
  await openDirect(carol, bob)
  const bobs = await RawSocket.arrive(bob)
  const [phone, laptop, carols] = [
    await RawSocket.arrive(alice),
    await RawSocket.arrive(alice),
    await RawSocket.arrive(carol),
  ]
  await expect.poll(() => [heardOf(bobs, alice), heardOf(bobs, carol)]).toEqual([[true], [true]])

  await say(phone, conversationId)
  for (const who of [alice, bob]) await evictDurableObject(hubOf(env, who.user.id))
  phone.close()
  carols.close()
  await expect.poll(() => carols.closed).not.toBeNull()
  expect(await presenceOf(bobs, alice.user.id, carol.user.id)).toMatchObject([{ online: true }, { online: true }])
  const back = await RawSocket.arrive(carol)
  laptop.close()

  await expect.poll(() => heardOf(bobs, alice), { timeout: 25_000 }).toEqual([true, false])
  expect(heardOf(bobs, carol)).toEqual([true])
  expect(await presenceOf(bobs, alice.user.id, carol.user.id)).toMatchObject([{ online: false }, { online: true }])
  back.close()
}, 60_000)

test('[PRES3] who shares no conversation looks as one who was never here', async () => {
  const { alice, bob } = await pair()
  const stranger = await signUp()
  const [alices] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob), await RawSocket.arrive(stranger)]

  expect(await presenceOf(alices, bob.user.id, stranger.user.id, 9_999_999, alice.user.id)).toMatchObject([
    { userId: bob.user.id, online: true, lastSeenAt: expect.any(String) },
    { userId: stranger.user.id, online: false, lastSeenAt: null },
    { userId: 9_999_999, online: false, lastSeenAt: null },
    { userId: alice.user.id, online: true },
  ])
})

test('[PRES4] an open socket proves presence for 55 seconds after each sign of life, and no longer', async () => {
  const { alice, bob } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 56_000 })

  expect(await presenceOf(bobs, alice.user.id)).toMatchObject([{ online: false }])
  await presenceOf(alices)
  expect(await presenceOf(bobs, alice.user.id)).toMatchObject([{ online: true }])
})

test('[PRES4] a socket that closes after that time shows nobody as online again', async () => {
  const { alice, bob } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 56_000 })

  alices.close()
  await expect.poll(() => alices.closed).not.toBeNull()

  expect(await presenceOf(bobs, alice.user.id)).toMatchObject([{ online: false }])
})

test('[PRES3] who was taken out of the last conversation that they shared is out of sight at once, on both sides', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob)
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await expect.poll(() => heardOf(alices, bob)).toEqual([true])

  await ask('DELETE', `/v1/conversations/${conversationId}/members/${bob.user.id}`, { token: alice.accessToken })

  await expect.poll(() => heardOf(bobs, alice).at(-1)).toBe(false)
  await expect.poll(() => heardOf(alices, bob).at(-1)).toBe(false)
  for (const [one, other] of [
    [alice, bob],
    [bob, alice],
  ] as const) {
    const socket = await RawSocket.arrive(one)
    expect((await socket.waitForType('hello'))['online']).not.toContain(other.user.id)
  }
})

test('[PRES3] who was taken out and is back in the same conversation is seen again, on both sides', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob)
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const members = `/v1/conversations/${conversationId}/members`
  await expect.poll(() => [heardOf(alices, bob).at(-1), onlineIn(bobs)]).toEqual([true, [alice.user.id]])

  await ask('DELETE', `${members}/${bob.user.id}`, { token: alice.accessToken })
  await expect.poll(() => [heardOf(alices, bob).at(-1), heardOf(bobs, alice).at(-1)]).toEqual([false, false])
  await ask('POST', members, { token: alice.accessToken, json: { userIds: [bob.user.id] } })

  await expect.poll(() => [heardOf(alices, bob).at(-1), heardOf(bobs, alice).at(-1)]).toEqual([true, true])
})

test.each([
  [
    '[PRES3]',
    'was taken out of the last conversation that they shared',
    (alice: SignedIn, bob: SignedIn, group: number) =>
      ask('DELETE', `/v1/conversations/${group}/members/${bob.user.id}`, { token: alice.accessToken }),
  ],
  [
    '[BLOC4]',
    'was blocked',
    (alice: SignedIn, bob: SignedIn) => ask('PUT', `/v1/blocks/${bob.user.id}`, { token: alice.accessToken }),
  ],
])('%s who %s is out of sight also where the hubs slept', async (_, __, part) => {
  const [alice, bob] = [await signUp(), await signUp()]
  const group = await openGroup(alice, bob)
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await expect.poll(() => heardOf(alices, bob)).toEqual([true])
  for (const who of [alice, bob]) await evictDurableObject(hubOf(env, who.user.id))

  await part(alice, bob, group)

  await expect.poll(() => heardOf(alices, bob).at(-1)).toBe(false)
  await expect.poll(() => heardOf(bobs, alice).at(-1)).toBe(false)
})

test('[PRES1] who comes after the hub slept and somebody new was met learns of all who are online', async () => {
  const { alice, bob } = await pair()
  const carol = await signUp()
  const [alices] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await expect.poll(() => heardOf(alices, bob)).toEqual([true])
  await evictDurableObject(hubOf(env, alice.user.id))
  await openDirect(carol, alice)
  await alices.waitForType('conversation.created')

  const second = await RawSocket.arrive(alice)

  await expect.poll(() => [...onlineIn(second), ...heardOf(second, bob)]).not.toEqual([])
})

test('[PRES3] who is taken out sees nobody of it any more, also those who came into it later and before its hub slept', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const group = await openGroup(carol, alice)
  const [alices] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const members = `/v1/conversations/${group}/members`
  await ask('POST', members, { token: carol.accessToken, json: { userIds: [bob.user.id] } })
  await expect.poll(() => heardOf(alices, bob)).toEqual([true])
  await evictDurableObject(hubOf(env, alice.user.id))

  await ask('DELETE', `${members}/${alice.user.id}`, { token: carol.accessToken })

  await expect.poll(() => heardOf(alices, bob).at(-1)).toBe(false)
})

test('[PRES1] [PRES3] whoever is online stays in sight where a conversation cannot be asked how it stands', async () => {
  const { alice, bob, conversationId } = await pair()
  const carol = await signUp()
  const group = await openGroup(alice, carol)
  const [bobs, phone] = [await RawSocket.arrive(bob), await RawSocket.arrive(alice)]
  await expect.poll(() => [...onlineIn(phone), ...heardOf(phone, bob)]).not.toEqual([])
  const token = alice.accessToken
  // Below the head only the conversation can count what is unread: the hub has to ask.
  for (let i = 0; i < 2; i += 1) await say(bobs, conversationId)
  await ask('PUT', `/v1/conversations/${conversationId}/read`, { token, json: { seq: 1 } })
  await phone.waitForType('read.changed')
  const release = holdEntryOf(conversationId)

  await ask('DELETE', `/v1/conversations/${group}/members/${carol.user.id}`, { token })
  const laptop = await RawSocket.arrive(alice)
  release()

  expect((laptop.frames[0] as unknown as EventOf<'hello'>).conversations).not.toContainEqual(
    expect.objectContaining({ conversation: expect.objectContaining({ id: conversationId }) }),
  )
  expect(onlineIn(laptop)).toEqual([bob.user.id])
  await laptop.waitForType('conversation.head')
  expect([...heardOf(phone, bob), ...heardOf(laptop, bob)]).not.toContain(false)
})

test('[PRES4] that somebody was silent for a while is told to who asks, and to none of their other devices', async () => {
  const { alice, bob } = await pair()
  const [phone, laptop, bobs] = [
    await RawSocket.arrive(alice),
    await RawSocket.arrive(alice),
    await RawSocket.arrive(bob),
  ]
  await expect.poll(() => heardOf(laptop, bob)).toEqual([true])
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 56_000 })

  expect(await presenceOf(phone, bob.user.id)).toMatchObject([{ online: false }])
  await presenceOf(bobs, alice.user.id)
  expect(await presenceOf(phone, bob.user.id)).toMatchObject([{ online: true }])

  await presenceOf(laptop)
  expect(heardOf(laptop, bob)).toEqual([true])
})

test('[BLOC4] who was silent for so long that it counted as gone does not go on seeing who has blocked them', async () => {
  const { alice, bob, laptop } = await afterLongSilence()
  const before = heardOf(laptop, bob).length

  await block(bob, alice)

  await expect.poll(() => heardOf(laptop, bob).slice(before)).toEqual([false])
})
