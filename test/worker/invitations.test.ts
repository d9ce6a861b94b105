import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { Invitation, InvitationPage } from '../../src/protocol/invitation.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { entryFor, openDirect, openGroup, pair } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, type Reply, signUp } from '../support/rest.ts'

const invite = (from: SignedIn, to: SignedIn, json: object = {}): Promise<Reply<Invitation>> =>
  ask('POST', '/v1/invitations', { token: from.accessToken, json: { userId: to.user.id, ...json } })

const answer = (who: SignedIn, id: number, word: 'accept' | 'decline'): Promise<Reply<Invitation>> =>
  ask('POST', `/v1/invitations/${id}/${word}`, { token: who.accessToken })

const listOf = async (who: SignedIn): Promise<Invitation[]> => {
  const { body } = await ask<InvitationPage>('GET', '/v1/invitations', { token: who.accessToken })
  return InvitationPage.parse(body).items
}

const three = async () => ({ alice: await signUp(), bob: await signUp(), carol: await signUp() })

test('[INVI1] who leads a group invites into it, and accepting is joining', async () => {
  const { alice, bob, carol } = await three()
  const conversationId = await openGroup(alice, bob)
  const invited = await invite(alice, carol, { conversationId, message: 'bring bread' })
  expect(invited.status).toBe(201)
  const { id } = Invitation.parse(invited.body)
  expect(invited.body).toMatchObject({ conversationId, message: 'bring bread', status: 'pending', answeredAt: null })
  expect(invited.body).toMatchObject({ from: { id: alice.user.id }, to: { id: carol.user.id } })
  expect((await entryFor(alice, conversationId)).memberIds).not.toContain(carol.user.id)

  const accepted = await answer(carol, id, 'accept')

  expect(accepted).toMatchObject({ status: 200, body: { id, status: 'accepted', conversationId } })
  expect(Invitation.parse(accepted.body).answeredAt).not.toBeNull()
  expect((await entryFor(carol, conversationId)).memberIds).toContain(carol.user.id)
  expect(await listOf(alice)).toEqual([accepted.body])
})

test('[INVI1] an admin of the group invites; a plain member, a stranger and one of two do not', async () => {
  const { alice, bob, carol } = await three()
  const dave = await signUp()
  const conversationId = await openGroup(alice, bob, carol)
  const token = alice.accessToken
  await ask('PATCH', `/v1/conversations/${conversationId}/members/${bob.user.id}`, { token, json: { role: 'admin' } })
  const direct = await openDirect(alice, bob)

  expect((await invite(bob, dave, { conversationId })).status).toBe(201)
  expect(await invite(carol, dave, { conversationId })).toMatchObject({
    status: 403,
    body: { code: 'member.not_allowed' },
  })
  expect(await invite(dave, carol, { conversationId })).toMatchObject({
    status: 404,
    body: { code: 'conversation.not_found' },
  })
  expect(await invite(alice, dave, { conversationId: direct })).toMatchObject({
    status: 403,
    body: { code: 'conversation.is_direct' },
  })
})

test('[INVI1] who no longer leads the group when it is accepted brings nobody in', async () => {
  const { alice, bob, carol } = await three()
  const conversationId = await openGroup(alice, bob)
  const { body } = await invite(alice, carol, { conversationId })
  await ask('DELETE', `/v1/conversations/${conversationId}/members/${alice.user.id}`, { token: alice.accessToken })

  expect(await answer(carol, body.id, 'accept')).toMatchObject({
    status: 404,
    body: { code: 'conversation.not_found' },
  })
  expect((await listOf(carol))[0]).toMatchObject({ status: 'pending' })
  expect((await answer(carol, body.id, 'decline')).status).toBe(200)
})

test('[CONV10] into a group that its last member left nobody is brought or invited', async () => {
  const { alice, bob, carol } = await three()
  const conversationId = await openGroup(alice)
  const { body } = await invite(alice, carol, { conversationId })
  const [token, members] = [alice.accessToken, `/v1/conversations/${conversationId}/members`]
  expect((await ask('DELETE', `${members}/${alice.user.id}`, { token })).status).toBe(204)

  const missing = { status: 404, body: { code: 'conversation.not_found' } }
  expect(await answer(carol, body.id, 'accept')).toMatchObject(missing)
  expect(await invite(alice, bob, { conversationId })).toMatchObject(missing)
  expect(await ask('POST', members, { token, json: { userIds: [bob.user.id] } })).toMatchObject(missing)
  expect((await answer(carol, body.id, 'decline')).status).toBe(200)
})

test('[INVI1] who was removed does not come back by an invitation of before', async () => {
  const { alice, bob, carol } = await three()
  const conversationId = await openGroup(alice, bob)
  const { body } = await invite(alice, carol, { conversationId })
  const [token, members] = [alice.accessToken, `/v1/conversations/${conversationId}/members`]
  await ask('POST', members, { token, json: { userIds: [carol.user.id] } })
  await ask('DELETE', `${members}/${carol.user.id}`, { token })

  expect(await answer(carol, body.id, 'accept')).toMatchObject({ status: 403, body: { code: 'member.not_allowed' } })
  expect((await entryFor(alice, conversationId)).memberIds).not.toContain(carol.user.id)

  const { status, body: again } = await invite(alice, carol, { conversationId })
  expect([status, again.id]).toEqual([200, body.id])
  expect((await answer(carol, again.id, 'accept')).status).toBe(200)
})

test('[INVI2] without a group, accepting opens the direct conversation of the two, which the invitation then names', async () => {
  const { alice, bob } = await three()
  const { body } = await invite(alice, bob, { message: 'shall we talk?' })
  expect(body).toMatchObject({ conversationId: null })

  const accepted = Invitation.parse((await answer(bob, body.id, 'accept')).body)

  const conversationId = accepted.conversationId ?? 0
  expect((await entryFor(bob, conversationId)).memberIds).toEqual([alice.user.id, bob.user.id])
  expect(await openDirect(bob, alice)).toBe(conversationId)
  expect(await listOf(alice)).toMatchObject([{ status: 'accepted', conversationId }])
})

test('[INVI2] where they have one already, that is the one', async () => {
  const { alice, bob, conversationId } = await pair()
  const { body } = await invite(bob, alice)
  expect((await answer(alice, body.id, 'accept')).body).toMatchObject({ status: 'accepted', conversationId })
})

test('[INVI3] only the two see it, only the invited answers, and once', async () => {
  const { alice, bob, carol } = await three()
  const { body } = await invite(alice, bob)

  for (const who of [alice, carol]) {
    for (const word of ['accept', 'decline'] as const) {
      expect(await answer(who, body.id, word)).toMatchObject({ status: 404, body: { code: 'invitation.not_found' } })
    }
  }
  expect(await listOf(carol)).toEqual([])
  expect(await listOf(bob)).toEqual(await listOf(alice))

  expect(await answer(bob, body.id, 'decline')).toMatchObject({
    status: 200,
    body: { status: 'declined', conversationId: null },
  })
  for (const word of ['accept', 'decline'] as const) {
    expect(await answer(bob, body.id, word)).toMatchObject({ status: 409, body: { code: 'invitation.answered' } })
  }
})

test('[INVI3] of a hundred answers in the same moment one counts', async () => {
  const { alice, bob } = await three()
  const { body } = await invite(alice, bob)
  const replies = await Promise.all(Array.from({ length: 100 }, () => answer(bob, body.id, 'accept')))

  expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
  expect(replies.filter(({ status }) => status === 409)).toHaveLength(99)
})

test('[INVI3] accepted and declined in the same moment, it says in the end what came of it', async () => {
  const { alice, bob, carol } = await three()
  const conversationId = await openGroup(alice, bob)
  const { body } = await invite(alice, carol, { conversationId })

  await Promise.all([answer(carol, body.id, 'accept'), answer(carol, body.id, 'decline')])

  const isIn = (await entryFor(alice, conversationId)).memberIds.includes(carol.user.id)
  expect(await listOf(carol)).toMatchObject([{ status: isIn ? 'accepted' : 'declined' }])
})

test('[INVI3] inviting again while the first is open is the first; once answered it is another', async () => {
  const { alice, bob, carol } = await three()
  const conversationId = await openGroup(alice, bob)
  for (const into of [{}, { conversationId }]) {
    const replies = await Promise.all(Array.from({ length: 5 }, () => invite(alice, carol, into)))
    expect(replies.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 200, 200, 200, 201])
    expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1)
    const [first] = replies
    await answer(carol, first?.body.id ?? 0, 'decline')
    expect((await invite(alice, carol, into)).status).toBe(201)
  }
  expect(await listOf(carol)).toHaveLength(4)
})

test('[INVI4] both hear of it on every device, and a block declines what is open', async () => {
  const { alice, bob } = await three()
  const sockets = [await RawSocket.arrive(alice), await RawSocket.arrive(bob), await RawSocket.arrive(bob)]
  const { body } = await invite(alice, bob)
  for (const socket of sockets) {
    expect(await socket.waitForType('invitation.created')).toMatchObject({ invitation: { id: body.id } })
  }

  await ask('PUT', `/v1/blocks/${alice.user.id}`, { token: bob.accessToken })

  for (const socket of sockets) {
    expect(await socket.waitForType('invitation.answered')).toMatchObject({
      invitation: { id: body.id, status: 'declined' },
    })
  }
  expect(await answer(bob, body.id, 'accept')).toMatchObject({ status: 409, body: { code: 'invitation.answered' } })
})

test('[INVI5] nobody invites themselves or nobody, and bad input is refused', async () => {
  const { alice, bob } = await three()
  expect(await invite(alice, alice)).toMatchObject({ status: 400, body: { code: 'invitation.with_self' } })
  const token = alice.accessToken
  expect(await ask('POST', '/v1/invitations', { token, json: { userId: 999_999 } })).toMatchObject({
    status: 404,
    body: { code: 'user.not_found' },
  })
  expect(await invite(alice, bob, { conversationId: 99_999_999 })).toMatchObject({
    status: 404,
    body: { code: 'conversation.not_found' },
  })
  for (const json of [
    { conversationId: 0 },
    { conversationId: null },
    { conversationId: 2 ** 27 },
    { message: 'x'.repeat(1_001) },
    { message: '\u0000' },
    { from: 1 },
  ]) {
    expect((await invite(alice, bob, json)).status, JSON.stringify(json)).toBe(400)
  }
  for (const id of ['x', '-1', '0', '99999999999999999']) {
    expect((await ask('POST', `/v1/invitations/${id}/accept`, { token })).status).toBe(400)
  }
  expect((await ask('GET', '/v1/invitations')).status).toBe(401)
})

test('[INVI5] the list comes in pages, the newest first', async () => {
  const { alice } = await three()
  for (let i = 0; i < 3; i++) await invite(alice, await signUp())
  const page = (query: string) =>
    ask<InvitationPage>('GET', `/v1/invitations?limit=2${query}`, { token: alice.accessToken }).then(({ body }) => body)

  const first = await page('')
  const second = await page(`&cursor=${first.nextCursor}`)

  const ids = [...first.items, ...second.items].map(({ id }) => id)
  expect(ids).toHaveLength(3)
  expect(ids).toEqual(ids.toSorted((a, b) => b - a))
  expect(second.nextCursor).toBeNull()
})

test('[INVI5] who has made 1,000 invitations in a day makes no more, and finds those that are open', async () => {
  const { alice, bob, carol } = await three()
  const open = await invite(alice, bob)
  await env.DIRECTORY.prepare(
    `INSERT INTO invitations (from_id, to_id, message, status, created_at) SELECT ?, ?, '', 'declined', ? FROM json_each(?)`,
  )
    .bind(
      alice.user.id,
      bob.user.id,
      Date.now(),
      JSON.stringify(Array.from({ length: LIMITS.plansPerDay - 2 }, () => 0)),
    )
    .run()
  const dave = await signUp()

  const last = await invite(alice, carol)
  const further = await invite(alice, dave)

  expect([last.status, further.status]).toEqual([201, 429])
  expect(Number(further.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(await invite(alice, bob)).toMatchObject({ status: 200, body: { id: open.body.id } })
})
