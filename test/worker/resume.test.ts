import { abortAllDurableObjects, evictAllDurableObjects, evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { Changes, InboxEntry } from '../../src/protocol/conversation.ts'
import { encodeHave, logOf } from '../../src/protocol/socket.ts'
import type { HistoryPage, Message } from '../../src/protocol/message.ts'
import { loseAnswerOf } from '../support/hold.ts'
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

test('[SYNC12] a joining that is told twice brings what was said in between', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const hub = hubOf(env, bob.user.id)
  const then = await entryFor(bob, conversationId)
  const { id, rev } = await say(alices, conversationId, 'between')
  await bobs.waitForType('message.created')

  // The answer to the first call was lost, so that its conversation told nothing before it called again.
  await hub.leave(conversationId, null)
  await hub.join(then)
  await hub.join({ ...then, rev })

  await expect.poll(() => bobs.of('message.created').map((frame) => (frame['message'] as Message).id)).toEqual([id, id])
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
      const before = acked.length
      await abortAllDurableObjects()
      await new Promise((resolve) => setTimeout(resolve, 150))
      // Where that is too short for anything to get through, they would never come to an end.
      while (!done && acked.length === before) await new Promise((resolve) => setTimeout(resolve, 10))
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

/** As a conversation tells it again that came back from a crash and does not know who has heard what: made, and edited since. */
const toldAgain = async (to: SignedIn, { conversationId, rev, ...message }: Message, after: number) => {
  const { epoch } = await entryFor(to, conversationId)
  const frame = (type: string, at: number) =>
    JSON.stringify({ type, conversationId, rev: at, message: { ...message, conversationId, rev: rev + 1 } })
  const frames = [frame('message.created', rev), frame('message.updated', rev + 1)]
  return { conversationId, epoch, revs: [rev, rev + 1], frames, after, upTo: rev + 1, more: false }
}

const shownTo = (socket: RawSocket, type: 'message.created' | 'message.updated'): number[] =>
  socket.of(type).map((frame) => (frame['message'] as Message).id)

test('[SYNC12] a catch-up that reaches back behind what a socket has seen shows no message as new twice', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')

  await hubOf(env, bob.user.id).deliverCatchUp(await toldAgain(bob, message, 0))

  await bobs.waitForType('message.updated')
  expect(shownTo(bobs, 'message.created')).toEqual([message.id])
})

test('[SYNC12] a page that begins beyond what a socket has seen is not taken, and nothing between is passed over', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')
  const hub = hubOf(env, bob.user.id)

  // The page before it went to a hub that died with it.
  await hub.deliverCatchUp(await toldAgain(bob, { ...message, rev: message.rev + 3 }, message.rev + 2))
  const said = [await say(alices, conversationId, 'next'), await say(alices, conversationId, 'last')]

  await bobs.waitFor((each) => (each['message'] as Message | undefined)?.id === said[1]?.id)
  expect(shownTo(bobs, 'message.created')).toEqual([message, ...said].map(({ id }) => id))
})

test('[SYNC12] a hub that slept with its sockets open knows how far they have heard', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = await say(alices, conversationId, 'once')
  await bobs.waitForType('message.created')
  await alices.request({ type: 'message.edit', messageId: message.id, content: text('once, edited') })
  await bobs.waitForType('message.updated')
  const hub = hubOf(env, bob.user.id)
  const again = await toldAgain(bob, message, message.rev - 1)
  await evictDurableObject(hub)

  await hub.deliverCatchUp(again)
  const next = await say(alices, conversationId, 'next')

  await bobs.waitFor((each) => (each['message'] as Message | undefined)?.id === next.id)
  expect(shownTo(bobs, 'message.created')).toEqual([message.id, next.id])
  expect(shownTo(bobs, 'message.updated')).toEqual([message.id])
})

test('[SYNC12] an answer that frames overtook on its way shows no message as new twice', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const one = await say(alices, conversationId, 'one')
  const two = await say(alices, conversationId, 'two')
  await alices.request({ type: 'message.edit', messageId: two.id, content: text('two, edited') })
  await bobs.waitForType('message.updated')
  const hub = hubOf(env, bob.user.id)

  // To have been out takes the hub back to the first message.
  const [entry] = (await hub.inbox({ limit: 1 })).items
  if (!entry) throw new Error('no entry')
  await hub.leave(conversationId, null)
  await hub.join({ ...entry, rev: one.rev })
  const frames = [JSON.stringify({ type: 'message.created', conversationId, rev: two.rev, message: two })]
  const { epoch } = entry
  const nothing = { conversationId, epoch, revs: [], frames: [], more: false }
  // The first has the hub ask from where it is; the second comes before the answer to that.
  await Promise.all([
    hub.deliverCatchUp({ ...nothing, after: two.rev + 8, upTo: two.rev + 9 }),
    hub.deliver({ conversationId, epoch, revs: [two.rev], frames }),
  ])

  await expect.poll(() => shownTo(bobs, 'message.updated')).toEqual([two.id, two.id])
  expect(shownTo(bobs, 'message.created')).toEqual([one.id, two.id, two.id])
})

test('[SYNC14] a catch-up tells of each message as new where it was made, and as changed where it changed last', async () => {
  const { alice, bob, conversationId } = await pair()
  const alices = await RawSocket.arrive(alice)
  const [one, two, three] = [
    await say(alices, conversationId, 'one'),
    await say(alices, conversationId, 'two'),
    await say(alices, conversationId, 'three'),
  ]
  await alices.request({ type: 'message.edit', messageId: one.id, content: text('one, edited') })
  await alices.request({ type: 'message.delete', messageId: two.id })
  await alices.request({ type: 'message.edit', messageId: one.id, content: text('one, edited twice') })
  const told = async (after: number) => {
    const page = await conversationOf(env, conversationId).catchUpFor({ userId: bob.user.id, after })
    expect(page).toMatchObject({ after, upTo: three.rev + 3, more: false })
    const events = (page?.frames ?? []).map(
      (frame) => JSON.parse(frame) as { type: string; rev: number; message: Message },
    )
    expect(page?.revs).toEqual(events.map(({ rev }) => rev))
    return events.map(({ type, rev, message }) => [type, message.id, rev])
  }
  const deleted = ['message.deleted', two.id, three.rev + 2]
  const changed = ['message.updated', one.id, three.rev + 3]

  expect(await told(one.rev - 1)).toEqual([
    ['message.created', one.id, one.rev],
    ['message.created', three.id, three.rev],
    deleted,
    changed,
  ])
  expect(await told(one.rev)).toEqual([['message.created', three.id, three.rev], deleted, changed])
  expect(await told(three.rev + 2)).toEqual([changed])
})

test('[SYNC13] what was said without an answer is told, also by a hub that slept and whose sockets keep no note', async () => {
  const { alice, conversationId } = await pair()
  const [phone, laptop] = [await RawSocket.arrive(alice), await RawSocket.arrive(alice)]
  const hub = hubOf(env, alice.user.id)
  // As where all that they have a note of are others.
  await runInDurableObject(hub, (_, state) => {
    for (const ws of state.getWebSockets()) {
      ws.serializeAttachment({ ...(ws.deserializeAttachment() as object), heard: new Map<number, number>() })
    }
  })
  await evictDurableObject(hub)
  loseAnswerOf(conversationId)

  const { rev } = await say(phone, conversationId, 'hello?')

  for (const socket of [phone, laptop]) {
    const created = await socket.waitForType('message.created')
    expect(created).toMatchObject({ rev, message: { content: text('hello?') } })
  }
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
