import { abortAllDurableObjects, runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { appointment } from '../../src/directory/administrators.ts'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import type { Restored } from '../../src/protocol/restoration.ts'
import { newPerson } from '../support/client.ts'
import { remember } from '../support/history.ts'
import { failLeaveOf } from '../support/hold.ts'
import { entryFor, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, PASSWORD, signUp } from '../support/rest.ts'

afterEach(() => vi.restoreAllMocks())

const administrator = async (): Promise<SignedIn> => {
  const admin = await signUp()
  await env.DIRECTORY.prepare(appointment(admin.user.username, true)).run()
  return admin
}
const restore = async (conversationId: number, who?: SignedIn, time = new Date().toISOString()) => {
  const { accessToken: token } = who ?? (await administrator())
  return ask<Restored>('POST', `/v1/admin/conversations/${conversationId}/restore`, { token, json: { time } })
}
const words = async (who: SignedIn, conversationId: number) => {
  const path = `/v1/conversations/${conversationId}/messages`
  const { body } = await ask<HistoryPage>('GET', path, { token: who.accessToken })
  return body.items.map(({ content }) => (content?.kind === 'text' ? content.text : content))
}

test('[ADMN2] only an administrator restores, and only what there is, to a time that it had', async () => {
  const { bob, conversationId } = await pair()
  const admin = await administrator()
  const ago = (ms: number) => new Date(Date.now() - ms).toISOString()

  expect((await restore(conversationId, bob)).body).toMatchObject({ code: 'admin.required' })
  expect((await restore(99_999, admin)).body).toMatchObject({ code: 'conversation.not_found' })
  for (const time of [ago(60_000), ago(31 * 86_400_000), ago(-60_000)]) {
    expect((await restore(conversationId, admin, time)).body).toMatchObject({ code: 'restore.out_of_range' })
  }
  expect((await restore(conversationId, admin, 'yesterday')).body).toMatchObject({ code: 'request.invalid' })
})

test('[ADMN2] where the platform keeps no history nothing changes', async () => {
  const { alice, conversationId } = await pair()
  const before = await entryFor(alice, conversationId)

  expect(await restore(conversationId)).toMatchObject({ status: 409, body: { code: 'restore.unavailable' } })

  expect(await entryFor(alice, conversationId)).toEqual(before)
})

test('[ADMN2] what was said after the time is gone, what was deleted after it is back, and it goes on from there', async () => {
  const { alice, bob, conversationId } = await pair()
  const [hers, his] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const { id } = await say(hers, conversationId, 'kept')
  await remember(env, conversationId)
  await say(his, conversationId, 'undone')
  await hers.request({ type: 'message.delete', messageId: id })
  const before = await entryFor(alice, conversationId)

  const { status, body } = await restore(conversationId)

  expect([status, body.seq, body.memberIds]).toEqual([200, 1, [alice.user.id, bob.user.id]])
  expect(body.epoch).not.toBe(before.epoch)
  for (const socket of [hers, his]) {
    const { entry } = await socket.waitForType('conversation.created')
    expect(entry).toMatchObject({ epoch: body.epoch, seq: 1, rev: body.rev })
  }
  expect(await words(bob, conversationId)).toEqual(['kept'])
  await say(hers, conversationId, 'after')
  await his.waitFor((frame) => JSON.stringify(frame).includes('"after"'))
  expect(await words(bob, conversationId)).toEqual(['after', 'kept'])
})

test('[ADMN2] a frame of what is undone that comes late is shown to nobody, and in the place of none', async () => {
  const { alice, bob, conversationId } = await pair()
  const [hers, his] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await say(hers, conversationId, 'kept')
  await remember(env, conversationId)
  const undone = await say(hers, conversationId, 'undone')
  await his.waitFor(({ message }) => (message as { id: number } | undefined)?.id === undone.id)
  const told = his.of('message.created').length
  const { epoch } = await entryFor(bob, conversationId)
  const { body } = await restore(conversationId)
  await his.waitForType('conversation.created')

  const rev = body.rev + 1
  const late = JSON.stringify({ type: 'message.created', conversationId, rev, message: { ...undone, rev } })
  await hubOf(env, bob.user.id).deliver({ conversationId, epoch, revs: [rev], frames: [late] })
  const after = await say(hers, conversationId, 'after')

  await his.waitFor(({ message }) => (message as { id: number } | undefined)?.id === after.id)
  const since = his.of('message.created').slice(told)
  expect(since.map(({ message }) => message)).toEqual([after])
})

test('[ADMN2] a word of the log before that comes late puts nobody back to it', async () => {
  const { alice, bob, conversationId } = await pair()
  const [hers, his] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await remember(env, conversationId)
  await say(hers, conversationId, 'undone')
  const before = await entryFor(bob, conversationId)
  const { body } = await restore(conversationId)

  const hub = hubOf(env, bob.user.id)
  await hub.join(before)
  await say(his, conversationId, 'his')
  const last = await say(hers, conversationId, 'hers')

  await his.waitFor(({ message }) => (message as { id: number } | undefined)?.id === last.id)
  expect(his.of('conversation.created').map(({ entry }) => (entry as InboxEntry).epoch)).toEqual([body.epoch])
  expect(await entryFor(bob, conversationId)).toMatchObject({ epoch: body.epoch, seq: last.seq, unread: 1 })
})

test('[ADMN2] who did not get the word of the new log hears of it with what is said next', async () => {
  const { alice, bob, conversationId } = await pair()
  const [hers, his] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await remember(env, conversationId)
  await say(hers, conversationId, 'undone')
  const hub = hubOf(env, bob.user.id)
  await hub.leave(conversationId, null)
  await hub.join({ ...(await entryFor(alice, conversationId)), epoch: 'of before', memberIds: [] })
  const current = await entryFor(alice, conversationId)

  await say(hers, conversationId, 'news')
  const logs = () => his.of('conversation.created').map(({ entry }) => (entry as InboxEntry).epoch)
  await expect.poll(logs).toEqual(['of before', current.epoch])
  const last = await say(hers, conversationId, 'more')

  await his.waitFor(({ message }) => (message as { id: number } | undefined)?.id === last.id)
})

test('[ADMN2] who joined after the time is out, and who left after it is in again', async () => {
  const { alice, bob } = await pair()
  const [carol, dave] = [await signUp(), await signUp()]
  const groupId = await openGroup(alice, bob, carol)
  await remember(env, groupId)
  const members = `/v1/conversations/${groupId}/members`
  await ask('POST', members, { token: alice.accessToken, json: { userIds: [dave.user.id] } })
  await ask('DELETE', `${members}/${carol.user.id}`, { token: alice.accessToken })
  const [carols, daves] = [await RawSocket.arrive(carol), await RawSocket.arrive(dave)]

  const { body } = await restore(groupId)

  expect(new Set(body.memberIds)).toEqual(new Set([alice, bob, carol].map(({ user }) => user.id)))
  await carols.waitForType('conversation.created')
  await daves.waitForType('conversation.deleted')
  expect((await ask('GET', members, { token: dave.accessToken })).status).toBe(404)
  await say(carols, groupId, 'here again')
  expect(await words(bob, groupId)).toEqual(['here again'])
})

test('[ADMN2] of an account that ended since, nothing comes back', async () => {
  const { alice, bob, conversationId } = await pair()
  const groupId = await openGroup(alice, bob)
  const socket = await RawSocket.arrive(alice)
  for (const id of [conversationId, groupId]) await say(socket, id, 'mine')
  for (const id of [conversationId, groupId]) {
    await remember(env, id)
    if (id === conversationId) await ask('DELETE', '/v1/me', { token: alice.accessToken, json: { password: PASSWORD } })
    await restore(id)
  }

  expect(await words(bob, conversationId)).toEqual([null])
  expect((await ask('GET', `/v1/users/${alice.user.id}`, { token: bob.accessToken })).status).toBe(404)
})

test('[ADMN2] until the directory has said whose account ended since, nothing of what came back is shown', async () => {
  const { alice, bob, conversationId } = await pair()
  const hers = await RawSocket.arrive(alice)
  await say(hers, conversationId, 'mine')
  const his = await RawSocket.arrive(bob)
  await remember(env, conversationId)
  await ask('DELETE', '/v1/me', { token: alice.accessToken, json: { password: PASSWORD } })
  const restoring = holdErased()
  const restored = restore(conversationId)
  await expect.poll(restoring.isBegun).toBe(true)
  const conversation = conversationOf(env, conversationId)
  const path = `/v1/conversations/${conversationId}`

  const reading = await ask('GET', `${path}/messages`, { token: bob.accessToken })
  const writing = { type: 'message.send', conversationId, clientId: 'his', content: text('his') }
  const refusal = await his.refusal(writing)
  const others = await Promise.allSettled([
    conversation.entryFor({ userId: bob.user.id, nap: null }),
    conversation.catchUpFor({ userId: bob.user.id, after: 0 }),
  ])

  expect([reading.status, refusal]).toEqual([503, 'server.unavailable'])
  expect(others.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  restoring.release()
  expect((await restored).status).toBe(200)
  expect(await words(bob, conversationId)).toEqual([null])
})

test('[ADMN2] where the directory fails meanwhile, a restoration goes on without being asked for again', async () => {
  const { alice, bob, conversationId } = await pair()
  await say(await RawSocket.arrive(alice), conversationId, 'mine')
  await remember(env, conversationId)
  await ask('DELETE', '/v1/me', { token: alice.accessToken, json: { password: PASSWORD } })
  const directory = holdErased({ fails: true })
  const read = () => ask('GET', `/v1/conversations/${conversationId}/messages`, { token: bob.accessToken })

  expect((await restore(conversationId)).status).toBe(503)
  const conversation = conversationOf(env, conversationId)
  await runDurableObjectAlarm(conversation)
  expect((await read()).status).toBe(503)
  directory.release()
  await runDurableObjectAlarm(conversation)

  expect((await read()).status).toBe(200)
  expect(await words(bob, conversationId)).toEqual([null])
})

test('[ADMN2] a restoration goes on by itself also where the object died meanwhile', async () => {
  const { alice, bob, conversationId } = await pair()
  await say(await RawSocket.arrive(alice), conversationId, 'mine')
  await remember(env, conversationId)
  await ask('DELETE', '/v1/me', { token: alice.accessToken, json: { password: PASSWORD } })
  const { epoch } = await entryFor(bob, conversationId)
  const directory = holdErased({ fails: true })
  const read = () => ask('GET', `/v1/conversations/${conversationId}/messages`, { token: bob.accessToken })

  expect((await restore(conversationId)).status).toBe(503)
  await abortAllDurableObjects()
  expect((await read()).status).toBe(503)
  await runDurableObjectAlarm(conversationOf(env, conversationId))
  expect((await read()).status).toBe(503)
  directory.release()
  await runDurableObjectAlarm(conversationOf(env, conversationId))

  expect(await words(bob, conversationId)).toEqual([null])
  expect((await entryFor(bob, conversationId)).epoch).not.toBe(epoch)
})

test('[ADMN2] who is out by it is told so also where the directory failed meanwhile, and it was asked for again', async () => {
  const { alice, bob } = await pair()
  const [carol, dave] = [await signUp(), await signUp()]
  const groupId = await openGroup(alice, bob)
  await remember(env, groupId)
  const members = `/v1/conversations/${groupId}/members`
  const add = ({ user }: SignedIn) => ask('POST', members, { token: alice.accessToken, json: { userIds: [user.id] } })
  for (const each of [carol, dave]) await add(each)
  const [carols, daves] = [await RawSocket.arrive(carol), await RawSocket.arrive(dave)]
  const directory = holdErased({ fails: true })

  expect((await restore(groupId)).status).toBe(503)
  expect((await restore(groupId)).status).toBe(503)
  directory.release()
  await runDurableObjectAlarm(conversationOf(env, groupId))

  await carols.waitForType('conversation.deleted')
  await daves.waitForType('conversation.deleted')
  expect((await add(dave)).status).toBe(200)
  await daves.waitForType('conversation.created')
  await abortAllDurableObjects()
  expect(await words(dave, groupId)).toEqual([])
})

test('[ADMN2] whose hub does not take the word of being out is told again, and holds up nobody', async () => {
  const { alice, bob } = await pair()
  const dave = await signUp()
  const groupId = await openGroup(alice, bob)
  await remember(env, groupId)
  const json = { userIds: [dave.user.id] }
  await ask('POST', `/v1/conversations/${groupId}/members`, { token: alice.accessToken, json })
  const daves = await RawSocket.arrive(dave)
  const hear = failLeaveOf(dave.user.id)
  onTestFinished(hear)

  expect((await restore(groupId)).status).toBe(200)
  expect(daves.of('conversation.deleted')).toEqual([])
  hear()
  await abortAllDurableObjects()
  await runDurableObjectAlarm(conversationOf(env, groupId))

  const { body } = await ask<{ items: InboxEntry[] }>('GET', '/v1/conversations', { token: dave.accessToken })
  expect(body.items).toEqual([])
})

/** The directory does not say whose accounts ended until it is released. Polled, for no object can await a promise of another one. */
const holdErased = ({ fails = false } = {}) => {
  let [isBegun, isHeld] = [false, true]
  const platform = Object.getPrototypeOf(env.DIRECTORY) as D1Database
  const prepare = Reflect.get(platform, 'prepare') as D1Database['prepare']
  vi.spyOn(platform, 'prepare').mockImplementation(function (this: D1Database, sql: string) {
    const statement = prepare.call(this, sql)
    if (!sql.includes('"deleted_at" is not null')) return statement
    const bind = statement.bind.bind(statement)
    statement.bind = (...values) => {
      const bound = bind(...values)
      const raw = bound.raw.bind(bound)
      const held = async () => {
        isBegun = true
        if (isHeld && fails) throw new Error('D1_ERROR: Network connection lost.')
        while (isHeld) await new Promise((resolve) => setTimeout(resolve, 10))
        return raw()
      }
      return Object.assign(bound, { raw: held })
    }
    return statement
  })
  return { isBegun: () => isBegun, release: () => (isHeld = false) }
}

test('[ADMN2] a client that watches drops its copy and shows what came back', async () => {
  const [alice, bob] = [await newPerson(), await newPerson()]
  const { conversation } = await alice.client.conversations.openDirect(bob.id)
  const [hers, his] = [alice, bob].map(({ client }) => client.conversation(conversation.id))
  await Promise.all([hers?.open(), his?.open()])
  await hers?.send('kept')
  await remember(env, conversation.id)
  for (const each of ['undone', 'undone too']) await hers?.send(each)
  const shown = () => his?.messages.map(({ content }) => (content?.kind === 'text' ? content.text : null))
  await expect.poll(shown).toEqual(['kept', 'undone', 'undone too'])

  await restore(conversation.id)

  await expect.poll(shown).toEqual(['kept'])
  await his?.send('after')
  await expect.poll(() => hers?.messages.length).toBe(2)
})
