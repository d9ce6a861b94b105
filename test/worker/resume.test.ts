import { abortAllDurableObjects, evictAllDurableObjects, evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { hubOf } from '../../src/objects/stubs.ts'
import type { UserHub } from '../../src/objects/user-hub.ts'
import type { Changes, InboxEntry } from '../../src/protocol/conversation.ts'
import { encodeHave, logOf } from '../../src/protocol/socket.ts'
import type { HistoryPage, Message } from '../../src/protocol/message.ts'
import { entryFor, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

const send = (socket: RawSocket, conversationId: number, clientId: string) =>
  socket.request({ type: 'message.send', conversationId, clientId, content: text(clientId) })

const entriesOf = (hello: Record<string, unknown>) => hello['conversations'] as InboxEntry[]

/** The changes as a client applies them: what is not above the revision that it has is dropped. */
const applied = (socket: RawSocket) => {
  let rev = 0
  return socket.of('message.created').filter((frame) => {
    const isNew = Number(frame['rev']) > rev
    if (isNew) rev = Number(frame['rev'])
    return isNew
  })
}

test('[SYNC1] hello lists the conversations that are ahead of what the client said it has, and no others', async () => {
  const { alice, bob, conversationId } = await pair()
  const first = await RawSocket.connect(alice.accessToken)
  const [entry] = entriesOf(await first.waitForType('hello'))
  const held = { conversationId, rev: entry?.rev ?? 0, readSeq: 0, log: logOf(entry?.epoch ?? '') }
  const have = encodeHave([held])
  first.close()

  const same = await RawSocket.connect(alice.accessToken, have)
  expect(entriesOf(await same.waitForType('hello'))).toEqual([])
  same.close()
  const other = await RawSocket.connect(alice.accessToken, encodeHave([{ ...held, log: '0a0b0c0d' }]))
  expect(entriesOf(await other.waitForType('hello'))).toEqual([entry])
  other.close()

  const bobs = await RawSocket.connect(bob.accessToken)
  await send(bobs, conversationId, 'news')
  const later = await RawSocket.connect(alice.accessToken, have)
  const [ahead] = entriesOf(await later.waitForType('hello'))
  expect(ahead).toMatchObject({ seq: 1, unread: 1, lastMessage: { content: text('news') } })
})

test('[SYNC12] a joining that is told again much later takes nobody back', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const hub = hubOf(env, bob.user.id)
  const then = await entryFor(bob, conversationId)
  for (let i = 1; i <= 5; i += 1) await send(alices, conversationId, `m${i}`)
  await expect.poll(() => bobs.of('message.created')).toHaveLength(5)

  await evictDurableObject(hub)
  await hub.join(then)
  await send(alices, conversationId, 'm6')
  await expect.poll(() => bobs.of('message.created').length).toBeGreaterThan(5)
  await bobs.request({ type: 'read.mark', conversationId, seq: 6 })

  expect(bobs.of('message.created').map((frame) => frame['rev'])).toEqual([1, 2, 3, 4, 5, 6].map((n) => then.rev + n))
  expect(bobs.of('conversation.created')).toEqual([])
})

test('[SYNC2] a member whose hub slept through a hundred messages pulls them all, in order', async () => {
  const { alice, bob, conversationId } = await pair()
  const alices = await RawSocket.connect(alice.accessToken)
  for (let i = 1; i <= 100; i += 1) await send(alices, conversationId, `m${i}`)

  const bobs = await RawSocket.connect(bob.accessToken)
  const [entry] = entriesOf(await bobs.waitForType('hello'))
  expect(entry).toMatchObject({ seq: 100, unread: 100 })
  const seen: number[] = []
  for (let since = 0, more = true; more;) {
    const page = await bobs.request<Changes>({ type: 'changes.get', conversationId, since, limit: 30 })
    seen.push(...page.messages.map((message) => message.seq))
    ;({ rev: since, more } = page)
  }
  expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
  await send(alices, conversationId, 'awake')
  await bobs.waitFor((frame) => frame.type === 'message.created')
})

test('[SYNC3] both kinds of object may be evicted between a send and what follows: nothing is lost, doubled or out of order', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.connect(alice.accessToken), await RawSocket.connect(bob.accessToken)]
  await Promise.all([alices.waitForType('hello'), bobs.waitForType('hello')])
  for (let i = 1; i <= 5; i += 1) {
    const sent = send(alices, conversationId, `e${i}`)
    await evictAllDurableObjects()
    await sent
  }
  await expect.poll(() => applied(bobs).length).toBe(5)
  await expect.poll(() => applied(alices)).toEqual(applied(bobs))
})

test('[SYNC4] objects aborted in the middle of a burst lose no acked message, double none, and keep the order', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob, carol)
  const acked: string[] = []
  const burst = async (who: typeof alice, name: string) => {
    for (let i = 0; i < 40;) {
      try {
        const socket = await RawSocket.connect(who.accessToken)
        while (i < 40) {
          await send(socket, conversationId, `${name}${i}`)
          acked.push(`${name}${i}`)
          i += 1
        }
      } catch {
        // The socket went with its hub: come back and send the same message again.
      }
    }
  }
  let done = false
  const killer = (async () => {
    while (!done) {
      await abortAllDurableObjects()
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
  })()
  await Promise.all([burst(alice, 'a'), burst(bob, 'b')])
  done = true
  await killer

  const { body } = await ask<HistoryPage>('GET', `/v1/conversations/${conversationId}/messages?limit=100`, {
    token: carol.accessToken,
  })
  const stored = body.items.toReversed()
  expect(stored.map((message) => message.seq)).toEqual(stored.map((_, i) => i + 1))
  expect(stored.map((message) => message.clientId).toSorted()).toEqual(acked.toSorted())
  for (const name of ['a', 'b']) {
    const own = stored
      .filter((message) => message.clientId.startsWith(name))
      .map((message) => Number(message.clientId.slice(1)))
    expect(own).toEqual(own.toSorted((x, y) => x - y))
  }
})

/** A catch-up from `after` on, that shows a message as new at its next revision. */
const toldAgain = (message: Message, after: number, from = after) => {
  const { conversationId } = message
  const rev = message.rev + 1
  const frame = { type: 'message.created', conversationId, rev, message: { ...message, rev } }
  return { conversationId, revs: [rev], frames: [JSON.stringify(frame)], from, after, upTo: rev, more: false }
}

test('[SYNC12] a catch-up that reaches back behind what a socket has seen shows no message as new twice', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')

  // As a conversation tells it that came back from a crash and does not know who has heard what.
  await hubOf(env, bob.user.id).deliverCatchUp(toldAgain(message, 0))
  const next = await say(alices, conversationId, 'next')

  await bobs.waitFor((each) => (each['message'] as Message | undefined)?.id === next.id)
  expect(bobs.of('message.created').map((each) => (each['message'] as Message).id)).toEqual([message.id, next.id])
})

test('[SYNC12] nor does its next page, which begins beyond what the socket has seen, and nothing between is passed over', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')
  const hub = hubOf(env, bob.user.id)
  const next = { ...message, rev: message.rev + 3 }

  // The hub asks for itself where the first page does not fit; the second one comes before it has its answer.
  await Promise.all([
    hub.deliverCatchUp({ ...toldAgain(message, 0), upTo: message.rev + 3, more: true }),
    hub.deliverCatchUp(toldAgain(next, message.rev + 3, 0)),
  ])
  const said = [await say(alices, conversationId, 'next'), await say(alices, conversationId, 'last')]

  await bobs.waitFor((each) => (each['message'] as Message | undefined)?.id === said[1]?.id)
  expect(bobs.of('message.created').map((each) => (each['message'] as Message).id)).toEqual(
    [message, ...said].map(({ id }) => id),
  )
})

test('[SYNC12] nor does a page that begins where the socket is, of a catch-up that began behind', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')
  const hub = hubOf(env, bob.user.id)

  // The first page ends where the socket is, so it has nothing new; in the second one the message has been edited.
  const [from, upTo] = [message.rev - 1, message.rev]
  await hub.deliverCatchUp({ conversationId, revs: [], frames: [], from, after: from, upTo, more: true })
  await hub.deliverCatchUp(toldAgain(message, upTo, from))
  const next = await say(alices, conversationId, 'next')

  await bobs.waitFor((each) => (each['message'] as Message | undefined)?.id === next.id)
  expect(bobs.of('message.created').map((each) => (each['message'] as Message).id)).toEqual([message.id, next.id])
})

test('[SYNC12] the pages of a catch-up that began where the socket was are all taken', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')
  const hub = hubOf(env, bob.user.id)
  const later = { ...message, id: message.id + 1, seq: message.seq + 1, rev: message.rev + 1 }

  await hub.deliverCatchUp({ ...toldAgain(message, message.rev), frames: [], revs: [], more: true })
  await hub.deliverCatchUp(toldAgain(later, message.rev + 1, message.rev))

  await expect
    .poll(() => bobs.of('message.created').map((each) => (each['message'] as Message).id))
    .toEqual([message.id, later.id])
})

test.each([
  ['', async () => {}],
  [', also where the hub slept in between', (hub: DurableObjectStub<UserHub>) => evictDurableObject(hub)],
])('[SYNC14] a message that changed before the socket was told of it comes as new%s', async (_, between) => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const { rev, ...message } = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')
  const hub = hubOf(env, bob.user.id)
  const as = (type: string, n: number, at: number) => ({
    conversationId,
    revs: [at],
    frames: [
      JSON.stringify({
        type,
        conversationId,
        rev: at,
        message: { ...message, id: message.id + n, seq: message.seq + n, rev: at },
      }),
    ],
  })

  // The second message was made at the first revision that was missed and edited at the third: not yet in the page up to the second.
  await hub.deliverCatchUp({ ...as('message.created', 2, rev + 2), from: rev, after: rev, upTo: rev + 2, more: true })
  await between(hub)
  await hub.deliver(as('message.updated', 1, rev + 3))
  await hub.deliver(as('message.created', 3, rev + 4))
  await hub.deliverCatchUp({
    ...as('message.created', 1, rev + 3),
    from: rev,
    after: rev + 2,
    upTo: rev + 3,
    more: false,
  })

  await expect
    .poll(() => bobs.of('message.created').map((each) => (each['message'] as Message).id - message.id))
    .toEqual([0, 2, 1, 3])
  expect(bobs.of('message.updated')).toEqual([])
})

test('[SYNC12] a hub that slept with its sockets open knows how far they have heard', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')
  await alices.request({ type: 'message.edit', messageId: message.id, content: text('once, edited') })
  await bobs.waitForType('message.updated')
  const hub = hubOf(env, bob.user.id)
  await evictDurableObject(hub)

  // As a conversation tells it that died before it knew whether the edited message was heard.
  await hub.deliverCatchUp(toldAgain(message, message.rev - 1))
  const next = await say(alices, conversationId, 'next')

  await bobs.waitFor((each) => (each['message'] as Message | undefined)?.id === next.id)
  expect(bobs.of('message.created').map((each) => (each['message'] as Message).id)).toEqual([message.id, next.id])
})

test('[SYNC12] an answer that frames overtook on its way shows no message as new twice', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const one = await say(alices, conversationId, 'one')
  const two = await say(alices, conversationId, 'two')
  await alices.request({ type: 'message.edit', messageId: two.id, content: text('two, edited') })
  await bobs.waitForType('message.updated')
  const hub = hubOf(env, bob.user.id)
  const shown = (type: 'message.created' | 'message.updated') =>
    bobs.of(type).filter((frame) => (frame['message'] as Message | undefined)?.id === two.id).length

  // Another log of the same conversation takes the hub back to the first message.
  const [entry] = (await hub.inbox({ limit: 1 })).items
  if (!entry) throw new Error('no entry')
  await hub.join({ ...entry, epoch: crypto.randomUUID(), rev: one.rev })
  const frames = [JSON.stringify({ type: 'message.created', conversationId, rev: two.rev, message: two })]
  const nothing = { conversationId, revs: [], frames: [], more: false }
  // The first has the hub ask from there on; the second comes before the answer to that.
  await Promise.all([
    hub.deliverCatchUp({ ...nothing, from: one.rev - 1, after: one.rev - 1, upTo: two.rev + 1 }),
    hub.deliver({ conversationId, revs: [two.rev], frames }),
  ])

  await expect.poll(() => shown('message.updated')).toBe(2)
  expect(shown('message.created')).toBe(2)
})

test('[SYNC13] a hub that slept shows what others said before its own user spoke, whichever comes first', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob, carol)
  const [alices, bobs, second] = [
    await RawSocket.arrive(alice),
    await RawSocket.arrive(bob),
    await RawSocket.arrive(bob),
  ]
  const carols = await RawSocket.arrive(carol)
  await say(carols, conversationId, 'first')
  await second.waitForType('message.created')
  for (let round = 0; round < 10; round += 1) {
    await evictDurableObject(hubOf(env, bob.user.id))
    // The conversation holds back what follows closely upon another delivery, and no reply.
    await Promise.all([
      ...[1, 2, 3].map((i) => send(alices, conversationId, `a${round}-${i}`)),
      send(carols, conversationId, `c${round}`),
      send(bobs, conversationId, `b${round}`),
    ])
  }

  const all = Array.from({ length: 51 }, (_, i) => i + 1)
  for (const socket of [bobs, second]) {
    await expect.poll(() => socket.of('message.created').map((frame) => (frame['message'] as Message).seq)).toEqual(all)
  }
})
