import { listDurableObjectIds } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { appointment, requireAdmin } from '../../src/directory/administrators.ts'
import { openDirectory } from '../../src/directory/directory.ts'
import { Conversation } from '../../src/index.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { PresenceReply } from '../../src/protocol/events.ts'
import { BlockPage, FriendPage, FriendRequestOutcome, FriendRequestPage } from '../../src/protocol/friend.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { crowd, openDirect, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, PASSWORD, signUp } from '../support/rest.ts'

const two = async () => ({ alice: await signUp(), bob: await signUp() })

const publicly = ({ user: { id, username, displayName } }: SignedIn) => ({ id, username, displayName })

const request = (from: SignedIn, to: SignedIn) =>
  ask<FriendRequestOutcome>('POST', '/v1/friend-requests', { token: from.accessToken, json: { userId: to.user.id } })

const requestId = async (from: SignedIn, to: SignedIn): Promise<number> => {
  const { body } = await request(from, to)
  if (body.state !== 'pending') throw new Error('they are friends already')
  return body.request.id
}

const befriend = async (from: SignedIn, to: SignedIn): Promise<void> => {
  await request(from, to)
  expect((await request(to, from)).body.state).toBe('friends')
}

const act = (who: SignedIn, method: string, path: string) => ask(method, path, { token: who.accessToken })

const friendIds = async (who: SignedIn) => {
  const { body } = await ask<FriendPage>('GET', '/v1/friends', { token: who.accessToken })
  return FriendPage.parse(body).items.map(({ user }) => user.id)
}

const requestsOf = async (who: SignedIn) => {
  const { body } = await ask<FriendRequestPage>('GET', '/v1/friend-requests', { token: who.accessToken })
  return FriendRequestPage.parse(body).items
}

const block = (who: SignedIn, whom: SignedIn) => act(who, 'PUT', `/v1/blocks/${whom.user.id}`)
const unblock = (who: SignedIn, whom: SignedIn) => act(who, 'DELETE', `/v1/blocks/${whom.user.id}`)

const isOnline = async (asker: RawSocket, who: SignedIn): Promise<boolean | undefined> =>
  (await asker.request<PresenceReply>({ type: 'presence.get', userIds: [who.user.id] })).items[0]?.online

const heardOf = (socket: RawSocket, who: SignedIn) =>
  socket
    .of('presence.changed')
    .filter(({ userId }) => userId === who.user.id)
    .map(({ online }) => online)

describe('friend requests', () => {
  test('[FRND1] a request is open for both until the other accepts, and then both are friends', async () => {
    const { alice, bob } = await two()
    const asked = await request(alice, bob)
    expect(asked.status).toBe(201)
    const id = FriendRequestOutcome.parse(asked.body).state === 'pending' && (await requestsOf(bob))[0]?.id
    const open = [expect.objectContaining({ id, from: publicly(alice), to: publicly(bob) })]
    expect(await requestsOf(alice)).toEqual(open)
    expect(await requestsOf(bob)).toEqual(open)

    const accepted = await act(bob, 'POST', `/v1/friend-requests/${id}/accept`)

    expect(accepted).toMatchObject({ status: 200, body: { user: publicly(alice) } })
    expect(await friendIds(alice)).toEqual([bob.user.id])
    expect(await friendIds(bob)).toEqual([alice.user.id])
    expect([...(await requestsOf(alice)), ...(await requestsOf(bob))]).toEqual([])
    expect(await request(alice, bob)).toMatchObject({ status: 409, body: { code: 'friend.already' } })
  })

  test('[FRND1] asking again changes nothing', async () => {
    const { alice, bob } = await two()
    const first = await request(alice, bob)
    const second = await request(alice, bob)

    expect([first.status, second.status]).toEqual([201, 200])
    expect(second.body).toEqual(first.body)
    expect(await requestsOf(bob)).toHaveLength(1)
  })

  test('[FRND2] where the other has asked already, asking accepts', async () => {
    const { alice, bob } = await two()
    await request(alice, bob)
    const back = await request(bob, alice)

    expect(back).toMatchObject({ status: 201, body: { state: 'friends', friend: { user: publicly(alice) } } })
    expect(await requestsOf(alice)).toEqual([])
    expect(await friendIds(alice)).toEqual([bob.user.id])
  })

  test('[FRND2] two who ask each other ten times in the same moment become friends once', async () => {
    const { alice, bob } = await two()
    const replies = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? request(alice, bob) : request(bob, alice))),
    )

    expect(replies.filter(({ body }) => body.state === 'friends')).toHaveLength(1)
    expect(replies.every(({ status }) => [200, 201, 409].includes(status))).toBe(true)
    expect(await friendIds(bob)).toEqual([alice.user.id])
    expect(await requestsOf(bob)).toEqual([])
  })

  test('[FRND3] only who was asked may accept or decline, and only who asked may take it back', async () => {
    const { alice, bob } = await two()
    const carol = await signUp()
    const id = await requestId(alice, bob)
    const gone = { status: 404, body: { code: 'friend_request.not_found' } }

    for (const who of [alice, carol]) {
      expect(await act(who, 'POST', `/v1/friend-requests/${id}/accept`)).toMatchObject(gone)
      expect(await act(who, 'POST', `/v1/friend-requests/${id}/decline`)).toMatchObject(gone)
    }
    for (const who of [bob, carol]) expect(await act(who, 'DELETE', `/v1/friend-requests/${id}`)).toMatchObject(gone)
    expect(await requestsOf(bob)).toHaveLength(1)
    expect(await requestsOf(carol)).toEqual([])
  })

  test('[FRND3] one that was declined or taken back is gone, and may be made anew', async () => {
    const { alice, bob } = await two()
    const declined = await requestId(alice, bob)
    expect((await act(bob, 'POST', `/v1/friend-requests/${declined}/decline`)).status).toBe(204)
    expect((await act(bob, 'POST', `/v1/friend-requests/${declined}/accept`)).status).toBe(404)

    const takenBack = await requestId(alice, bob)
    expect(takenBack).toBeGreaterThan(declined)
    expect((await act(alice, 'DELETE', `/v1/friend-requests/${takenBack}`)).status).toBe(204)
    expect((await act(alice, 'DELETE', `/v1/friend-requests/${takenBack}`)).status).toBe(404)
    expect(await friendIds(alice)).toEqual([])
    expect((await request(bob, alice)).body.state).toBe('pending')
  })

  test('[FRND4] a friendship is ended by either of them', async () => {
    const { alice, bob } = await two()
    await befriend(alice, bob)

    expect((await act(bob, 'DELETE', `/v1/friends/${alice.user.id}`)).status).toBe(204)

    expect(await friendIds(alice)).toEqual([])
    expect(await act(alice, 'DELETE', `/v1/friends/${bob.user.id}`)).toMatchObject({
      status: 404,
      body: { code: 'friend.not_found' },
    })
  })

  test('[FRND5] lists come in pages that meet without a gap', async () => {
    const alice = await signUp()
    const others = await crowd(5)
    const inserts = others.map((id) =>
      env.DIRECTORY.prepare('INSERT INTO friendships VALUES (?, ?, 0)').bind(alice.user.id, id),
    )
    await env.DIRECTORY.batch(inserts)
    for (const userId of await crowd(5)) {
      await ask('POST', '/v1/friend-requests', { token: alice.accessToken, json: { userId } })
    }
    const page = (path: string) =>
      ask<{ items: { id: number; user: { id: number } }[]; nextCursor: string | null }>('GET', path, {
        token: alice.accessToken,
      }).then(({ body }) => body)

    const first = await page('/v1/friends?limit=3')
    const second = await page(`/v1/friends?limit=3&cursor=${first.nextCursor}`)
    expect([...first.items, ...second.items].map(({ user }) => user.id)).toEqual(others)
    expect(second.nextCursor).toBeNull()

    const newest = await page('/v1/friend-requests?limit=3')
    const older = await page(`/v1/friend-requests?limit=3&cursor=${newest.nextCursor}`)
    const ids = [...newest.items, ...older.items].map(({ id }) => id)
    expect(ids).toHaveLength(5)
    expect(ids).toEqual(ids.toSorted((a, b) => b - a))
  })

  test('[FRND6] there is no friendship with oneself or with nobody, and no form of id breaks anything', async () => {
    const { alice, bob } = await two()
    expect(await request(alice, alice)).toMatchObject({ status: 400, body: { code: 'friend.with_self' } })
    for (const userId of [999_999, Number.MAX_SAFE_INTEGER]) {
      const reply = await ask('POST', '/v1/friend-requests', { token: alice.accessToken, json: { userId } })
      expect(reply).toMatchObject({ status: 404, body: { code: 'user.not_found' } })
    }
    for (const json of [{}, { userId: '1' }, { userId: -1 }, { userId: 1.5 }, { userId: 2 ** 60 }, [], null, 'x']) {
      expect((await ask('POST', '/v1/friend-requests', { token: alice.accessToken, json })).status).toBe(400)
    }
    for (const id of ['x', '-1', '0', '1.5', '9999999999999999', '99999999999999999999', '%00', '%ff']) {
      for (const [method, path] of [
        ['POST', `/v1/friend-requests/${id}/accept`],
        ['POST', `/v1/friend-requests/${id}/decline`],
        ['DELETE', `/v1/friend-requests/${id}`],
        ['DELETE', `/v1/friends/${id}`],
        ['PUT', `/v1/blocks/${id}`],
        ['DELETE', `/v1/blocks/${id}`],
      ] as const) {
        expect((await act(bob, method, path)).status, `${method} ${path}`).toBe(400)
      }
    }
    for (const path of ['/v1/friends', '/v1/friend-requests', '/v1/blocks']) {
      expect((await ask('GET', path)).status).toBe(401)
      expect((await act(alice, 'GET', `${path}?limit=101`)).status).toBe(400)
      expect((await act(alice, 'GET', `${path}?cursor=x`)).status).toBe(400)
    }
  })
})

test('[REST7] who has as many blocks, or open requests, as there can be is told that no waiting helps', async () => {
  const { alice, bob } = await two()
  const others = JSON.stringify(await crowd(LIMITS.blocks))
  const add = (into: string, limit: number) =>
    env.DIRECTORY.prepare(`INSERT INTO ${into} SELECT ?, value, 0 FROM json_each(?) LIMIT ${limit}`)
      .bind(alice.user.id, others)
      .run()
  await add('blocks (blocker_id, blocked_id, created_at)', LIMITS.blocks)
  await add('friend_requests (from_id, to_id, created_at)', LIMITS.openRequests)
  const full = { status: 409, body: { code: 'limit.reached' } }

  expect(await block(alice, bob)).toMatchObject(full)
  expect(await request(alice, bob)).toMatchObject(full)
  // Whom they have blocked already they may block again, and of whom asks them there is room for one more friend.
  expect((await request(bob, alice)).status).toBe(201)
  expect((await request(alice, bob)).body.state).toBe('friends')
})

describe('friends, live', () => {
  test('[FRND7] both hear of a request, of its end, of the friendship and of its end, on every device', async () => {
    const { alice, bob } = await two()
    const sockets = [await RawSocket.arrive(alice), await RawSocket.arrive(bob), await RawSocket.arrive(bob)]
    const [alices, ...bobs] = sockets as [RawSocket, RawSocket, RawSocket]

    const declined = await requestId(alice, bob)
    for (const socket of sockets) {
      expect(await socket.waitForType('friend.requested')).toMatchObject({ request: { id: declined } })
    }
    await act(bob, 'POST', `/v1/friend-requests/${declined}/decline`)
    for (const socket of sockets) {
      expect(await socket.waitForType('friend.request_closed')).toMatchObject({ requestId: declined })
    }

    const accepted = await requestId(alice, bob)
    await act(bob, 'POST', `/v1/friend-requests/${accepted}/accept`)
    const added = { requestId: accepted, acceptedBy: bob.user.id }
    expect(await alices.waitForType('friend.added')).toMatchObject({ ...added, friend: { user: publicly(bob) } })
    for (const socket of bobs) {
      expect(await socket.waitForType('friend.added')).toMatchObject({ ...added, friend: { user: publicly(alice) } })
    }

    await act(alice, 'DELETE', `/v1/friends/${bob.user.id}`)
    expect(await alices.waitForType('friend.removed')).toMatchObject({ userId: bob.user.id })
    for (const socket of bobs)
      expect(await socket.waitForType('friend.removed')).toMatchObject({ userId: alice.user.id })
  })

  test('[FRND8] friends see one another come online though they share no conversation, and strangers do not', async () => {
    const { alice, bob } = await two()
    const carol = await signUp()
    await befriend(alice, bob)
    const [alices, carols] = [await RawSocket.arrive(alice), await RawSocket.arrive(carol)]

    const bobs = await RawSocket.arrive(bob)

    await expect.poll(() => heardOf(alices, bob)).toEqual([true])
    await expect.poll(() => isOnline(bobs, alice)).toBe(true)
    expect(await isOnline(carols, bob)).toBe(false)
    expect(heardOf(carols, bob)).toEqual([])
  })

  test('[FRND8] who becomes a friend is seen at once, and who is none any more is not', async () => {
    const { alice, bob } = await two()
    const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
    expect(await isOnline(alices, bob)).toBe(false)

    await befriend(alice, bob)
    await expect.poll(() => heardOf(alices, bob)).toEqual([true])
    await expect.poll(() => heardOf(bobs, alice)).toEqual([true])

    await act(alice, 'DELETE', `/v1/friends/${bob.user.id}`)
    await expect.poll(() => heardOf(alices, bob)).toEqual([true, false])
    await expect.poll(() => heardOf(bobs, alice)).toEqual([true, false])
    expect(await isOnline(alices, bob)).toBe(false)
  })

  test('[FRND8] a hub that missed a change of friends learns of it when its user comes online', async () => {
    const { alice, bob } = await two()
    const [low, high] = [alice.user.id, bob.user.id].toSorted((a, b) => a - b)
    await env.DIRECTORY.prepare('INSERT INTO friendships VALUES (?, ?, 0)').bind(low, high).run()

    const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]

    await expect.poll(() => isOnline(alices, bob)).toBe(true)
    await expect.poll(() => isOnline(bobs, alice)).toBe(true)
  })
})

describe('blocks', () => {
  test('[BLOC1] a block ends the friendship and open requests, and its owner alone sees it', async () => {
    const { alice, bob } = await two()
    const carol = await signUp()
    await befriend(alice, bob)
    await request(carol, alice)
    const bobs = await RawSocket.arrive(bob)

    expect(await block(alice, bob)).toMatchObject({ status: 200, body: { user: publicly(bob) } })
    expect((await block(alice, carol)).status).toBe(200)

    expect(await bobs.waitForType('friend.removed')).toMatchObject({ userId: alice.user.id })
    expect([await friendIds(alice), await friendIds(bob), await requestsOf(alice)]).toEqual([[], [], []])
    const listed = async (who: SignedIn) =>
      BlockPage.parse((await act(who, 'GET', '/v1/blocks')).body).items.map(({ user }) => user.id)
    expect(await listed(alice)).toEqual([bob.user.id, carol.user.id])
    expect(await listed(bob)).toEqual([])
  })

  test('[BLOC1] blocking and unblocking again change nothing', async () => {
    const { alice, bob } = await two()
    const first = await block(alice, bob)
    const second = await block(alice, bob)
    expect(second).toMatchObject({ status: 200, body: first.body })
    expect((await unblock(alice, bob)).status).toBe(204)
    expect((await unblock(alice, bob)).status).toBe(204)
    expect((await act(alice, 'GET', '/v1/blocks')).body).toMatchObject({ items: [] })
    expect(await block(alice, alice)).toMatchObject({ status: 400, body: { code: 'block.with_self' } })
    expect(await act(alice, 'PUT', '/v1/blocks/999999')).toMatchObject({
      status: 404,
      body: { code: 'user.not_found' },
    })
  })

  test('[BLOC2] neither can ask the other anything while one blocks the other', async () => {
    const { alice, bob } = await two()
    await block(alice, bob)
    const blocked = { status: 403, body: { code: 'conversation.blocked' } }

    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const as = { token: from.accessToken }
      const userId = to.user.id
      expect(await request(from, to)).toMatchObject(blocked)
      expect(await ask('POST', '/v1/invitations', { ...as, json: { userId } })).toMatchObject(blocked)
      expect(await ask('POST', '/v1/conversations', { ...as, json: { kind: 'direct', userId } })).toMatchObject(blocked)
    }
    await unblock(alice, bob)
    expect((await request(bob, alice)).status).toBe(201)
    expect(await openDirect(bob, alice)).toBeGreaterThan(0)
  })

  test('[BLOC2] neither brings the other into a group while one blocks the other', async () => {
    const { alice, bob } = await two()
    const conversationId = await openGroup(bob)
    await block(alice, bob)
    const blocked = { status: 403, body: { code: 'conversation.blocked' } }

    for (const [from, to] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      const json = { kind: 'group', title: 'No escape', memberIds: [to.user.id] }
      expect(await ask('POST', '/v1/conversations', { token: from.accessToken, json })).toMatchObject(blocked)
    }
    const add = () =>
      ask('POST', `/v1/conversations/${conversationId}/members`, {
        token: bob.accessToken,
        json: { userIds: [alice.user.id] },
      })
    expect(await add()).toMatchObject(blocked)

    await unblock(alice, bob)
    expect((await add()).status).toBe(200)
  })

  test('[BLOC3] nothing new is said in their direct conversation, and what was said stays', async () => {
    const { alice, bob, conversationId } = await pair()
    const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
    const sent = await say(bobs, conversationId)

    expect((await block(alice, bob)).status).toBe(200)

    for (const socket of [alices, bobs]) {
      for (const command of [
        { type: 'message.send', conversationId, clientId: 'later', content: text('are you there?') },
        { type: 'typing.start', conversationId },
        { type: 'reaction.add', messageId: sent.id, emoji: '👍' },
        { type: 'pin.add', messageId: sent.id },
      ]) {
        expect(await socket.reply(command), command.type).toMatchObject({
          ok: false,
          error: { code: 'conversation.blocked' },
        })
      }
    }
    const edit = { type: 'message.edit', messageId: sent.id, content: text('you cannot get rid of me') }
    expect(await bobs.refusal(edit)).toBe('conversation.blocked')
    const repeat = { type: 'message.send', conversationId, clientId: sent.clientId, content: sent.content }
    expect(await bobs.request(repeat)).toMatchObject({ repeated: true, message: { id: sent.id } })
    await alices.request({ type: 'read.mark', conversationId, seq: sent.seq })
    await expect.poll(() => bobs.of('read.changed')).toMatchObject([{ userId: alice.user.id, seq: sent.seq }])
    expect((await bobs.reply({ type: 'message.delete', messageId: sent.id })).ok).toBe(true)
    expect(alices.of('typing.changed')).toEqual([])

    // Nor does who was blocked take away what may be needed; who blocked may.
    const remove = (who: SignedIn) => ask('DELETE', `/v1/conversations/${conversationId}`, { token: who.accessToken })
    expect(await remove(bob)).toMatchObject({ status: 403, body: { code: 'conversation.blocked' } })

    await unblock(alice, bob)
    expect((await say(bobs, conversationId)).seq).toBe(2)
    await block(alice, bob)
    expect((await remove(alice)).status).toBe(204)
  })

  test('[BLOC3] it takes both to unblock where both have blocked', async () => {
    const { alice, bob, conversationId } = await pair()
    await block(alice, bob)
    await block(bob, alice)
    const send = (clientId: string) =>
      ask('POST', `/v1/conversations/${conversationId}/messages`, {
        token: alice.accessToken,
        json: { clientId, content: text('bonjour') },
      })

    await unblock(alice, bob)
    expect(await send('one')).toMatchObject({ status: 403, body: { code: 'conversation.blocked' } })
    await unblock(bob, alice)
    expect((await send('one')).status).toBe(201)
  })

  test('[BLOC3] the block of an account that ended can be taken back', async () => {
    const { alice, bob, conversationId } = await pair()
    const bobs = await RawSocket.arrive(bob)
    const { id } = await say(bobs, conversationId)
    await block(bob, alice)
    await ask('DELETE', '/v1/me', { token: alice.accessToken, json: { password: PASSWORD } })

    expect((await unblock(bob, alice)).status).toBe(204)

    expect(await bobs.refusal({ type: 'pin.add', messageId: id })).toBeNull()
  })

  test('[BLOC3] a group that they share goes on', async () => {
    const { alice, bob } = await two()
    const conversationId = await openGroup(alice, bob)
    await block(alice, bob)

    const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
    const sent = await say(bobs, conversationId)

    expect(await alices.waitForType('message.created')).toMatchObject({ message: { id: sent.id } })
  })

  test('[BLOC3] a conversation that was registered and never made is blocked all the same', async () => {
    const { alice, bob } = await two()
    const pairKey = [alice.user.id, bob.user.id].toSorted((a, b) => a - b).join(':')
    await env.DIRECTORY.prepare(
      "INSERT INTO conversations (kind, pair, created_by, created_at) VALUES ('direct', ?, ?, 0)",
    )
      .bind(pairKey, alice.user.id)
      .run()

    await block(bob, alice)
    await env.DIRECTORY.prepare('DELETE FROM blocks WHERE blocker_id = ?').bind(bob.user.id).run()

    // The directory would let it open now; the object keeps what it was told.
    const conversationId = await openDirect(alice, bob)
    const json = { clientId: 'one', content: text('bonjour') }
    const reply = await ask('POST', `/v1/conversations/${conversationId}/messages`, { token: alice.accessToken, json })
    expect(reply).toMatchObject({ status: 403, body: { code: 'conversation.blocked' } })
  })

  test('[BLOC4] each looks offline to the other from that moment on, in groups too, and to nobody else', async () => {
    const { alice, bob, conversationId } = await pair()
    const carol = await signUp()
    await openGroup(alice, bob, carol)
    const [alices, bobs, carols] = [
      await RawSocket.arrive(alice),
      await RawSocket.arrive(bob),
      await RawSocket.arrive(carol),
    ]
    await expect.poll(() => isOnline(bobs, alice)).toBe(true)
    await expect.poll(() => heardOf(alices, bob)).toEqual([true])

    await block(alice, bob)

    await expect.poll(() => heardOf(bobs, alice).at(-1)).toBe(false)
    await expect.poll(() => heardOf(alices, bob).at(-1)).toBe(false)
    expect(await bobs.request({ type: 'presence.get', userIds: [alice.user.id] })).toEqual({
      items: [{ userId: alice.user.id, online: false, lastSeenAt: null }],
    })
    expect(await isOnline(alices, bob)).toBe(false)
    expect(await isOnline(carols, alice)).toBe(true)
    const again = await RawSocket.arrive(bob)
    expect((await again.waitForType('hello'))['online']).not.toContain(alice.user.id)
    expect(conversationId).toBeGreaterThan(0)

    await unblock(alice, bob)
    await expect.poll(() => heardOf(bobs, alice).at(-1)).toBe(true)
  })
})

describe('administrators', () => {
  test('[ADMN1] one becomes an administrator by username or address, in any case, and ceases to be one', async () => {
    const db = openDirectory(env)
    await signUp()
    const { user } = await signUp()
    const appoint = async (login: string, isAdmin: boolean) =>
      (await env.DIRECTORY.prepare(appointment(login, isAdmin)).all()).results
    const refused = { code: 'admin.required' }
    expect(await requireAdmin(db, user.id)).toMatchObject(refused)

    expect(await appoint(` ${user.email.toUpperCase()} `, true)).toEqual([{ username: user.username }])
    expect(await requireAdmin(db, user.id)).toBeNull()

    expect(await appoint(user.username, false)).toEqual([{ username: user.username }])
    expect(await requireAdmin(db, user.id)).toMatchObject(refused)
    for (const nobody of ['nobody@example.org', "' OR 1=1 --", "''"]) expect(await appoint(nobody, true)).toEqual([])
    expect(await requireAdmin(db, user.id)).toMatchObject(refused)
  })
})

describe('the cost of blocks', () => {
  test('[BLOC1] to unblock nobody makes nothing', async () => {
    const alice = await signUp()
    const nobody = 987_654_321

    expect((await act(alice, 'DELETE', `/v1/blocks/${nobody}`)).status).toBe(204)

    const ids = await listDurableObjectIds(env.USER_HUB)
    expect(ids.map(String)).not.toContain(String(env.USER_HUB.idFromName(String(nobody))))
  })

  test('[BLOC1] a block does not wake the conversations of somebody who is not here', async () => {
    const { alice, bob } = await two()
    const group = String(await openGroup(bob, alice))
    const asking = vi.spyOn(Conversation.prototype, 'entryFor')

    await block(alice, bob)
    await unblock(alice, bob)

    const asked = asking.mock.contexts.map((each) => (Reflect.get(Object(each), 'ctx') as DurableObjectState).id.name)
    asking.mockRestore()
    expect(asked).not.toContain(group)
  })
})
