import { evictAllDurableObjects, evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { conversationOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { Changes } from '../../src/protocol/conversation.ts'
import type { MessageReply } from '../../src/protocol/events.ts'
import { conversationOfMessage, MAX_SEQ, messageIdOf, seqOfMessage } from '../../src/protocol/ids.ts'
import { type HistoryPage, Message } from '../../src/protocol/message.ts'
import { entryFor, openDirect, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

const send = (socket: RawSocket, conversationId: number, message: object) =>
  socket.request<MessageReply>({ type: 'message.send', conversationId, ...message })
const post = (who: SignedIn, conversationId: number, json: object) =>
  ask<Message & { code: string }>('POST', `/v1/conversations/${conversationId}/messages`, {
    token: who.accessToken,
    json,
  })
const history = async (who: SignedIn, conversationId: number, query = '') =>
  (await ask<HistoryPage>('GET', `/v1/conversations/${conversationId}/messages${query}`, { token: who.accessToken }))
    .body
const see = async (who: SignedIn, id: number) =>
  (await ask<Message>('GET', `/v1/messages/${id}`, { token: who.accessToken })).body

test('[MSG1] a message reaches every device of every member, the other devices of its sender too', async () => {
  const { alice, bob, conversationId } = await pair()
  const [phone, laptop, bobs] = [
    await RawSocket.arrive(alice),
    await RawSocket.arrive(alice),
    await RawSocket.arrive(bob),
  ]

  const sent = await send(phone, conversationId, { clientId: 'a1', content: text('bonjour') })

  for (const socket of [phone, laptop, bobs]) {
    expect(await socket.waitForType('message.created')).toEqual({
      type: 'message.created',
      conversationId,
      rev: sent.message.rev,
      message: sent.message,
    })
  }
  expect(sent).toMatchObject({
    repeated: false,
    message: { seq: 1, senderId: alice.user.id, content: text('bonjour') },
  })
})

test('[MSG2] messages are numbered without holes, and an id names its conversation', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]

  const sent = await Promise.all(Array.from({ length: 40 }, (_, i) => say(i % 2 ? alices : bobs, conversationId)))

  const bySeq = sent.toSorted((a, b) => a.seq - b.seq)
  expect(bySeq.map(({ seq }) => seq)).toEqual(bySeq.map((_, i) => i + 1))
  for (const { id, seq } of bySeq) {
    expect(id).toBe(messageIdOf(conversationId, seq))
    expect([conversationOfMessage(id), seqOfMessage(id)]).toEqual([conversationId, seq])
  }
  expect(bySeq.map(({ rev }) => rev)).toEqual(bySeq.map(({ rev }) => rev).toSorted((a, b) => a - b))
})

test('[MSG2] behind the last number that a message can have none is sent, and what was sent is still known', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, conversation] = [await RawSocket.arrive(alice), conversationOf(env, conversationId)]
  const { rev } = await entryFor(alice, conversationId)
  await runInDurableObject(conversation, (_, { storage: { sql } }) => {
    const row = `INSERT INTO messages (seq, rev, sender_id, client_id, created_at, body) VALUES (?, ?, ?, 'before', 0, ?)`
    sql.exec(row, MAX_SEQ - 1, rev + 1, bob.user.id, JSON.stringify({ content: text('before') }))
  })
  await evictDurableObject(conversation)

  const last = await say(alices, conversationId)

  expect([last.seq, seqOfMessage(last.id), conversationOfMessage(last.id)]).toEqual([MAX_SEQ, MAX_SEQ, conversationId])
  const order = { type: 'message.send', conversationId, clientId: 'one-more', content: text('one more') }
  expect(await alices.refusal(order)).toBe('conversation.full')
  const json = { clientId: 'one-more', content: text('one more') }
  expect(await post(bob, conversationId, json)).toMatchObject({ status: 403, body: { code: 'conversation.full' } })
  const repeat = { clientId: last.clientId, content: last.content }
  expect(await post(alice, conversationId, repeat)).toMatchObject({ status: 200, body: { seq: MAX_SEQ } })
})

test('[MSG3] frames sent at once are stored, answered and told in the order sent', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const names = Array.from({ length: 10 }, (_, i) => `burst${i}`)

  await Promise.all(names.map((name) => send(alices, conversationId, { clientId: name, content: text(name) })))

  const { items } = await history(bob, conversationId)
  expect(items.map(({ clientId }) => clientId).toReversed()).toEqual(names)
  await expect.poll(() => bobs.of('message.created')).toHaveLength(10)
  const told = (socket: RawSocket) => socket.of('message.created').map(({ message }) => (message as Message).clientId)
  expect(told(bobs)).toEqual(names)
  expect(told(alices)).toEqual(names)
  expect(alices.of('reply').map(({ result }) => (result as MessageReply).message.clientId)).toEqual(names)
})

test('[MSG3] frames that came before hello was sent are answered after it, in order', async () => {
  const { alice, conversationId } = await pair()
  const alices = await RawSocket.connect(alice.accessToken)

  await Promise.all(
    ['one', 'two', 'three'].map((name) => send(alices, conversationId, { clientId: name, content: text(name) })),
  )

  expect(alices.frames[0]?.type).toBe('hello')
  const { items } = await history(alice, conversationId)
  expect(items.map(({ clientId }) => clientId)).toEqual(['three', 'two', 'one'])
})

test('[MSG4] a clientId sent again returns the first message, after an edit, a deletion or an eviction too', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const message = { clientId: 'again', content: text('bonjour'), mentions: [bob.user.id] }
  const { message: first } = await send(alices, conversationId, message)
  const repeat = async () => {
    const bySocket = await send(alices, conversationId, message)
    const byRest = await post(alice, conversationId, message)
    expect(bySocket.repeated).toBe(true)
    expect(byRest).toMatchObject({ status: 200, body: bySocket.message })
    return bySocket.message
  }

  expect(await repeat()).toEqual(first)
  await evictAllDurableObjects()
  expect(await repeat()).toEqual(first)
  const edited = await alices.request<MessageReply>({
    type: 'message.edit',
    messageId: first.id,
    content: text('bonsoir'),
  })
  expect(await repeat()).toEqual(edited.message)
  const deleted = await alices.request<MessageReply>({ type: 'message.delete', messageId: first.id })
  expect(await repeat()).toEqual(deleted.message)
  expect((await history(bob, conversationId)).items).toEqual([deleted.message])
  await bobs.waitForType('message.deleted')
  expect(bobs.of('message.created')).toHaveLength(1)
})

test('[MSG4] a call that is repeated because no answer came is answered also when its user was removed meanwhile', async () => {
  const [owner, member] = [await signUp(), await signUp()]
  const conversationId = await openGroup(owner, member)
  const send = (clientId: string) =>
    conversationOf(env, conversationId).submit({
      userId: member.user.id,
      orders: [{ type: 'message.send', conversationId, clientId, content: text('was it stored?') }],
    })
  await send('once')
  const path = `/v1/conversations/${conversationId}/members/${member.user.id}`
  await ask('DELETE', path, { token: owner.accessToken })

  const [repeat] = (await send('once')).answers
  const [another] = (await send('another')).answers

  expect(repeat?.ok && JSON.parse(repeat.json)).toMatchObject({ repeated: true, message: { seq: 1 } })
  expect(another).toMatchObject({ ok: false, code: 'conversation.not_found' })
})

test('[MSG4] twenty at once with one clientId make one message, over all devices and REST', async () => {
  const { alice, conversationId } = await pair()
  const [phone, laptop] = [await RawSocket.arrive(alice), await RawSocket.arrive(alice)]
  const message = { clientId: 'once', content: text('bonjour') }

  const sent = await Promise.all(
    Array.from({ length: 20 }, async (_, i) => {
      if (i % 3 === 2) return (await post(alice, conversationId, message)).body.id
      return (await send(i % 3 ? phone : laptop, conversationId, message)).message.id
    }),
  )

  expect(new Set(sent).size).toBe(1)
  expect((await history(alice, conversationId)).items).toHaveLength(1)
})

test('[MSG4] the clientIds of two senders, and those of one in two conversations, do not meet', async () => {
  const { alice, bob, conversationId } = await pair()
  const other = await openGroup(alice)
  const message = { clientId: 'same', content: text('bonjour') }

  const sent = [
    await post(alice, conversationId, message),
    await post(bob, conversationId, message),
    await post(alice, other, message),
  ]

  expect(sent.map(({ status }) => status)).toEqual([201, 201, 201])
  expect(new Set(sent.map(({ body }) => body.id)).size).toBe(3)
})

test('[MSG5] a clientId with another content is refused; the order of fields is no difference', async () => {
  const { alice, conversationId } = await pair()
  const alices = await RawSocket.arrive(alice)
  const content = { kind: 'sealed', nonce: 'AAAA', ciphertext: 'BBBB', authTag: 'CCCC', associatedData: '' }
  const first = await send(alices, conversationId, { clientId: 'mine', content })

  const reordered = { associatedData: '', authTag: 'CCCC', ciphertext: 'BBBB', nonce: 'AAAA', kind: 'sealed' }
  const again = await send(alices, conversationId, {
    content: reordered,
    clientId: 'mine',
    attachments: [],
    mentions: [],
  })
  const order = { type: 'message.send', conversationId, clientId: 'mine', content: text('other') }
  const byRest = await post(alice, conversationId, { clientId: 'mine', content, mentions: [alice.user.id] })

  expect(again).toEqual({ message: first.message, repeated: true })
  expect(await alices.refusal(order)).toBe('message.client_id_reused')
  expect(byRest).toMatchObject({ status: 409, body: { code: 'message.client_id_reused' } })
  expect((await history(alice, conversationId)).items).toEqual([first.message])
})

test('[MSG6] only its author edits a message, and not once it is deleted; the same content again changes nothing', async () => {
  const [owner, author] = [await signUp(), await signUp()]
  const conversationId = await openGroup(owner, author)
  const [owners, authors] = [await RawSocket.arrive(owner), await RawSocket.arrive(author)]
  const { id: messageId, createdAt, rev } = await say(authors, conversationId, 'bonjour')
  const edit = { type: 'message.edit', messageId, content: text('bonsoir') }

  expect(await owners.refusal(edit)).toBe('message.not_owner')
  const edited = await authors.request<MessageReply>(edit)
  const again = await authors.request<MessageReply>(edit)

  expect(edited).toMatchObject({
    repeated: false,
    message: { id: messageId, createdAt, content: text('bonsoir'), rev: rev + 1 },
  })
  expect(edited.message.editedAt).not.toBeNull()
  expect(again).toEqual({ message: edited.message, repeated: true })
  expect(await owners.waitForType('message.updated')).toMatchObject({ rev: rev + 1, message: edited.message })
  await authors.request({ type: 'message.delete', messageId })
  expect(await authors.refusal(edit)).toBe('message.deleted')
  expect(await authors.refusal({ ...edit, messageId: messageId + 7 })).toBe('message.not_found')
})

test('[MSG7] its author deletes a message, in a group its owner and admins too; it keeps its place and nothing of its content', async () => {
  const [owner, author, other] = [await signUp(), await signUp(), await signUp()]
  const group = await openGroup(owner, author, other)
  const direct = await openDirect(owner, author)
  const [owners, authors, others] = [
    await RawSocket.arrive(owner),
    await RawSocket.arrive(author),
    await RawSocket.arrive(other),
  ]
  const first = await say(authors, group, 'a secret')
  const reply = {
    clientId: 'r',
    content: text('more'),
    replyTo: first.id,
    mentions: [owner.user.id],
    attachments: [{ fileId: 'f', name: 'f' }],
  }
  const { message: second } = await send(authors, group, reply)
  await owners.request({ type: 'reaction.add', messageId: second.id, emoji: '👍' })
  await owners.request({ type: 'pin.add', messageId: second.id })
  const private_ = await say(authors, direct)

  expect(await others.refusal({ type: 'message.delete', messageId: second.id })).toBe('message.not_owner')
  expect(await owners.refusal({ type: 'message.delete', messageId: private_.id })).toBe('message.not_owner')
  const gone = await owners.request<MessageReply>({ type: 'message.delete', messageId: second.id })
  await authors.request({ type: 'message.delete', messageId: first.id })
  const again = await authors.request<MessageReply>({ type: 'message.delete', messageId: second.id })

  expect(gone.message).toEqual({
    ...second,
    rev: gone.message.rev,
    deletedAt: gone.message.deletedAt,
    content: null,
    replyTo: null,
    mentions: [],
    attachments: [],
  })
  expect(again).toEqual({ message: gone.message, repeated: true })
  expect(await others.waitForType('message.deleted')).toMatchObject({ message: gone.message })
  const { items } = await history(other, group)
  expect(items.map(({ seq, content }) => [seq, content])).toEqual([
    [2, null],
    [1, null],
  ])
  expect(JSON.stringify(await others.request({ type: 'changes.get', conversationId: group, since: 0 }))).not.toContain(
    'a secret',
  )
})

test('[MSG8] a member reacts once with each emoji, at most twenty different ones to a message', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const { id: messageId } = await say(alices, conversationId)
  const react = (socket: RawSocket, emoji: string, type = 'reaction.add') =>
    socket.request<MessageReply>({ type, messageId, emoji })

  await react(alices, '👍')
  const both = await react(bobs, '👍')
  const again = await react(bobs, '👍')
  const without = await react(alices, '👍', 'reaction.remove')
  const never = await react(alices, '🙈', 'reaction.remove')

  expect(both.message.reactions).toEqual([{ emoji: '👍', userIds: [alice.user.id, bob.user.id] }])
  expect(again).toEqual({ message: both.message, repeated: true })
  expect(without.message.reactions).toEqual([{ emoji: '👍', userIds: [bob.user.id] }])
  expect(never).toEqual({ message: without.message, repeated: true })
  const told = {
    messageId,
    userId: bob.user.id,
    emoji: '👍',
    added: true,
    reactions: both.message.reactions,
    rev: both.message.rev,
  }
  await alices.waitFor((frame) => frame.type === 'reaction.changed' && frame['rev'] === both.message.rev)
  expect(alices.of('reaction.changed')[1]).toMatchObject(told)
  for (let i = 0; i < 19; i += 1) await react(alices, String.fromCodePoint(0x1f600 + i))
  expect(await alices.refusal({ type: 'reaction.add', messageId, emoji: '🙈' })).toBe('message.too_many_reactions')
  await react(alices, '👍')
  await alices.request({ type: 'message.delete', messageId })
  expect(await alices.refusal({ type: 'reaction.add', messageId, emoji: '👍' })).toBe('message.deleted')
})

test('[MSG9] either side pins in a direct conversation; in a group the owner and admins do', async () => {
  const [owner, member] = [await signUp(), await signUp()]
  const [group, direct] = [await openGroup(owner, member), await openDirect(owner, member)]
  const [owners, members] = [await RawSocket.arrive(owner), await RawSocket.arrive(member)]
  const inGroup = await say(members, group)
  const inDirect = await say(owners, direct)

  expect(await members.refusal({ type: 'pin.add', messageId: inGroup.id })).toBe('member.not_allowed')
  const pinned = await owners.request<MessageReply>({ type: 'pin.add', messageId: inGroup.id })
  const again = await owners.request<MessageReply>({ type: 'pin.add', messageId: inGroup.id })
  await members.request({ type: 'pin.add', messageId: inDirect.id })
  const unpinned = await owners.request<MessageReply>({ type: 'pin.remove', messageId: inDirect.id })

  expect(pinned.message.pinnedAt).not.toBeNull()
  expect(again).toEqual({ message: pinned.message, repeated: true })
  expect(unpinned.message.pinnedAt).toBeNull()
  await expect
    .poll(() => members.of('message.updated'))
    .toContainEqual(expect.objectContaining({ message: pinned.message }))
  await owners.request({ type: 'message.delete', messageId: inDirect.id })
  expect(await owners.refusal({ type: 'pin.add', messageId: inDirect.id })).toBe('message.deleted')
})

test('[MSG10] a reply names an earlier message of the same conversation', async () => {
  const { alice, conversationId } = await pair()
  const elsewhere = await openGroup(alice)
  const alices = await RawSocket.arrive(alice)
  const [first, foreign] = [await say(alices, conversationId), await say(alices, elsewhere)]
  const reply = (replyTo: number) => ({
    type: 'message.send',
    conversationId,
    clientId: `r${replyTo}`,
    content: text('re'),
    replyTo,
  })

  expect(await alices.request<MessageReply>(reply(first.id))).toMatchObject({ message: { replyTo: first.id } })
  expect(await alices.refusal(reply(first.id + 5))).toBe('message.not_found')
  expect(await alices.refusal(reply(foreign.id))).toBe('message.not_found')
  expect((await history(alice, conversationId)).items).toHaveLength(2)
})

test('[MSG11] a sealed content comes back byte for byte, however it was padded or written', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const ciphertext = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(60_000))))
  // The last letter of the tag holds bits that decode to nothing: another encoder would write another one.
  const content = { kind: 'sealed', nonce: '+/+/', ciphertext, authTag: 'QR==', associatedData: '' }

  const { message } = await send(alices, conversationId, { clientId: 's', content })

  expect(message.content).toEqual(content)
  expect(await bobs.waitForType('message.created')).toMatchObject({ message: { content } })
  await evictAllDurableObjects()
  expect((await history(bob, conversationId)).items[0]?.content).toEqual(content)
  expect(await see(bob, message.id)).toMatchObject({ content })
})

test('[MSG12] text comes back as it was sent: every script, white space and U+FFFD included', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const texts = [
    '  spaces \n\t',
    '\uFFFD',
    'e\u0301 is not \u00E9',
    '👩‍👩‍👧',
    'שלום',
    '\u2028',
    '__proto__',
    '</script>',
    'x'.repeat(8_000),
    '𝒳'.repeat(4_000),
  ]

  for (const words of texts) expect((await say(alices, conversationId, words)).content).toEqual(text(words))

  expect((await history(bob, conversationId)).items.toReversed().map(({ content }) => content)).toEqual(texts.map(text))
  await expect
    .poll(() => bobs.of('message.created').map(({ message }) => (message as Message).content))
    .toEqual(texts.map(text))
})

test('[MSG13] REST and the socket do the same, with the same refusals', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const token = alice.accessToken
  const revs = async () => (await entryFor(alice, conversationId)).rev
  const created = await post(alice, conversationId, { clientId: 'rest', content: text('by REST') })
  const id = created.body.id
  const path = `/v1/messages/${id}`
  const heart = encodeURIComponent('❤️')
  const steps: [string, string, object | undefined, string][] = [
    ['PATCH', path, { content: text('edited') }, 'message.updated'],
    ['PUT', `${path}/reactions/${heart}`, undefined, 'reaction.changed'],
    ['DELETE', `${path}/reactions/${heart}`, undefined, 'reaction.changed'],
    ['PUT', `${path}/pin`, undefined, 'message.updated'],
    ['DELETE', `${path}/pin`, undefined, 'message.updated'],
    ['DELETE', path, undefined, 'message.deleted'],
  ]

  expect(Message.parse(created.body)).toEqual(created.body)
  expect(created.status).toBe(201)
  for (const [method, route, json, type] of steps) {
    const before = await revs()
    const reply = await ask<Message>(method, route, json ? { token, json } : { token })
    expect(reply, route).toMatchObject({ status: 200, body: { id, rev: before + 1 } })
    expect(await see(bob, id)).toEqual(reply.body)
    for (const socket of [alices, bobs])
      await socket.waitFor((frame) => frame.type === type && frame['rev'] === before + 1)
  }
  const refusals: [string, string, object | undefined, number, string, object][] = [
    [
      'PATCH',
      path,
      { content: text('x') },
      409,
      'message.deleted',
      { type: 'message.edit', messageId: id, content: text('x') },
    ],
    ['PUT', `${path}/pin`, undefined, 409, 'message.deleted', { type: 'pin.add', messageId: id }],
    [
      'DELETE',
      `/v1/messages/${id + 9}`,
      undefined,
      404,
      'message.not_found',
      { type: 'message.delete', messageId: id + 9 },
    ],
  ]
  for (const [method, route, json, status, code, order] of refusals) {
    expect(await ask(method, route, json ? { token, json } : { token })).toMatchObject({ status, body: { code } })
    expect(await alices.refusal(order as { type: string })).toBe(code)
  }
  const bySocket = await alices.request<Changes>({ type: 'changes.get', conversationId, since: 0, limit: 10 })
  const byRest = await ask<Changes>('GET', `/v1/conversations/${conversationId}/changes?since=0&limit=10`, { token })
  expect(byRest.body).toEqual(bySocket)
})

test('[MSG14] history pages from the newest back with before, and on from a seq with after', async () => {
  const { alice, conversationId } = await pair()
  const alices = await RawSocket.arrive(alice)
  for (let i = 0; i < 25; i += 1) await say(alices, conversationId)
  const seqs = async (query: string) => {
    const { items, nextCursor } = await history(alice, conversationId, query)
    return [items.map(({ seq }) => seq), nextCursor]
  }

  expect(await seqs('?limit=10')).toEqual([[25, 24, 23, 22, 21, 20, 19, 18, 17, 16], '16'])
  expect(await seqs('?limit=10&before=16')).toEqual([[15, 14, 13, 12, 11, 10, 9, 8, 7, 6], '6'])
  expect(await seqs('?limit=10&before=6')).toEqual([[5, 4, 3, 2, 1], null])
  expect(await seqs('?limit=3&after=20')).toEqual([[23, 22, 21], '23'])
  expect(await seqs('?limit=3&after=23')).toEqual([[25, 24], null])
  expect(await seqs('?before=5&after=2')).toEqual([[4, 3], null])
  expect(await seqs('?before=1')).toEqual([[], null])
  expect(await seqs('?after=99')).toEqual([[], null])
  expect((await history(alice, conversationId)).items).toHaveLength(25)
  expect(await history(alice, conversationId)).toMatchObject({ rev: (await entryFor(alice, conversationId)).rev })
})

test('[MSG4] a try that comes after a later turn of the same hub does nothing', async () => {
  const { alice, conversationId } = await pair()
  const conversation = conversationOf(env, conversationId)
  const send = (clientId: string, n: number) =>
    conversation.submit({
      userId: alice.user.id,
      orders: [{ type: 'message.send', conversationId, clientId, content: text(clientId) }],
      turn: { hub: 'one life', n },
    })

  expect((await send('second', 2)).answers).toMatchObject([{ ok: true }])
  expect((await send('first', 1)).answers).toMatchObject([{ ok: false, code: 'server.unavailable' }])
  expect((await send('third', 3)).answers).toMatchObject([{ ok: true }])
  const { body } = await ask<HistoryPage>('GET', `/v1/conversations/${conversationId}/messages`, {
    token: alice.accessToken,
  })
  expect(body.items.map(({ content }) => content)).toEqual([text('third'), text('second')])
})
