import { createExecutionContext, runInDurableObject, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test, vi } from 'vitest'
import { spoiledDatabase } from '../../chaos/inside/spoiled.ts'
import server from '../../src/index.ts'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { InboxPage, MemberList } from '../../src/protocol/conversation.ts'
import { openDirect, openGroup } from '../support/people.ts'
import { halves } from '../support/whole.ts'
import { ask, newName, PASSWORD, randomAddress, signIn, signUp, statusOf } from '../support/rest.ts'

type Call = { method: string; path: string; token?: string; json?: object }
/** A call, what answers a second try may have, and what must hold once it was answered for good. */
type Case = { call: Call; again: number[]; holds: () => Promise<void> }

const page = <Item>(who: SignedIn, path: string) =>
  ask<{ items: Item[] }>('GET', path, { token: who.accessToken }).then(({ body }) => body.items)
const inboxOf = async (who: SignedIn) =>
  (await ask<InboxPage>('GET', '/v1/conversations', { token: who.accessToken })).body.items.map(
    ({ conversation }) => conversation.id,
  )
const membersOf = async (who: SignedIn, id: number) =>
  (await ask<MemberList>('GET', `/v1/conversations/${id}/members`, { token: who.accessToken })).body.items.map(
    ({ userId }) => userId,
  )
const friendsOf = async (who: SignedIn) =>
  (await page<{ user: { id: number } }>(who, '/v1/friends')).map(({ user }) => user.id)
const post = <Body>(who: SignedIn, path: string, json: object = {}) =>
  ask<Body>('POST', path, { token: who.accessToken, json }).then(({ body }) => body)
const befriend = async (one: SignedIn, other: SignedIn) => {
  await post(one, '/v1/friend-requests', { userId: other.user.id })
  await post(other, '/v1/friend-requests', { userId: one.user.id })
}

const CASES: Record<string, () => Promise<Case>> = {
  'somebody registers': async () => {
    const username = newName()
    const json = { username, email: `${username}@example.org`, password: PASSWORD }
    const holds = async () => expect((await signIn(username)).status).toBe(200)
    // That the first try was heard is all that the second learns.
    return { call: { method: 'POST', path: '/v1/auth/register', json }, again: [201, 409], holds }
  },
  'a token is renewed': async () => {
    const alice = await signUp()
    const json = { refreshToken: alice.refreshToken }
    const holds = async () => expect(await statusOf(alice.accessToken)).toBe(200)
    return { call: { method: 'POST', path: '/v1/auth/refresh', json }, again: [200], holds }
  },
  'somebody signs out': async () => {
    const { accessToken: token } = await signUp()
    const holds = async () => expect(await statusOf(token)).toBe(401)
    return { call: { method: 'POST', path: '/v1/auth/logout', token }, again: [204, 401], holds }
  },
  'a direct conversation is opened': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const json = { kind: 'direct', userId: bob.user.id }
    const holds = async () => {
      const [hers, his] = [await inboxOf(alice), await inboxOf(bob)]
      expect(hers).toHaveLength(1)
      expect(his).toEqual(hers)
      expect(await openDirect(bob, alice)).toBe(hers[0])
    }
    return {
      call: { method: 'POST', path: '/v1/conversations', token: alice.accessToken, json },
      again: [200, 201],
      holds,
    }
  },
  'a group is made': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const json = { kind: 'group', title: 'Picnic', memberIds: [bob.user.id], clientId: 'once' }
    const holds = async () => {
      const [hers, his] = [await inboxOf(alice), await inboxOf(bob)]
      expect(hers).toHaveLength(1)
      expect(his).toEqual(hers)
      expect(await membersOf(alice, hers[0] ?? 0)).toEqual([alice.user.id, bob.user.id])
    }
    return {
      call: { method: 'POST', path: '/v1/conversations', token: alice.accessToken, json },
      again: [200, 201],
      holds,
    }
  },
  'somebody is added': async () => {
    const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
    const id = await openGroup(alice, bob)
    const json = { userIds: [carol.user.id] }
    const holds = async () => {
      expect(await membersOf(alice, id)).toEqual([alice.user.id, bob.user.id, carol.user.id])
      expect(await inboxOf(carol)).toEqual([id])
    }
    const path = `/v1/conversations/${id}/members`
    return { call: { method: 'POST', path, token: alice.accessToken, json }, again: [200], holds }
  },
  'a friend request is accepted': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    await post(alice, '/v1/friend-requests', { userId: bob.user.id })
    const [request] = await page<{ id: number }>(bob, '/v1/friend-requests')
    const holds = async () => {
      expect(await friendsOf(alice)).toEqual([bob.user.id])
      expect(await friendsOf(bob)).toEqual([alice.user.id])
      expect(await page(bob, '/v1/friend-requests')).toEqual([])
    }
    const path = `/v1/friend-requests/${request?.id}/accept`
    return { call: { method: 'POST', path, token: bob.accessToken }, again: [200, 404], holds }
  },
  'an invitation is accepted': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const id = await openGroup(alice)
    const invitation = await post<{ id: number }>(alice, '/v1/invitations', { userId: bob.user.id, conversationId: id })
    const holds = async () => {
      expect(await membersOf(alice, id)).toEqual([alice.user.id, bob.user.id])
      expect(await inboxOf(bob)).toEqual([id])
    }
    const path = `/v1/invitations/${invitation.id}/accept`
    return { call: { method: 'POST', path, token: bob.accessToken }, again: [200, 409], holds }
  },
  'somebody is blocked': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    await befriend(alice, bob)
    const holds = async () => {
      expect(await friendsOf(alice)).toEqual([])
      expect(await friendsOf(bob)).toEqual([])
      const { status } = await ask('POST', '/v1/friend-requests', {
        token: bob.accessToken,
        json: { userId: alice.user.id },
      })
      expect(status).toBeGreaterThanOrEqual(400)
    }
    const path = `/v1/blocks/${bob.user.id}`
    return { call: { method: 'PUT', path, token: alice.accessToken }, again: [200, 201, 204], holds }
  },
  'an account ends': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    await befriend(alice, bob)
    const id = await openGroup(bob, alice)
    const holds = async () => {
      expect(await statusOf(alice.accessToken)).toBe(401)
      expect((await signIn(alice.user.username)).status).toBe(401)
      expect(await friendsOf(bob)).toEqual([])
      expect(await membersOf(bob, id)).toEqual([bob.user.id])
    }
    const json = { password: PASSWORD }
    return { call: { method: 'DELETE', path: '/v1/me', token: alice.accessToken, json }, again: [204, 401], holds }
  },
}

/** The status of the call where the query of this number fails, and whether it came to that query. */
const perform = async (call: Call, fault: { at: number; when: 'before' | 'after' } | null) => {
  const { method, path, token, json } = call
  let queries = 0
  const database = spoiledDatabase(env.DIRECTORY, async (run) => {
    queries += 1
    const isHit = queries === fault?.at
    if (isHit && fault.when === 'before') throw new Error('D1_ERROR: Network connection lost.')
    const result = await run()
    if (isHit) throw new Error('D1_ERROR: Network connection lost.')
    return result
  })
  const headers = new Headers({ 'cf-connecting-ip': randomAddress(), 'content-type': 'application/json' })
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  const request = new Request(`https://causerie.test${path}`, {
    method,
    headers,
    body: json ? JSON.stringify(json) : null,
  })
  const ctx = createExecutionContext()
  const response = await server.fetch(request, { ...env, DIRECTORY: database }, ctx)
  await response.text()
  await waitOnExecutionContext(ctx)
  return { status: response.status, wasHit: fault !== null && queries >= fault.at }
}

test.each(Object.entries(CASES))(
  'whichever query of the directory fails, nothing is left half done when %s',
  async (_what, prepare) => {
    // Each of the faults is a line of the log.
    vi.spyOn(console, 'error').mockReturnValue(undefined)
    let faults = 0
    for (const when of ['before', 'after'] as const) {
      for (let at = 1; ; at += 1) {
        const { call, again, holds } = await prepare()
        const first = await perform(call, { at, when })
        if (!first.wasHit) break
        faults += 1
        const where = `query ${at} failed ${when} it was done`
        if (first.status >= 400) {
          expect(first.status, where).toBe(503)
          expect(again, where).toContain((await perform(call, null)).status)
        }
        await holds()
      }
    }
    expect(faults).toBeGreaterThan(1)
  },
  120_000,
)

test('after all of that no row of the directory or of any object contradicts another', async () => {
  // Whose hub was not told of a change of friends or blocks reads it with the next coming.
  const living = await env.DIRECTORY.prepare('SELECT id FROM users WHERE deleted_at IS NULL').all<{ id: number }>()
  for (const { id } of living.results) await hubOf(env, id).circleChanged()

  await expect.poll(halves, { timeout: 60_000, interval: 1_000 }).toEqual([])
}, 120_000)

test('what is planted there is found', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const direct = await openDirect(alice, bob)
  const group = await openGroup(alice, bob)
  await befriend(alice, bob)
  await expect.poll(halves, { timeout: 30_000, interval: 1_000 }).toEqual([])
  const alter = (stub: DurableObjectStub, sql: string) =>
    runInDurableObject(stub, (_, { storage }) => void storage.sql.exec(sql))
  const [hers, his, theirs] = [alice, bob, carol].map(({ user }) => user.id)

  await alter(hubOf(env, bob.user.id), `DELETE FROM inbox WHERE conversation_id = ${direct}`)
  await alter(conversationOf(env, group), `UPDATE members SET told = 0 WHERE user_id = ${his}`)
  await alter(hubOf(env, alice.user.id), 'DELETE FROM circle')
  await env.DIRECTORY.batch([
    env.DIRECTORY.prepare(`DELETE FROM conversations WHERE id = ${group}`),
    env.DIRECTORY.prepare(`INSERT INTO blocks VALUES (${hers}, ${his}, 0)`),
    env.DIRECTORY.prepare(`UPDATE users SET deleted_at = 1 WHERE id = ${theirs}`),
    env.DIRECTORY.prepare(
      `DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = ${hers})`,
    ),
  ])

  expect((await halves()).toSorted()).toEqual(
    [
      `${his} is in conversation ${direct}, and the inbox says otherwise`,
      `${his} was not told of conversation ${group}`,
      `conversation ${group} is in no registry`,
      `${hers} and ${his} are friends, and one has blocked the other`,
      `${his} and ${hers} are friends, and one has blocked the other`,
      `the hub of ${hers} has other friends`,
      `the hub of ${hers} hides others`,
      `the hub of ${his} hides others`,
      `account ${theirs} ended, and not all of it`,
      `session ${alice.sessionId} has no token`,
    ].toSorted(),
  )
})
