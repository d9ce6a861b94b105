import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openDirect as openDirectly } from '../../src/directory/conversations.ts'
import { openGroup as openGroupDirectly } from '../../src/directory/groups.ts'
import { Conversation, UserHub } from '../../src/index.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import { directoryContext } from '../../src/worker/directory-context.ts'
import { block } from '../support/friends.ts'
import { failJoinOf, holdCreation, holdOrdersOf, loseNextCreation } from '../support/hold.ts'
import { crowd, entryFor, openGroup } from '../support/people.ts'
import { ask, PASSWORD, type Reply, signUp } from '../support/rest.ts'

/** What becomes of people between the moment in which they are asked for and that in which they are in. */

const end = (who: SignedIn) => ask('DELETE', '/v1/me', { token: who.accessToken, json: { password: PASSWORD } })
const add = (who: SignedIn, id: number, ...guests: SignedIn[]) =>
  ask('POST', `/v1/conversations/${id}/members`, {
    token: who.accessToken,
    json: { userIds: guests.map(({ user }) => user.id) },
  })
const create = (who: SignedIn, json: object): Promise<Reply<InboxEntry>> =>
  ask('POST', '/v1/conversations', { token: who.accessToken, json: { kind: 'group', title: 'Picnic', ...json } })
const inboxOf = async (who: SignedIn) =>
  (await ask<{ items: object[] }>('GET', '/v1/conversations', { token: who.accessToken })).body.items
const three = async () => [await signUp(), await signUp(), await signUp()] as const

/** Adds these guests, of whom something happens while the order waits; answers the status. */
const addWhile = async (host: SignedIn, id: number, guests: SignedIn[], meanwhile: () => Promise<unknown>) => {
  const ordering = vi.spyOn(UserHub.prototype, 'order')
  const release = holdOrdersOf(id)
  onTestFinished(() => {
    release()
    ordering.mockRestore()
  })
  const adding = add(host, id, ...guests)
  await expect.poll(() => ordering.mock.calls.map(([{ type }]) => type)).toContain('member.add')
  await meanwhile()
  release()
  return (await adding).status
}

test('[BLOC2] who blocks while they wait to be added is not in', async () => {
  const [alice, bob, carol] = await three()
  const id = await openGroup(bob)

  expect(await addWhile(bob, id, [alice, carol], () => block(alice, bob))).toBe(200)

  expect((await entryFor(bob, id)).memberIds).toEqual([bob.user.id, carol.user.id])
  await expect.poll(() => inboxOf(alice)).toEqual([])
})

test('[BLOC3] who was in before, and blocks while they are added again, stays', async () => {
  const [alice, bob, carol] = await three()
  const id = await openGroup(bob, alice)
  // By the clocks of two machines less than a second would be no time.
  await new Promise((resolve) => setTimeout(resolve, 1_100))

  expect(await addWhile(bob, id, [alice, carol], () => block(alice, bob))).toBe(200)

  expect((await entryFor(bob, id)).memberIds).toEqual([alice.user.id, bob.user.id, carol.user.id])
})

test('[ME1] an account that ends while it waits to be added is not in', async () => {
  const [alice, bob, carol] = await three()
  const id = await openGroup(bob)

  expect(await addWhile(bob, id, [alice, carol], () => end(alice))).toBe(200)

  expect((await entryFor(bob, id)).memberIds).toEqual([bob.user.id, carol.user.id])
})

test('[ME1] nor is one that ends while the group is made', async () => {
  const [alice, bob, carol] = await three()
  const release = holdCreation()
  const creating = vi.spyOn(Conversation.prototype, 'create')
  onTestFinished(() => {
    release()
    creating.mockRestore()
  })

  const making = create(bob, { memberIds: [alice.user.id, carol.user.id] })
  await expect.poll(() => creating.mock.calls.length).toBe(1)
  await end(alice)
  release()

  const { status, body } = await making
  expect([status, body.memberIds]).toEqual([201, [bob.user.id, carol.user.id]])
  expect(await entryFor(bob, body.conversation.id)).toEqual(body)
})

test('[ME1] what was asked before an account ended makes no conversation afterwards', async () => {
  const [alice, bob] = await three()
  await end(alice)
  const context = directoryContext({ env, executionCtx: createExecutionContext() })
  const userId = alice.user.id

  expect(await openDirectly(context, { userId, otherId: bob.user.id })).toMatchObject({ code: 'user.not_found' })
  expect(await openGroupDirectly(context, { userId, title: 'x', memberIds: [bob.user.id] })).toMatchObject({
    code: 'user.not_found',
  })

  expect(await inboxOf(bob)).toEqual([])
  const made = await env.DIRECTORY.prepare('SELECT id FROM conversations WHERE created_by = ?').bind(userId).all()
  expect(made.results).toEqual([])
})

test('[CONV5] a group that was made is found by its clientId, whatever became of its guests', async () => {
  const [alice, bob, carol] = await three()
  const json = { memberIds: [alice.user.id, carol.user.id], clientId: 'once' }
  const made = await create(bob, json)
  await block(alice, bob)
  await end(carol)

  const again = await create(bob, json)

  expect(again).toMatchObject({ status: 200, body: { conversation: made.body.conversation } })
  expect(again.body.memberIds).toEqual([alice.user.id, bob.user.id])
})

test('[BLOC2] one that was registered and never reached its object is made without those who may not be there any more', async () => {
  const [alice, bob] = await three()
  const [other = 0] = await crowd(1)
  const json = { memberIds: [alice.user.id, other], clientId: 'once' }
  await env.DIRECTORY.prepare(
    "INSERT INTO conversations (kind, created_by, client_id, created_at) VALUES ('group', ?, 'once', 0)",
  )
    .bind(bob.user.id)
    .run()
  await block(alice, bob)

  expect((await create(bob, json)).body.memberIds).toEqual([bob.user.id, other])
})

test('[BLOC2] who blocks before a group is made is not in it when its maker asks again', async () => {
  const [alice, bob, carol] = await three()
  const json = { memberIds: [alice.user.id, carol.user.id], clientId: 'once' }
  const creation = loseNextCreation()

  const making = create(bob, json)
  await expect.poll(creation.isBegun).toBe(true)
  await block(alice, bob)
  creation.release()

  expect((await making).status).toBeGreaterThanOrEqual(500)
  const { status, body } = await create(bob, json)
  expect([status, body.memberIds]).toEqual([200, [bob.user.id, carol.user.id]])
  await expect.poll(() => inboxOf(alice)).toEqual([])
})

test('[BLOC2] nor is who blocks while the hub of its maker does not hear of it', async () => {
  const [alice, bob, carol] = await three()
  const release = holdCreation()
  const creating = vi.spyOn(Conversation.prototype, 'create')
  const hear = failJoinOf(bob.user.id)
  onTestFinished(() => {
    release()
    hear()
    creating.mockRestore()
  })

  const making = create(bob, { memberIds: [alice.user.id, carol.user.id] })
  await expect.poll(() => creating.mock.calls.length).toBe(1)
  await block(alice, bob)
  release()

  const { status, body } = await making
  expect(status).toBe(201)
  hear()
  await expect.poll(() => inboxOf(alice)).toEqual([])
  expect((await entryFor(carol, body.conversation.id)).memberIds).toEqual([bob.user.id, carol.user.id])
})

test('[BLOC2] who blocks while the one they invited is brought in does not have them there', async () => {
  const [alice, bob, carol] = await three()
  const id = await openGroup(bob, alice)
  const invited = { token: bob.accessToken, json: { userId: carol.user.id, conversationId: id } }
  const { body: invitation } = await ask<{ id: number }>('POST', '/v1/invitations', invited)
  const ordering = vi.spyOn(UserHub.prototype, 'orderForAnother')
  const release = holdOrdersOf(id)
  onTestFinished(() => {
    release()
    ordering.mockRestore()
  })

  const accepting = ask('POST', `/v1/invitations/${invitation.id}/accept`, { token: carol.accessToken })
  await expect.poll(() => ordering.mock.calls.map(([{ type }]) => type)).toContain('member.add')
  await block(bob, carol)
  release()

  expect(await accepting).toMatchObject({ status: 403, body: { code: 'conversation.blocked' } })
  expect((await entryFor(bob, id)).memberIds).toEqual([alice.user.id, bob.user.id])
  await expect.poll(() => inboxOf(carol)).toEqual([])
})
