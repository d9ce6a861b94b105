import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { FriendRequestOutcome } from '../../src/protocol/friend.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import {
  act,
  befriend,
  block,
  friendIds,
  heardOf,
  isOnline,
  publicly,
  request,
  requestId,
  requestsOf,
  two,
} from '../support/friends.ts'
import { crowd } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'
import { LOST, spoiledCall } from '../support/spoiled-call.ts'

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

  test.each(['accepts', 'asks as well'])(
    '[FRND7] whoever became friends hear of it, also where the directory fails after one of them %s',
    async (how) => {
      vi.spyOn(console, 'error').mockReturnValue(undefined)
      const befriended: number[] = []
      for (let failing = 1; failing <= 6; failing += 1) {
        const { alice, bob } = await two()
        const id = await requestId(alice, bob)
        const sockets = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
        const call =
          how === 'accepts'
            ? { method: 'POST', path: `/v1/friend-requests/${id}/accept`, token: bob.accessToken }
            : {
                method: 'POST',
                path: '/v1/friend-requests',
                token: bob.accessToken,
                json: { userId: alice.user.id },
              }

        let queries = 0
        const status = await spoiledCall(call, async (run) => {
          queries += 1
          if (queries >= failing) throw new Error(LOST)
          return run()
        })

        const areFriends = (await friendIds(bob)).length > 0
        expect(status < 300, `query ${failing}`).toBe(areFriends)
        if (!areFriends) continue
        befriended.push(failing)
        for (const socket of sockets) {
          expect(await socket.waitForType('friend.added')).toMatchObject({ requestId: id, acceptedBy: bob.user.id })
        }
      }
      expect(befriended).not.toEqual([])
    },
  )

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
