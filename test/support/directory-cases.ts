import { expect } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { InboxPage, MemberList } from '../../src/protocol/conversation.ts'
import { befriend, friendIds } from './friends.ts'
import { openDirect, openGroup, text } from './people.ts'
import { ask, newName, PASSWORD, signIn, signUp, statusOf } from './rest.ts'

export type Call = { method: string; path: string; token?: string; json?: object }
/** A call, what answers a second try may have, and what must hold once it was answered for good. */
export type Case = { call: Call; again: number[]; holds: () => Promise<void> }

const page = <Item>(who: SignedIn, path: string) =>
  ask<{ items: Item[] }>('GET', path, { token: who.accessToken }).then(({ body }) => body.items)
const inboxOf = async (who: SignedIn) =>
  (await ask<InboxPage>('GET', '/v1/conversations', { token: who.accessToken })).body.items.map(
    ({ conversation }) => conversation.id,
  )
const memberListOf = async (who: SignedIn, id: number) =>
  (await ask<MemberList>('GET', `/v1/conversations/${id}/members`, { token: who.accessToken })).body.items
const membersOf = async (who: SignedIn, id: number) => (await memberListOf(who, id)).map(({ userId }) => userId)
const post = <Body>(who: SignedIn, path: string, json: object = {}) =>
  ask<Body>('POST', path, { token: who.accessToken, json }).then(({ body }) => body)

const send = (who: SignedIn, id: number) =>
  ask('POST', `/v1/conversations/${id}/messages`, {
    token: who.accessToken,
    json: { clientId: crypto.randomUUID(), content: text('bonjour') },
  })

const eventsOf = (who: SignedIn) => page<{ title: string }>(who, '/v1/events')
const eventOf = (who: SignedIn, id: number) => ask('GET', `/v1/events/${id}`, { token: who.accessToken })
const withEvent = async () => {
  const alice = await signUp()
  const json = { title: newName('Ball'), startsAt: '2031-01-01T20:00:00.000Z' }
  return [alice, (await post<{ id: number }>(alice, '/v1/events', json)).id] as const
}
const roleOf = async (who: SignedIn, id: number, whose: SignedIn) =>
  (await memberListOf(who, id)).find(({ userId }) => userId === whose.user.id)?.role

const closeRequest = async (method: string, end: string, by: 'sender' | 'receiver'): Promise<Case> => {
  const [alice, bob] = [await signUp(), await signUp()]
  await post(alice, '/v1/friend-requests', { userId: bob.user.id })
  const [request] = await page<{ id: number }>(bob, '/v1/friend-requests')
  const holds = async () => {
    expect([await page(alice, '/v1/friend-requests'), await page(bob, '/v1/friend-requests')]).toEqual([[], []])
    expect(await friendIds(bob)).toEqual([])
  }
  const { accessToken: token } = by === 'sender' ? alice : bob
  const call = { method, path: `/v1/friend-requests/${request?.id}${end}`, token }
  return { call, again: [204, 404], holds }
}

/** Calls that write, each with what must be true when all is over, however often it was tried. */
export const CASES: Record<string, () => Promise<Case>> = {
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
      expect(await friendIds(alice)).toEqual([bob.user.id])
      expect(await friendIds(bob)).toEqual([alice.user.id])
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
    const id = await openDirect(alice, bob)
    const holds = async () => {
      expect(await friendIds(alice)).toEqual([])
      expect(await friendIds(bob)).toEqual([])
      expect(await send(bob, id)).toMatchObject({ status: 403, body: { code: 'conversation.blocked' } })
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
      expect(await friendIds(bob)).toEqual([])
      expect(await membersOf(bob, id)).toEqual([bob.user.id])
    }
    const json = { password: PASSWORD }
    return { call: { method: 'DELETE', path: '/v1/me', token: alice.accessToken, json }, again: [204, 401], holds }
  },
  'somebody signs in': async () => {
    const { user } = await signUp()
    const json = { login: user.username, password: PASSWORD }
    const holds = async () => expect((await signIn(user.username)).status).toBe(200)
    return { call: { method: 'POST', path: '/v1/auth/login', json }, again: [200], holds }
  },
  'another session is ended': async () => {
    const alice = await signUp()
    const other = (await signIn(alice.user.username)).body
    const holds = async () => expect(await statusOf(other.accessToken)).toBe(401)
    const path = `/v1/auth/sessions/${other.sessionId}`
    return { call: { method: 'DELETE', path, token: alice.accessToken }, again: [204, 404], holds }
  },
  'a profile is changed': async () => {
    const { accessToken: token } = await signUp()
    const json = { displayName: 'Alice of the Barn', email: `${newName()}@example.com` }
    const holds = async () => expect((await ask('GET', '/v1/me', { token })).body).toMatchObject(json)
    return { call: { method: 'PATCH', path: '/v1/me', token, json }, again: [200], holds }
  },
  'a password is changed': async () => {
    const alice = await signUp()
    const other = (await signIn(alice.user.username)).body
    const json = { currentPassword: PASSWORD, newPassword: 'another horse battery' }
    const holds = async () => {
      expect((await signIn(alice.user.username, json.newPassword)).status).toBe(200)
      expect((await signIn(alice.user.username)).status).toBe(401)
      expect(await statusOf(other.accessToken)).toBe(401)
    }
    // Where the first try was done, the second gives a password that is none any more.
    const again = [204, 403]
    return { call: { method: 'PUT', path: '/v1/me/password', token: alice.accessToken, json }, again, holds }
  },
  'a friend request is made': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const holds = async () => {
      expect(await page(alice, '/v1/friend-requests')).toHaveLength(1)
      expect(await page(bob, '/v1/friend-requests')).toHaveLength(1)
    }
    const json = { userId: bob.user.id }
    return {
      call: { method: 'POST', path: '/v1/friend-requests', token: alice.accessToken, json },
      again: [200, 201],
      holds,
    }
  },
  'a friend request is declined': () => closeRequest('POST', '/decline', 'receiver'),
  'a friend request is taken back': () => closeRequest('DELETE', '', 'sender'),
  'a friendship ends': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    await befriend(alice, bob)
    const holds = async () => {
      expect(await friendIds(alice)).toEqual([])
      expect(await friendIds(bob)).toEqual([])
    }
    const path = `/v1/friends/${bob.user.id}`
    return { call: { method: 'DELETE', path, token: alice.accessToken }, again: [204, 404], holds }
  },
  'somebody is unblocked': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const path = `/v1/blocks/${bob.user.id}`
    const id = await openDirect(alice, bob)
    await ask('PUT', path, { token: alice.accessToken })
    const holds = async () => {
      expect((await send(bob, id)).status).toBe(201)
      expect(await page(alice, '/v1/blocks')).toEqual([])
      await befriend(bob, alice)
      expect(await friendIds(alice)).toEqual([bob.user.id])
    }
    return { call: { method: 'DELETE', path, token: alice.accessToken }, again: [204], holds }
  },
  'somebody is invited': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const conversationId = await openGroup(alice)
    const holds = async () => expect(await page(bob, '/v1/invitations')).toMatchObject([{ conversationId }])
    const json = { userId: bob.user.id, conversationId }
    return {
      call: { method: 'POST', path: '/v1/invitations', token: alice.accessToken, json },
      again: [200, 201],
      holds,
    }
  },
  'an invitation is declined': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const conversationId = await openGroup(alice)
    const { id } = await post<{ id: number }>(alice, '/v1/invitations', { userId: bob.user.id, conversationId })
    const holds = async () => expect(await membersOf(alice, conversationId)).toEqual([alice.user.id])
    const path = `/v1/invitations/${id}/decline`
    return { call: { method: 'POST', path, token: bob.accessToken }, again: [200, 409], holds }
  },
  'an event is made': async () => {
    const alice = await signUp()
    const json = { title: newName('Ball'), startsAt: '2031-01-01T20:00:00.000Z' }
    const holds = async () =>
      expect((await eventsOf(alice)).filter(({ title }) => title === json.title)).toHaveLength(1)
    // Its title is its own, so a second try learns that the first was heard.
    return { call: { method: 'POST', path: '/v1/events', token: alice.accessToken, json }, again: [201, 409], holds }
  },
  'an event is changed': async () => {
    const [alice, id] = await withEvent()
    const json = { location: 'the barn' }
    const holds = async () => expect(await eventOf(alice, id)).toMatchObject({ status: 200, body: json })
    return { call: { method: 'PATCH', path: `/v1/events/${id}`, token: alice.accessToken, json }, again: [200], holds }
  },
  'an event is deleted': async () => {
    const [alice, id] = await withEvent()
    const holds = async () => expect((await eventOf(alice, id)).status).toBe(404)
    return { call: { method: 'DELETE', path: `/v1/events/${id}`, token: alice.accessToken }, again: [204, 404], holds }
  },
  'an event is answered': async () => {
    const [alice, id] = await withEvent()
    const rsvps = [{ userId: alice.user.id, answer: 'yes' }]
    const holds = async () => expect(await eventOf(alice, id)).toMatchObject({ body: { rsvps } })
    const path = `/v1/events/${id}/rsvp`
    return { call: { method: 'PUT', path, token: alice.accessToken, json: { answer: 'yes' } }, again: [200], holds }
  },
  'an answer to an event is withdrawn': async () => {
    const [alice, id] = await withEvent()
    const path = `/v1/events/${id}/rsvp`
    await ask('PUT', path, { token: alice.accessToken, json: { answer: 'yes' } })
    const holds = async () => expect(await eventOf(alice, id)).toMatchObject({ body: { rsvps: [] } })
    return { call: { method: 'DELETE', path, token: alice.accessToken }, again: [204], holds }
  },
  'a group is renamed': async () => {
    const alice = await signUp()
    const path = `/v1/conversations/${await openGroup(alice)}`
    const holds = async () => {
      const { body } = await ask('GET', path, { token: alice.accessToken })
      expect(body).toMatchObject({ conversation: { title: 'Dinner' } })
    }
    return { call: { method: 'PATCH', path, token: alice.accessToken, json: { title: 'Dinner' } }, again: [200], holds }
  },
  'a group is deleted': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const path = `/v1/conversations/${await openGroup(alice, bob)}`
    const holds = async () => {
      expect(await inboxOf(alice)).toEqual([])
      await expect.poll(() => inboxOf(bob)).toEqual([])
    }
    return { call: { method: 'DELETE', path, token: alice.accessToken }, again: [204, 404], holds }
  },
  'a member gets a role': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const id = await openGroup(alice, bob)
    const holds = async () => expect(await roleOf(alice, id, bob)).toBe('admin')
    const path = `/v1/conversations/${id}/members/${bob.user.id}`
    return { call: { method: 'PATCH', path, token: alice.accessToken, json: { role: 'admin' } }, again: [200], holds }
  },
  'a member is removed': async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const id = await openGroup(alice, bob)
    const holds = async () => {
      expect(await membersOf(alice, id)).toEqual([alice.user.id])
      await expect.poll(() => inboxOf(bob)).toEqual([])
    }
    const path = `/v1/conversations/${id}/members/${bob.user.id}`
    return { call: { method: 'DELETE', path, token: alice.accessToken }, again: [204, 404], holds }
  },
}
