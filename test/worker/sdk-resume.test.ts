import { abortAllDurableObjects } from 'cloudflare:test'
import { exports } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { LiveConversation } from '../../src/sdk/index.ts'
import { snapshot } from '../../src/sdk/replica.ts'
import { anotherDevice, newClient, newPerson, online, type TestClient } from '../support/client.ts'
import { PASSWORD } from '../support/rest.ts'

const textsOf = ({ messages }: LiveConversation) =>
  messages.map(({ content }) => (content?.kind === 'text' ? content.text : null))

type Person = TestClient & { id: number; username: string }

/** A group of three, open at all ends. */
const group = async () => {
  const people = [await newPerson(), await newPerson(), await newPerson()]
  const [first, ...others] = people
  const memberIds = others.map(({ id }) => id)
  const entry = await first?.client.conversations.createGroup({ title: 'Picnic', memberIds })
  const id = entry?.conversation.id ?? 0
  const lives = people.map(({ client }) => client.conversation(id))
  await Promise.all(lives.map((live) => live.open()))
  const [alice, bob, carol] = people as [Person, Person, Person]
  const [alices, bobs, carols] = lives as [LiveConversation, LiveConversation, LiveConversation]
  return { id, alice, bob, carol, alices, bobs, carols }
}

/** The copy as it is, against one that was read just now. */
const expectFresh = async (live: LiveConversation, username: string) => {
  const { client } = newClient()
  await client.login({ login: username, password: PASSWORD })
  const fresh = client.conversation(live.id)
  await fresh.open()
  while ((fresh.messages[0]?.seq ?? 0) > (live.messages[0]?.seq ?? 0) && fresh.hasOlder) await fresh.loadOlder()
  const from = live.replica?.from
  await expect
    .poll(() => live.replica && snapshot(live.replica, from))
    .toEqual(fresh.replica && snapshot(fresh.replica, from))
  await client.logout()
}

test('[SDK13] through the death of every object nothing is lost, doubled or out of order', async () => {
  const { alice, bob, alices, bobs, carols, id } = await group()
  let reconnects = 0
  bob.client.on('hello', () => (reconnects += 1))

  const sent = []
  for (let round = 0; round < 8; round += 1) {
    for (let i = round * 5; i < round * 5 + 5; i += 1) sent.push(alices.send(`a${i}`), bobs.send(`b${i}`))
    // Some of it is on its way, some waits.
    await sent.at(-8)
    await abortAllDurableObjects()
  }
  const acked = await Promise.all(sent)

  expect(reconnects).toBeGreaterThan(0)
  expect(new Set(acked.map(({ seq }) => seq)).size).toBe(80)
  await expect.poll(() => carols.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 80 }, (_, i) => i + 1))
  for (const name of ['a', 'b']) {
    const own = textsOf(carols).filter((text) => text?.startsWith(name))
    expect(own).toEqual(Array.from({ length: 40 }, (_, i) => `${name}${i}`))
  }
  for (const live of [alices, bobs]) await expect.poll(() => textsOf(live)).toEqual(textsOf(carols))
  expect([...alices.pending, ...bobs.pending]).toEqual([])
  await expect.poll(() => alice.client.inbox.get(id)?.seq).toBe(80)
  await expectFresh(carols, alice.username)
})

test('[SDK14] what is written offline goes out with the next connection, in order', async () => {
  const { alice, alices, bobs } = await group()
  alice.client.disconnect()

  const sent = ['one', 'two', 'three'].map((text) => alices.send(text))
  expect(alices.pending.map(({ state }) => state)).toEqual(['queued', 'queued', 'queued'])
  await bobs.send('meanwhile')
  alice.client.connect()
  await Promise.all(sent)

  await expect.poll(() => textsOf(alices)).toEqual(['meanwhile', 'one', 'two', 'three'])
  await expect.poll(() => textsOf(bobs)).toEqual(textsOf(alices))
})

test('[SDK14] what was written and not acknowledged survives a reload of the page', async () => {
  const { alice, alices, bobs, id } = await group()
  alice.client.disconnect()
  void alices.send('before the reload')
  await expect.poll(() => String(alice.storage.get(`outbox.${alice.id}`))).toContain('before the reload')

  const { client: reloaded } = newClient({ storage: alice.storage })
  await reloaded.restore()
  expect(reloaded.conversation(id).pending).toMatchObject([{ content: { text: 'before the reload' }, state: 'queued' }])
  await online(reloaded)

  await expect.poll(() => textsOf(bobs)).toEqual(['before the reload'])
  await expect.poll(() => reloaded.conversation(id).pending).toEqual([])
})

test('[SDK15] after an absence the copy is mended: what came, and what changed of what was there', async () => {
  const { alice, bob, bobs, alices, carols } = await group()
  const early = []
  for (let i = 0; i < 10; i += 1) early.push(await alices.send(`early ${i}`))
  await expect.poll(() => bobs.messages).toHaveLength(10)
  bob.client.disconnect()

  for (let i = 0; i < 130; i += 1) await alices.send(`late ${i}`)
  await alices.edit(early[1]?.id ?? 0, 'edited')
  await alices.delete(early[2]?.id ?? 0)
  await carols.react(early[3]?.id ?? 0, '❤️')
  await expect.poll(() => carols.messages).toHaveLength(140)
  carols.markRead()
  await expect.poll(() => alices.members.map(({ readSeq }) => readSeq)).toContain(140)
  await alice.client.conversations.rename(alices.id, 'Rain')
  bob.client.connect()

  await expect.poll(() => bobs.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 140 }, (_, i) => i + 1))
  expect(textsOf(bobs).slice(0, 4)).toEqual(['early 0', 'edited', null, 'early 3'])
  expect(bobs.messages[3]?.reactions).toMatchObject([{ emoji: '❤️' }])
  expect(bob.client.inbox.get(bobs.id)).toMatchObject({ conversation: { title: 'Rain' }, unread: 139 })
  await expectFresh(bobs, alice.username)
})

test('[SDK16] after a very long absence the newest page is read anew, and older ones can still be loaded', async () => {
  const { alice, bob, bobs, alices, carols } = await group()
  for (let i = 0; i < 5; i += 1) await alices.send(`early ${i}`)
  await expect.poll(() => bobs.messages).toHaveLength(5)
  bob.client.disconnect()

  const late = [alices, carols].map(async (live) => {
    for (let i = 0; i < 260; i += 1) await live.send(`late ${i}`)
  })
  await Promise.all(late)
  bob.client.connect()

  await expect.poll(() => bobs.messages.at(-1)?.seq).toBe(525)
  expect(bobs.messages).toHaveLength(50)
  expect(bobs.hasOlder).toBe(true)
  expect(await bobs.loadOlder()).toBe(true)
  expect(bobs.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 100 }, (_, i) => 426 + i))
  await expectFresh(bobs, alice.username)
})

test('[SDK17] older pages join the window without a hole, up to the first message', async () => {
  const { alices, bobs, bob } = await group()
  for (let i = 1; i <= 110; i += 1) await alices.send(`m${i}`)
  const phone = await anotherDevice(bob.username)
  const live = phone.client.conversation(bobs.id)
  await live.open()
  expect(live.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 50 }, (_, i) => 61 + i))

  const [more, same] = await Promise.all([live.loadOlder(), live.loadOlder(), alices.send('meanwhile')])
  expect([more, same]).toEqual([true, true])
  await expect.poll(() => live.messages.length).toBe(101)
  expect(await live.loadOlder()).toBe(false)

  expect(live.messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 111 }, (_, i) => i + 1))
  expect(live.hasOlder).toBe(false)
  expect(await live.loadOlder()).toBe(false)
})

test('[SDK18] a conversation that one was taken out of while away is gone on return', async () => {
  const { alice, bob, bobs, id } = await group()
  bob.client.disconnect()

  await alice.client.conversations.removeMember(id, bob.id)
  bob.client.connect()

  await expect.poll(() => bobs.state).toBe('gone')
  expect(bob.client.inbox.entries).toEqual([])
  await alice.client.conversations.addMembers(id, [bob.id])
  await expect.poll(() => bob.client.inbox.entries).toHaveLength(1)
  await bobs.open()
  expect(bobs.state).toBe('open')
})

test('[SDK19] a copy that could not be opened without a network opens by itself with the next connection', async () => {
  const { alice, alices } = await group()
  await alices.send('hello')
  const network = { up: false }
  const { client } = newClient({
    storage: alice.storage,
    fetch: async (request) => {
      if (!network.up) throw new TypeError('no network')
      return exports.default.fetch(request)
    },
  })
  await client.restore()
  const live = client.conversation(alices.id)

  await expect(live.open()).rejects.toMatchObject({ name: 'CauserieNetworkError' })
  client.connect()
  await expect.poll(() => client.status.state).toBe('waiting')
  network.up = true
  client.wake()

  await expect.poll(() => live.state).toBe('open')
  expect(textsOf(live)).toEqual(['hello'])
})
