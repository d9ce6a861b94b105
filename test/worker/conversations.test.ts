import { describe, expect, test } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { InboxEntry, type InboxPage, type MemberList, type Role } from '../../src/protocol/conversation.ts'
import { previewOf } from '../../src/protocol/inbox.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import { metered } from '../support/meter.ts'
import { crowd, entryFor, openDirect, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'

const rest = (who: SignedIn) => {
  const token = who.accessToken
  const one = (id: number) => `/v1/conversations/${id}`
  return {
    create: (json: object) => ask<InboxEntry & { code: string }>('POST', '/v1/conversations', { token, json }),
    inbox: () => ask<InboxPage>('GET', '/v1/conversations', { token }).then(({ body }) => body.items),
    see: (id: number) => ask('GET', one(id), { token }),
    rename: (id: number, title: string) => ask('PATCH', one(id), { token, json: { title } }),
    remove: (id: number) => ask('DELETE', one(id), { token }),
    members: (id: number) => ask<MemberList>('GET', `${one(id)}/members`, { token }),
    add: (id: number, ...userIds: number[]) => ask('POST', `${one(id)}/members`, { token, json: { userIds } }),
    drop: (id: number, userId: number) => ask('DELETE', `${one(id)}/members/${userId}`, { token }),
    role: (id: number, userId: number, role: Role) =>
      ask('PATCH', `${one(id)}/members/${userId}`, { token, json: { role } }),
    history: (id: number) => ask<HistoryPage>('GET', `${one(id)}/messages`, { token }),
  }
}

const rolesOf = async (who: SignedIn, conversationId: number) =>
  Object.fromEntries((await rest(who).members(conversationId)).body.items.map(({ userId, role }) => [userId, role]))

/** A group with one of each role, and somebody outside. */
const court = async () => {
  const [owner, admin, member, other] = [await signUp(), await signUp(), await signUp(), await signUp()]
  const conversationId = await openGroup(owner, admin, member)
  await rest(owner).role(conversationId, admin.user.id, 'admin')
  return { owner, admin, member, other, conversationId }
}

describe('direct conversations', () => {
  test('[CONV1] there is one for two people, found again by either', async () => {
    const [alice, bob] = [await signUp(), await signUp()]

    const made = await rest(alice).create({ kind: 'direct', userId: bob.user.id })
    const again = await rest(alice).create({ kind: 'direct', userId: bob.user.id })
    const other = await rest(bob).create({ kind: 'direct', userId: alice.user.id })

    expect(InboxEntry.parse(made.body)).toMatchObject({ role: 'member', memberCount: 2, conversation: { title: null } })
    expect([made.status, again.status, other.status]).toEqual([201, 200, 200])
    expect(again.body).toEqual(made.body)
    expect(other.body.conversation).toEqual(made.body.conversation)
    expect(await rest(bob).inbox()).toEqual([other.body])
  })

  test('[CONV1] both sides at the same instant, twenty times at once, make one', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const sockets = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]

    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => {
        const [from, to] = i % 2 === 0 ? [alice, bob] : [bob, alice]
        return rest(from).create({ kind: 'direct', userId: to.user.id })
      }),
    )

    expect(new Set(made.map(({ body }) => body.conversation.id)).size).toBe(1)
    expect(new Set(made.map(({ body }) => body.epoch)).size).toBe(1)
    expect(made.filter(({ status }) => status === 201)).toHaveLength(1)
    for (const who of [alice, bob]) expect(await rest(who).inbox()).toHaveLength(1)
    for (const socket of sockets) {
      await socket.waitForType('conversation.created')
      expect(socket.of('conversation.created')).toHaveLength(1)
    }
  })

  test('[CONV2] nobody is in one alone, or with somebody who does not exist', async () => {
    const alice = await signUp()
    const create = (userId: number) => rest(alice).create({ kind: 'direct', userId })

    expect(await create(alice.user.id)).toMatchObject({ status: 400, body: { code: 'conversation.with_self' } })
    expect(await create(9_999_999)).toMatchObject({ status: 404, body: { code: 'user.not_found' } })
    expect(await rest(alice).inbox()).toEqual([])
  })

  test('[CONV3] it has no title and no roles, and its two members stay', async () => {
    const { alice, bob, conversationId } = await pair()
    const third = await signUp()
    const before = await entryFor(alice, conversationId)
    const refusals = [
      await rest(alice).rename(conversationId, 'Us'),
      await rest(alice).add(conversationId, third.user.id),
      await rest(alice).drop(conversationId, bob.user.id),
      await rest(alice).drop(conversationId, alice.user.id),
      await rest(alice).role(conversationId, bob.user.id, 'admin'),
    ]

    for (const refusal of refusals)
      expect(refusal).toMatchObject({ status: 403, body: { code: 'conversation.is_direct' } })
    expect(await entryFor(alice, conversationId)).toEqual(before)
  })

  test('[CONV17] either of the two deletes it for both, and the next one they open is a new one', async () => {
    const { alice, bob, conversationId } = await pair()
    const sockets = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
    const open = (who: SignedIn, other: SignedIn) => rest(who).create({ kind: 'direct', userId: other.user.id })

    expect((await rest(await signUp()).remove(conversationId)).status).toBe(404)
    expect((await rest(bob).remove(conversationId)).status).toBe(204)
    expect((await rest(alice).remove(conversationId)).status).toBe(404)
    const opened = await Promise.all([open(alice, bob), open(bob, alice), open(alice, bob)])

    for (const socket of sockets) {
      expect(await socket.waitForType('conversation.deleted')).toMatchObject({ conversationId })
    }
    const [newId, ...others] = opened.map(({ body }) => body.conversation.id)
    expect(newId).not.toBe(conversationId)
    expect(new Set(others)).toEqual(new Set([newId]))
    expect(await entryFor(bob, newId ?? 0)).toMatchObject({ seq: 0, memberIds: [alice.user.id, bob.user.id] })
    for (const who of [alice, bob]) expect((await rest(who).see(conversationId)).status).toBe(404)
  })
})

describe('groups', () => {
  test('[CONV4] who makes one owns it, and every member hears of it at once', async () => {
    const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
    const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]

    const json = {
      kind: 'group',
      title: '  Picnic ',
      memberIds: [bob.user.id, carol.user.id, bob.user.id, alice.user.id],
    }
    const { status, body } = await rest(alice).create(json)

    expect(status).toBe(201)
    expect(body).toMatchObject({
      role: 'owner',
      memberCount: 3,
      unread: 0,
      conversation: { kind: 'group', title: 'Picnic' },
    })
    expect(await alices.waitForType('conversation.created')).toMatchObject({ entry: body })
    expect(await bobs.waitForType('conversation.created')).toMatchObject({ entry: { ...body, role: 'member' } })
    expect(await rest(carol).inbox()).toEqual([{ ...body, role: 'member' }])
  })

  test('[CONV5] a clientId makes a group once, however often and at once it is asked', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const json = { kind: 'group', title: 'Once', memberIds: [bob.user.id], clientId: 'once' }

    const made = await Promise.all(Array.from({ length: 10 }, () => rest(alice).create(json)))
    const later = await rest(alice).create({ ...json, title: 'Twice' })
    const others = await rest(bob).create({ ...json, memberIds: [] })
    const without = [
      { ...json, clientId: undefined },
      { ...json, clientId: undefined },
    ]
    const twice = await Promise.all(without.map((each) => rest(alice).create(each)))

    expect(made.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(new Set(made.map(({ body }) => body.conversation.id)).size).toBe(1)
    expect(later).toMatchObject({ status: 200, body: { conversation: made[0]?.body.conversation } })
    expect(others.status).toBe(201)
    expect(others.body.conversation.id).not.toBe(made[0]?.body.conversation.id)
    expect(new Set(twice.map(({ body }) => body.conversation.id)).size).toBe(2)
  })

  test('[CONV6] people who do not exist are neither taken in nor added, and nothing is made', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const conversationId = await openGroup(alice)
    const before = await entryFor(alice, conversationId)
    const memberIds = [bob.user.id, 9_999_999]

    expect(await rest(alice).create({ kind: 'group', title: 'x', memberIds })).toMatchObject({
      status: 404,
      body: { code: 'user.not_found' },
    })
    expect(await rest(alice).add(conversationId, ...memberIds)).toMatchObject({
      status: 404,
      body: { code: 'user.not_found' },
    })
    expect(await rest(alice).inbox()).toEqual([before])
  })

  test('[CONV7] the owner and admins add, anybody is added once, and all are told', async () => {
    const { owner, admin, member, other, conversationId } = await court()
    const [third] = await crowd(1)
    const [members, others] = [await RawSocket.arrive(member), await RawSocket.arrive(other)]

    expect(await rest(member).add(conversationId, other.user.id)).toMatchObject({
      status: 403,
      body: { code: 'member.not_allowed' },
    })
    expect((await rest(admin).add(conversationId, other.user.id, other.user.id)).status).toBe(200)
    expect((await rest(owner).add(conversationId, Number(third))).status).toBe(200)
    const { rev } = await entryFor(owner, conversationId)
    expect((await rest(owner).add(conversationId, other.user.id)).status).toBe(200)

    expect((await entryFor(owner, conversationId)).rev).toBe(rev)
    expect(await members.waitForType('member.changed')).toMatchObject({
      member: { userId: other.user.id, role: 'member', leftAt: null },
    })
    expect(await others.waitForType('conversation.created')).toMatchObject({
      entry: { memberCount: 4, role: 'member', unread: 0 },
    })
  })

  test('[CONV7] a group takes a thousand members and not one more', async () => {
    const owner = await signUp()
    const conversationId = await openGroup(owner)
    const people = await crowd(1_000)
    for (let i = 0; i < 900; i += 100) await rest(owner).add(conversationId, ...people.slice(i, i + 100))

    const tooMany = await rest(owner).add(conversationId, ...people.slice(900))
    const allButOne = await rest(owner).add(conversationId, ...people.slice(900, 999))

    expect(tooMany).toMatchObject({ status: 403, body: { code: 'conversation.full' } })
    expect(allButOne.status).toBe(200)
    expect(await entryFor(owner, conversationId)).toMatchObject({ memberCount: 1_000, memberIds: [] })
  }, 120_000)

  test('[CONV8] the owner removes anybody, an admin removes members, a member removes nobody', async () => {
    const refused = { status: 403, body: { code: 'member.not_allowed' } }
    const { owner, admin, member, other, conversationId } = await court()
    await rest(owner).add(conversationId, other.user.id)
    await rest(owner).role(conversationId, other.user.id, 'admin')

    expect(await rest(member).drop(conversationId, owner.user.id)).toMatchObject(refused)
    expect(await rest(member).drop(conversationId, admin.user.id)).toMatchObject(refused)
    expect(await rest(admin).drop(conversationId, owner.user.id)).toMatchObject(refused)
    expect(await rest(admin).drop(conversationId, other.user.id)).toMatchObject(refused)
    expect((await rest(admin).drop(conversationId, member.user.id)).status).toBe(204)
    expect((await rest(owner).drop(conversationId, other.user.id)).status).toBe(204)
    expect(await rest(owner).drop(conversationId, other.user.id)).toMatchObject({
      status: 404,
      body: { code: 'member.not_found' },
    })
    expect(await rolesOf(owner, conversationId)).toEqual({ [owner.user.id]: 'owner', [admin.user.id]: 'admin' })
  })

  test('[CONV9] who is removed is told, hears nothing more, and finds nothing there', async () => {
    const { owner, member, conversationId } = await court()
    const [owners, members] = [await RawSocket.arrive(owner), await RawSocket.arrive(member)]
    const message = await say(owners, conversationId, 'before')
    await members.waitForType('message.created')

    await rest(owner).drop(conversationId, member.user.id)
    await say(owners, conversationId, 'after')
    await owners.waitFor((frame) => frame.type === 'message.created' && JSON.stringify(frame).includes('after'))

    expect(await members.waitForType('conversation.deleted')).toEqual({ type: 'conversation.deleted', conversationId })
    await members.request({ type: 'presence.get', userIds: [] })
    expect(members.of('message.created')).toHaveLength(1)
    const orders = [
      { type: 'message.send', conversationId, clientId: 'x', content: text('x') },
      { type: 'typing.start', conversationId },
      { type: 'read.mark', conversationId, seq: 1 },
      { type: 'changes.get', conversationId, since: 0 },
      { type: 'message.delete', messageId: message.id },
    ]
    for (const order of orders) expect(await members.refusal(order), order.type).toBe('conversation.not_found')
    expect(await rest(member).see(conversationId)).toMatchObject({
      status: 404,
      body: { code: 'conversation.not_found' },
    })
    expect(await rest(member).inbox()).toEqual([])
    const back = await RawSocket.connect(member.accessToken, `${conversationId.toString(36)}.5.0.0a0b0c0d`)
    expect(await back.waitForType('hello')).toMatchObject({ conversations: [], gone: [conversationId] })
  })

  test('[CONV10] anybody leaves; an owner leaves the group to the longest-standing admin, else member', async () => {
    const { owner, admin, member, conversationId } = await court()
    const members = await RawSocket.arrive(member)

    expect((await rest(owner).drop(conversationId, owner.user.id)).status).toBe(204)
    expect(await rolesOf(member, conversationId)).toEqual({ [admin.user.id]: 'owner', [member.user.id]: 'member' })
    expect((await rest(admin).drop(conversationId, admin.user.id)).status).toBe(204)
    expect(await rolesOf(member, conversationId)).toEqual({ [member.user.id]: 'owner' })

    await expect
      .poll(() => members.of('member.changed').map((frame) => frame['member']))
      .toMatchObject([
        { userId: admin.user.id, role: 'owner', leftAt: null },
        { userId: owner.user.id, role: 'member', leftAt: expect.any(String) },
        { userId: member.user.id, role: 'owner', leftAt: null },
        { userId: admin.user.id, role: 'member', leftAt: expect.any(String) },
      ])
    expect((await rest(member).drop(conversationId, member.user.id)).status).toBe(204)
    expect((await rest(member).see(conversationId)).status).toBe(404)
  })

  test('[CONV11] only the owner gives roles, and by making another owner becomes an admin', async () => {
    const { owner, admin, member, other, conversationId } = await court()
    const refused = { status: 403, body: { code: 'member.not_allowed' } }

    expect(await rest(admin).role(conversationId, member.user.id, 'admin')).toMatchObject(refused)
    expect(await rest(member).role(conversationId, member.user.id, 'owner')).toMatchObject(refused)
    expect(await rest(owner).role(conversationId, other.user.id, 'admin')).toMatchObject({
      status: 404,
      body: { code: 'member.not_found' },
    })
    expect((await rest(owner).role(conversationId, owner.user.id, 'member')).status).toBe(200)
    expect((await rolesOf(owner, conversationId))[owner.user.id]).toBe('owner')
    expect((await rest(owner).role(conversationId, member.user.id, 'owner')).status).toBe(200)
    expect(await rolesOf(owner, conversationId)).toEqual({
      [owner.user.id]: 'admin',
      [admin.user.id]: 'admin',
      [member.user.id]: 'owner',
    })
    expect(await entryFor(owner, conversationId)).toMatchObject({ role: 'admin' })
  })

  test('[CONV12] the owner and admins rename it; the same title again changes nothing', async () => {
    const { owner, admin, member, conversationId } = await court()
    const members = await RawSocket.arrive(member)

    expect(await rest(member).rename(conversationId, 'Mine')).toMatchObject({
      status: 403,
      body: { code: 'member.not_allowed' },
    })
    expect(await rest(admin).rename(conversationId, 'Dinner')).toMatchObject({
      status: 200,
      body: { conversation: { title: 'Dinner' } },
    })
    const { rev } = await entryFor(owner, conversationId)
    expect((await rest(owner).rename(conversationId, ' Dinner ')).status).toBe(200)

    expect((await entryFor(owner, conversationId)).rev).toBe(rev)
    expect(await members.waitForType('conversation.updated')).toMatchObject({ conversation: { title: 'Dinner' } })
  })

  test('[CONV13] its owner deletes it: it is gone for everybody, and a clientId does not bring it back', async () => {
    const [owner, member] = [await signUp(), await signUp()]
    const json = { kind: 'group', title: 'Brief', memberIds: [member.user.id], clientId: 'brief' }
    const conversationId = (await rest(owner).create(json)).body.conversation.id
    const [owners, members] = [await RawSocket.arrive(owner), await RawSocket.arrive(member)]
    const message = await say(owners, conversationId)

    expect((await rest(member).remove(conversationId)).status).toBe(403)
    expect((await rest(owner).remove(conversationId)).status).toBe(204)

    for (const socket of [owners, members]) await socket.waitForType('conversation.deleted')
    for (const who of [owner, member]) {
      expect((await rest(who).see(conversationId)).status).toBe(404)
      expect((await rest(who).history(conversationId)).status).toBe(404)
      expect((await ask('GET', `/v1/messages/${message.id}`, { token: who.accessToken })).status).toBe(404)
      expect(await rest(who).inbox()).toEqual([])
    }
    expect(await rest(owner).create(json)).toMatchObject({ status: 404, body: { code: 'conversation.not_found' } })
  })

  test('[CONV14] who comes back has the whole history, nothing unread, and hears everything again', async () => {
    const { owner, member, conversationId } = await court()
    const [owners, members] = [await RawSocket.arrive(owner), await RawSocket.arrive(member)]
    await say(owners, conversationId, 'before')
    await rest(owner).drop(conversationId, member.user.id)
    await members.waitForType('conversation.deleted')
    await say(owners, conversationId, 'meanwhile')
    await rest(owner).add(conversationId, member.user.id)

    const { entry } = (await members.waitForType('conversation.created')) as unknown as { entry: InboxEntry }
    expect(entry).toMatchObject({ seq: 2, readSeq: 2, unread: 0, role: 'member' })
    const after = await say(owners, conversationId, 'after')
    await members.waitFor((frame) => frame.type === 'message.created' && frame['rev'] === after.rev)
    expect((await rest(member).history(conversationId)).body.items.map(({ seq }) => seq)).toEqual([3, 2, 1])
    expect(await entryFor(member, conversationId)).toMatchObject({ unread: 1 })
  })

  test('[CONV14] removed and added at the same instant, again and again, all end with one truth', async () => {
    const { owner, admin, member, conversationId } = await court()
    const [owners, members] = [await RawSocket.arrive(owner), await RawSocket.arrive(member)]

    for (let i = 0; i < 10; i += 1) {
      await Promise.all([
        rest(owner).drop(conversationId, member.user.id),
        rest(admin).add(conversationId, member.user.id),
        say(owners, conversationId, `during ${i}`),
        rest(admin).drop(conversationId, member.user.id),
        rest(owner).add(conversationId, member.user.id),
      ])
    }
    await rest(owner).add(conversationId, member.user.id)
    const last = await say(owners, conversationId, 'last')

    await members.waitFor((frame) => frame.type === 'message.created' && frame['rev'] === last.rev)
    await expect.poll(() => rest(member).inbox()).toEqual([await entryFor(member, conversationId)])
    const heard = await members.request<{ rev: number }>({ type: 'changes.get', conversationId, since: last.rev })
    expect(heard.rev).toBe(last.rev)
  })

  test('[CONV14] who came back and sleeps costs no call per message', async () => {
    const { owner, member, conversationId } = await court()
    const owners = await RawSocket.arrive(owner)
    for (let i = 0; i < 3; i += 1) {
      const members = await RawSocket.arrive(member)
      members.close()
      await expect.poll(() => members.closed).not.toBeNull()
      await say(owners, conversationId, `nap ${i}`)
    }
    await rest(owner).drop(conversationId, member.user.id)
    await rest(owner).add(conversationId, member.user.id)

    const bill = await metered(async () => {
      for (let i = 0; i < 10; i += 1) await say(owners, conversationId, `unheard ${i}`)
    })

    // A call for each would make twenty; a few go out before the first comes back.
    expect(bill.requests).toBeLessThan(18)
  })
})

test('[CONV15] to a stranger a conversation is not there, whatever is asked of it', async () => {
  const { alice, bob, conversationId } = await pair()
  const stranger = await signUp()
  await openDirect(stranger, alice)
  const [alices, strangers] = [await RawSocket.arrive(alice), await RawSocket.arrive(stranger)]
  const message = await say(alices, conversationId)
  const { rev } = await entryFor(alice, conversationId)
  const token = stranger.accessToken
  const body = { clientId: 'x', content: text('x') }
  const calls: [string, string, object?][] = [
    ['GET', ''],
    ['PATCH', '', { title: 'x' }],
    ['DELETE', ''],
    ['GET', '/members'],
    ['POST', '/members', { userIds: [stranger.user.id] }],
    ['PATCH', `/members/${bob.user.id}`, { role: 'admin' }],
    ['DELETE', `/members/${bob.user.id}`],
    ['GET', '/messages'],
    ['POST', '/messages', body],
    ['GET', '/changes'],
    ['PUT', '/read', { seq: 1 }],
  ]
  const messageCalls: [string, string, object?][] = [
    ['GET', ''],
    ['PATCH', '', { content: body.content }],
    ['DELETE', ''],
    ['PUT', '/pin'],
    ['DELETE', '/pin'],
    ['PUT', '/reactions/%F0%9F%91%8D'],
    ['DELETE', '/reactions/%F0%9F%91%8D'],
  ]
  const paths = [
    ...calls.map(([method, path, json]) => [method, `/v1/conversations/${conversationId}${path}`, json] as const),
    ...calls.map(([method, path, json]) => [method, `/v1/conversations/99999999${path}`, json] as const),
    ...messageCalls.map(([method, path, json]) => [method, `/v1/messages/${message.id}${path}`, json] as const),
  ]

  for (const [method, path, json] of paths) {
    const reply = await ask(method, path, json ? { token, json } : { token })
    expect(reply, `${method} ${path}`).toMatchObject({ status: 404, body: { code: 'conversation.not_found' } })
  }
  expect(await strangers.refusal({ type: 'message.send', conversationId, ...body })).toBe('conversation.not_found')
  expect(await strangers.refusal({ type: 'typing.start', conversationId })).toBe('conversation.not_found')
  expect((await entryFor(alice, conversationId)).rev).toBe(rev)
})

test('[CONV16] the inbox lists the last active first, with the last message, the unread count and the head', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const [withBob, withCarol] = [await openDirect(alice, bob), await openDirect(alice, carol)]
  const [bobs, carols] = [await RawSocket.arrive(bob), await RawSocket.arrive(carol)]
  await say(carols, withCarol, 'first')
  await new Promise((resolve) => setTimeout(resolve, 5))
  const last = await say(bobs, withBob, 'second')

  const asleep = await rest(alice).inbox()
  const alices = await RawSocket.arrive(alice)
  const awake = await rest(alice).inbox()

  expect(asleep.map(({ conversation }) => conversation.id)).toEqual([withBob, withCarol])
  expect(asleep[0]).toMatchObject({ lastMessage: previewOf(last), unread: 1, rev: last.rev, seq: 1, readSeq: 0 })
  expect(awake).toEqual(asleep)
  expect(await alices.waitForType('hello')).toMatchObject({ conversations: asleep })
})
