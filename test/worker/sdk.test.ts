import { afterEach, expect, test, vi } from 'vitest'
import { conversationOfMessage } from '../../src/protocol/ids.ts'
import { CauserieError, type ClientOptions, type LiveConversation } from '../../src/sdk/index.ts'
import { anotherDevice, newClient, newPerson, online, type TestClient } from '../support/client.ts'
import { newName, PASSWORD } from '../support/rest.ts'

const textsOf = ({ messages }: LiveConversation) =>
  messages.map(({ content }) => (content?.kind === 'text' ? content.text : null))

afterEach(() => {
  vi.useRealTimers()
})

/** A direct conversation, open at both ends. */
const chat = async (options: Partial<ClientOptions> = {}) => {
  const [alice, bob] = [await newPerson(options), await newPerson(options)]
  const { conversation } = await alice.client.conversations.openDirect(bob.id)
  const ends = [alice, bob].map(({ client }) => client.conversation(conversation.id))
  await Promise.all(ends.map((end) => end.open()))
  const [alices, bobs] = ends as [LiveConversation, LiveConversation]
  return { alice, bob, alices, bobs, id: conversation.id }
}

const newestOf = ({ client }: TestClient) => client.inbox.entries?.[0]

test('[SDK1] two people chat: both see the same messages in the same order, and nothing stays pending', async () => {
  const { alices, bobs } = await chat()

  const sent = [alices.send('bonjour'), alices.send('ça va ?'), bobs.send('oui'), alices.send('et toi ?')]
  expect(alices.pending.map(({ state }) => state)).toEqual(['sending', 'queued', 'queued'])
  const acked = await Promise.all(sent)

  expect(new Set(acked.map(({ seq }) => seq))).toEqual(new Set([1, 2, 3, 4]))
  expect(acked.map(({ id }) => conversationOfMessage(id))).toEqual(Array(4).fill(alices.id))
  await expect.poll(() => bobs.messages).toHaveLength(4)
  await expect.poll(() => alices.messages).toEqual(bobs.messages)
  expect(textsOf(alices).filter((text) => text !== 'oui')).toEqual(['bonjour', 'ça va ?', 'et toi ?'])
  expect([...alices.pending, ...bobs.pending]).toEqual([])
})

test('[SDK1] a message on its way turns into the one in the log, and never shows twice', async () => {
  const { alice, alices } = await chat()
  const seen: string[][] = []
  alice.client.on('conversation', (live) => {
    seen.push([...live.pending, ...live.messages].map(({ clientId }) => clientId))
  })

  const { clientId } = await alices.send('once')
  await expect.poll(() => seen.length).toBeGreaterThan(1)

  for (const shown of seen) expect(shown).toEqual([clientId])
})

test('[SDK2] the inbox of the other end counts what is unread, and reading it empties the count on all devices', async () => {
  const { alice, bob, alices, bobs } = await chat()
  const phone = await anotherDevice(bob.username)

  await alices.send('one')
  await alices.send('two')
  await expect.poll(() => newestOf(bob)).toMatchObject({ unread: 2, lastMessage: { content: { text: 'two' } } })
  await expect.poll(() => phone.client.inbox.unread).toBe(2)
  bobs.markRead(1)
  bobs.markRead(2)
  bobs.markRead(1)

  await expect.poll(() => [bob.client.inbox.unread, phone.client.inbox.unread]).toEqual([0, 0])
  expect(bobs.readSeq).toBe(2)
  expect(alice.client.inbox.unread).toBe(0)
  await expect.poll(() => alices.members.find(({ userId }) => userId === bob.id)?.readSeq).toBe(2)
})

test('[SDK3] edits, deletions, reactions and pins reach the copy of the other end', async () => {
  const { alice, alices, bobs } = await chat()
  const [first, second] = [await alices.send('frist'), await alices.send('oops')]

  await alices.edit(first.id, 'first')
  await alices.delete(second.id)
  await bobs.react(first.id, '👍')
  await bobs.pin(first.id)

  await expect.poll(() => textsOf(bobs)).toEqual(['first', null])
  await expect
    .poll(() => alices.messages[0])
    .toMatchObject({
      reactions: [{ emoji: '👍', userIds: [expect.any(Number)] }],
      pinnedAt: expect.any(String),
    })
  await bobs.unreact(first.id, '👍')
  await bobs.unpin(first.id)
  await expect.poll(() => alices.messages[0]).toMatchObject({ reactions: [], pinnedAt: null })
  await expect(bobs.edit(first.id, 'mine')).rejects.toMatchObject({ code: 'message.not_owner' })
  expect(newestOf(alice)?.conversation.id).toBe(alices.id)
})

test('[SDK4] typing shows at the other end until the message comes, or until it stops', async () => {
  const { alice, bob, alices, bobs } = await chat()
  const told: unknown[] = []
  bob.client.on('typing', ({ userIds }) => told.push(userIds))

  alices.startTyping()
  alices.startTyping()
  await expect.poll(() => bobs.typing).toEqual([alice.id])
  await alices.send('done')
  await expect.poll(() => bobs.typing).toEqual([])
  alices.startTyping()
  await expect.poll(() => bobs.typing).toEqual([alice.id])
  alices.stopTyping()
  await expect.poll(() => bobs.typing).toEqual([])

  expect(told).toEqual([[alice.id], [], [alice.id], []])
  expect(alices.typing).toEqual([])
})

test('[SDK5] who comes is seen by those who share a conversation, and a connection begins with who is there', async () => {
  const { alice, bob } = await chat()
  const [{ client }, carol] = [newClient(), newName()]
  const { id: carolId } = await client.register({ username: carol, email: `${carol}@example.org`, password: PASSWORD })
  await alice.client.conversations.openDirect(carolId)
  expect(await alice.client.presence.fetch([bob.id, carolId])).toMatchObject([
    { userId: bob.id, online: true },
    { userId: carolId, online: false },
  ])

  await online(client)

  await expect.poll(() => alice.client.presence.isOnline(carolId)).toBe(true)
  await expect.poll(() => client.presence.isOnline(alice.id)).toBe(true)
  expect(client.presence.isOnline(bob.id)).toBe(false)
})

test('[SDK5] who was silent for a while is seen again as soon as they type or write', async () => {
  const { alice, bob, bobs } = await chat({ now: () => Date.now() })
  const isSeen = () => alice.client.presence.isOnline(bob.id)

  for (const doSomething of [async () => bobs.startTyping(), () => bobs.send('here')]) {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 56_000 })
    await alice.client.presence.fetch([bob.id])
    expect(isSeen()).toBe(false)
    await doSomething()
    await expect.poll(isSeen).toBe(true)
  }
})

test('[BLOC4] whom one has blocked looks offline also while they write in a group', async () => {
  const [alice, bob] = [await newPerson(), await newPerson()]
  const { conversation } = await alice.client.conversations.createGroup({ title: 'Picnic', memberIds: [bob.id] })
  await alice.client.friends.block(bob.id)
  await expect.poll(() => alice.client.presence.get(bob.id)?.online).toBe(false)
  const told: boolean[] = []
  alice.client.on('presence', ({ userId, online }) => told.push(userId === bob.id && online))
  const heard: number[] = []
  alice.client.on('message.created', ({ message }) => heard.push(message.senderId))

  await bob.client.conversation(conversation.id).send('hello')

  await expect.poll(() => heard).toEqual([bob.id])
  // Answered after whatever the client asked by itself.
  await alice.client.presence.fetch([bob.id])
  expect(told).not.toContain(true)
})

test('[SDK6] in a group people come, get roles, and go; whoever is out keeps no copy', async () => {
  const [alice, bob, carol] = [await newPerson(), await newPerson(), await newPerson()]
  const { conversation } = await alice.client.conversations.createGroup({ title: 'Picnic', memberIds: [bob.id] })
  const [alices, bobs] = [alice.client.conversation(conversation.id), bob.client.conversation(conversation.id)]
  await Promise.all([alices.open(), bobs.open()])

  await alice.client.conversations.addMembers(conversation.id, [carol.id])
  await alice.client.conversations.setRole(conversation.id, { userId: bob.id, role: 'admin' })
  await alice.client.conversations.rename(conversation.id, 'Big picnic')
  await expect
    .poll(() => bobs.members.map(({ userId, role }) => [userId, role]))
    .toEqual([
      [alice.id, 'owner'],
      [bob.id, 'admin'],
      [carol.id, 'member'],
    ])
  await expect.poll(() => newestOf(carol)?.conversation.title).toBe('Big picnic')
  const carols = carol.client.conversation(conversation.id)
  await carols.open()
  await bob.client.conversations.removeMember(conversation.id, carol.id)

  await expect.poll(() => carols.state).toBe('gone')
  expect(carol.client.inbox.entries).toEqual([])
  await expect(carols.open()).rejects.toMatchObject({ code: 'conversation.not_found' })
  await expect.poll(() => bobs.members).toHaveLength(2)
  await bob.client.conversations.leave(conversation.id)
  expect(bobs.state).toBe('gone')
  await expect.poll(() => alices.members.map(({ userId }) => userId)).toEqual([alice.id])
})

test('[SDK7] people are found by name, and asked for once', async () => {
  const [alice, bob] = [await newPerson(), await newPerson()]

  const found = await alice.client.users.search(bob.username)
  expect(found.items.map(({ id }) => id)).toContain(bob.id)
  const [one, many] = await Promise.all([alice.client.users.get(bob.id), alice.client.users.getMany([bob.id, 2 ** 31])])

  expect(many).toEqual([one])
  expect(alice.client.users.peek(bob.id)).toEqual(one)
  await expect(alice.client.users.get(2 ** 31)).rejects.toBeInstanceOf(CauserieError)
})

test('[SDK8] a refused message stays as failed, can be sent again or discarded, and holds up no other', async () => {
  const { alices } = await chat()

  const refused = alices.send('x'.repeat(8_001))
  const fine = alices.send('fine')

  await expect(refused).rejects.toMatchObject({ code: 'frame.invalid' })
  await expect(fine).resolves.toMatchObject({ seq: 1 })
  expect(alices.pending).toMatchObject([{ state: 'failed', error: 'frame.invalid' }])
  const clientId = alices.pending[0]?.clientId ?? ''
  alices.retry(clientId)
  await expect.poll(() => alices.pending).toMatchObject([{ clientId, state: 'failed' }])
  alices.discard(clientId)
  expect(alices.pending).toEqual([])
})
