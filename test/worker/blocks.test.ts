import { listDurableObjectIds, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { Conversation } from '../../src/index.ts'
import { conversationOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { BlockPage } from '../../src/protocol/friend.ts'
import {
  act,
  befriend,
  block,
  friendIds,
  heardOf,
  isOnline,
  publicly,
  request,
  requestsOf,
  two,
  unblock,
} from '../support/friends.ts'
import { openDirect, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, PASSWORD, signUp } from '../support/rest.ts'
import { LOST } from '../support/spoiled-call.ts'

const send = (who: SignedIn, conversationId: number) =>
  ask('POST', `/v1/conversations/${conversationId}/messages`, {
    token: who.accessToken,
    json: { clientId: crypto.randomUUID(), content: text('bonjour') },
  })

/** As often as it is tried before the answer. */
const breakBlocksChanged = () => {
  vi.spyOn(console, 'error').mockReturnValue(undefined)
  const reading = vi.spyOn(Conversation.prototype, 'blocksChanged')
  for (let i = 0; i < 4; i += 1) reading.mockRejectedValueOnce(new Error(LOST))
  onTestFinished(() => reading.mockRestore())
}

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
    const blockers = () =>
      runInDurableObject(conversationOf(env, conversationId), (_, { storage: { sql } }) =>
        sql.exec('SELECT user_id FROM members WHERE blocks = 1').toArray(),
      )
    await block(bob, alice)
    await ask('DELETE', '/v1/me', { token: alice.accessToken, json: { password: PASSWORD } })
    expect(await blockers()).toEqual([{ user_id: bob.user.id }])

    expect((await unblock(bob, alice)).status).toBe(204)

    expect(await blockers()).toEqual([])
  })

  test('[BLOC3] an unblock that the conversation could not learn of at once is learned of later', async () => {
    const { alice, bob, conversationId } = await pair()
    await block(alice, bob)
    breakBlocksChanged()

    expect((await unblock(alice, bob)).status).toBe(503)

    await expect.poll(async () => (await send(bob, conversationId)).status).toBe(201)
  })

  test('[BLOC3] so is a block, and what it ended is told before', async () => {
    const { alice, bob, conversationId } = await pair()
    await befriend(alice, bob)
    await ask('POST', '/v1/invitations', { token: bob.accessToken, json: { userId: alice.user.id } })
    const bobs = await RawSocket.arrive(bob)
    breakBlocksChanged()

    expect((await block(alice, bob)).status).toBe(503)

    expect(await bobs.waitForType('friend.removed')).toMatchObject({ userId: alice.user.id })
    expect(await bobs.waitForType('invitation.answered')).toMatchObject({ invitation: { status: 'declined' } })
    await expect.poll(() => send(bob, conversationId)).toMatchObject({ body: { code: 'conversation.blocked' } })
  })

  test.each(['unblocks again', 'opens it again'])(
    '[BLOC3] what was not learned of is, when somebody %s',
    async (how) => {
      const { alice, bob, conversationId } = await pair()
      await block(alice, bob)
      // As an unblock leaves it whose last step failed.
      await env.DIRECTORY.prepare('DELETE FROM blocks WHERE blocker_id = ?').bind(alice.user.id).run()
      expect(await send(bob, conversationId)).toMatchObject({ body: { code: 'conversation.blocked' } })

      if (how === 'opens it again') expect(await openDirect(bob, alice)).toBe(conversationId)
      else expect((await unblock(alice, bob)).status).toBe(204)

      expect((await send(bob, conversationId)).status).toBe(201)
    },
  )

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
    const registered = await env.DIRECTORY.prepare(
      "INSERT INTO conversations (kind, pair, created_by, created_at) VALUES ('direct', ?, ?, 0) RETURNING id",
    )
      .bind(pairKey, alice.user.id)
      .first<{ id: number }>()

    await block(bob, alice)

    await expect
      .poll(() => send(alice, registered?.id ?? 0))
      .toMatchObject({ status: 403, body: { code: 'conversation.blocked' } })
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
