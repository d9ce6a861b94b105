import { env } from 'cloudflare:workers'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { ERRORS } from '../../src/protocol/errors.ts'
import { conversationOfMessage } from '../../src/protocol/ids.ts'
import { setBudgetOf } from '../support/budget.ts'
import { holdOrdersOf } from '../support/hold.ts'
import { openDirect, openGroup, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'
import { type Detail, type Driver, dialectTests, type Frame, openSocket } from './suite.ts'

type Letter = {
  id: number
  content: string
  sender_id: number
  receiver_id: number
  timestamp: string
  is_read: boolean
}

const driver: Driver = {
  document: '000',
  path: (token) => `/messages/ws?token=${token}`,
  badToken: 4001,
  send: async (from, to, words) => void (await post(from, to.user.id, words)),
  heard: (frame) =>
    frame['type'] === 'new_message' ? { words: String(frame['content']), senderId: Number(frame['sender_id']) } : null,
  echoes: true,
  errorOf: (frame) => (frame['type'] === 'error' ? String(frame['message']) : null),
}

const post = async (from: SignedIn, receiverId: number, content: string): Promise<Letter> => {
  const json = { receiver_id: receiverId, content }
  const { status, body } = await ask<Letter>('POST', '/messages/', { token: from.accessToken, json })
  expect(status).toBe(200)
  return body
}
const letters = async (who: SignedIn): Promise<string[]> =>
  (await ask<Letter[]>('GET', '/messages/', { token: who.accessToken })).body.map(({ content }) => content)
const arrive = (who: SignedIn) => openSocket(driver, who.accessToken)
const say000 = (socket: RawSocket, frame: Frame) => socket.sendRaw(JSON.stringify(frame))
const ofType = (socket: RawSocket, type: string) => socket.waitFor((frame) => frame.type === type)
const usual = env.COMMANDS_PER_10_SECONDS
const pairUp = async () => ({ alice: await signUp(), bob: await signUp() })

dialectTests('direct', driver)

describe('the socket of document 000', () => {
  test('[000] ping is answered by pong', async () => {
    const socket = await arrive(await signUp())

    say000(socket, { type: 'ping' })

    expect(await ofType(socket, 'pong')).toEqual({ type: 'pong' })
  })

  test('[000] every frame costs one of the budget, also one that only answers', async () => {
    const alice = await signUp()
    const socket = await arrive(alice)
    await setBudgetOf(alice, '3')
    onTestFinished(() => setBudgetOf(alice, usual))

    for (let i = 0; i < 9; i += 1) say000(socket, { type: 'ping' })

    expect(await ofType(socket, 'error')).toMatchObject({ message: ERRORS['rate.limited'][1] })
    expect(socket.frames.filter(({ type }) => type === 'pong')).toHaveLength(3)
  })

  test('[000] send_message gives new_message to both, as the document shows it', async () => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    say000(hers, { type: 'send_message', receiver_id: bob.user.id, content: 'Message via WebSocket' })

    const frame = await ofType(his, 'new_message')
    expect(frame).toEqual({
      type: 'new_message',
      id: expect.any(Number),
      content: 'Message via WebSocket',
      sender_id: alice.user.id,
      receiver_id: bob.user.id,
      created_at: expect.stringMatching(NAIVE),
    })
    expect(await ofType(hers, 'new_message')).toEqual(frame)
  })

  test('[000] frames sent at once arrive in the order sent, also where they open the conversation', async () => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]
    const numbers = Array.from({ length: 20 }, (_, i) => String(i))

    for (const content of numbers) say000(hers, { type: 'send_message', receiver_id: bob.user.id, content })

    await expect.poll(() => his.frames.map((frame) => frame['content'])).toEqual(numbers)
  })

  test('[000] message_updated tells both the new content', async () => {
    const { alice, bob } = await pairUp()
    const { id } = await post(alice, bob.user.id, 'Contenu')
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    await ask('PUT', `/messages/${id}`, { token: alice.accessToken, json: { content: 'Nouveau contenu' } })

    for (const socket of [hers, his]) {
      expect(await ofType(socket, 'message_updated')).toEqual({
        type: 'message_updated',
        id,
        content: 'Nouveau contenu',
        sender_id: alice.user.id,
        receiver_id: bob.user.id,
        updated_at: expect.stringMatching(NAIVE),
      })
    }
  })

  test('[000] message_deleted tells both', async () => {
    const { alice, bob } = await pairUp()
    const { id } = await post(alice, bob.user.id, 'oops')
    const [hers, his] = [await arrive(alice), await arrive(bob)]

    await ask('DELETE', `/messages/${id}`, { token: alice.accessToken })

    const told = { type: 'message_deleted', id, sender_id: alice.user.id, receiver_id: bob.user.id }
    expect(await ofType(hers, 'message_deleted')).toEqual(told)
    expect(await ofType(his, 'message_deleted')).toEqual(told)
  })

  test('[000] only those who take part hear', async () => {
    const { alice, bob } = await pairUp()
    const stranger = await arrive(await signUp())
    const his = await arrive(bob)

    await post(alice, bob.user.id, 'between us')

    await ofType(his, 'new_message')
    expect(stranger.frames).toEqual([])
  })

  test('[000] an error says what is wrong, and the receiver must exist', async () => {
    const socket = await arrive(await signUp())

    say000(socket, { type: 'send_message', receiver_id: 987_654_321, content: 'x' })

    expect(await ofType(socket, 'error')).toEqual({ type: 'error', message: 'There is no such user.' })
  })

  test('[000] what is written to oneself goes to nobody, whomever one talks with', async () => {
    const { alice, bob } = await pairUp()
    const [hers, his] = [await arrive(alice), await arrive(bob)]
    await post(alice, bob.user.id, 'to you')

    say000(hers, { type: 'send_message', receiver_id: alice.user.id, content: 'Dear diary' })
    const json = { receiver_id: alice.user.id, content: 'Dear diary' }
    const posted = await ask<Detail>('POST', '/messages/', { token: alice.accessToken, json })

    expect(await ofType(hers, 'error')).toMatchObject({ message: ERRORS['conversation.with_self'][1] })
    expect(posted.status).toBe(400)
    await post(alice, bob.user.id, 'to you again')
    await his.waitFor((frame) => frame['content'] === 'to you again')
    expect(his.frames.map((frame) => frame['content'])).toEqual(['to you', 'to you again'])
  })

  test('[000] a token that is missing closes with 4001', async () => {
    const socket = await RawSocket.open({ path: '/messages/ws' })

    await expect.poll(() => socket.closed?.code).toBe(4001)
  })
})

describe('the messages of document 000', () => {
  test('[000] POST /messages/ takes JSON and answers the message', async () => {
    const { alice, bob } = await pairUp()

    const letter = await post(alice, bob.user.id, 'Bonjour, comment allez-vous ?')

    expect(letter).toEqual({
      id: expect.any(Number),
      content: 'Bonjour, comment allez-vous ?',
      timestamp: expect.stringMatching(NAIVE),
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      sender_id: alice.user.id,
      receiver_id: bob.user.id,
      is_read: false,
    })
  })

  test('[000] POST /messages/ takes a form', async () => {
    const { alice, bob } = await pairUp()
    const raw = new URLSearchParams({ receiver_id: String(bob.user.id), content: 'à bientôt & merci' })

    const { status, body } = await ask<Letter>('POST', '/messages/', { token: alice.accessToken, raw })

    expect(status).toBe(200)
    expect(body).toMatchObject({ content: 'à bientôt & merci', receiver_id: bob.user.id })
  })

  test('[000] POST /messages/ works without the closing slash too', async () => {
    const { alice, bob } = await pairUp()
    const json = { receiver_id: bob.user.id, content: 'x' }

    expect((await ask('POST', '/messages', { token: alice.accessToken, json })).status).toBe(200)
  })

  test.for([
    ['no body', ''],
    ['no JSON', '{'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no receiver', '{"content":"x"}'],
    ['no content', '{"receiver_id":1}'],
    ['empty content', '{"receiver_id":1,"content":""}'],
    ['a receiver that is no number', '{"receiver_id":"bob","content":"x"}'],
    ['a conversation that is null', '{"conversationId":null,"receiver_id":1}'],
  ])('[000] POST /messages/ with %s is 422 with a list of what is wrong', async ([, raw]) => {
    const { accessToken: token } = await signUp()

    const { status, body } = await ask<{ detail: object[] }>('POST', '/messages/', { token, raw: raw ?? '' })

    expect(status).toBe(422)
    expect(body.detail[0]).toMatchObject({ loc: expect.any(Array), msg: expect.any(String) })
  })

  test('[000] POST /messages/ to nobody is 404', async () => {
    const { accessToken: token } = await signUp()
    const json = { receiver_id: 987_654_321, content: 'x' }

    const { status, body } = await ask<Detail>('POST', '/messages/', { token, json })

    expect([status, body.detail]).toEqual([404, 'There is no such user.'])
  })

  test('[000] GET /messages/ gives what the caller wrote and received, the oldest first', async () => {
    const { alice, bob } = await pairUp()
    const carol = await signUp()
    await post(alice, bob.user.id, '1')
    await post(carol, alice.user.id, '2')
    await post(bob, alice.user.id, '3')
    await post(bob, carol.user.id, 'not hers')

    const { status, body } = await ask<Letter[]>('GET', '/messages/', { token: alice.accessToken })

    expect(status).toBe(200)
    expect(body.map((letter) => letter.content)).toEqual(['1', '2', '3'])
    expect(body[1]).toMatchObject({ sender_id: carol.user.id, receiver_id: alice.user.id })
  })

  test('[000] GET /messages/ merges long conversations, and leaves out what was deleted', async () => {
    const { alice, bob } = await pairUp()
    const carol = await signUp()
    const native = await RawSocket.arrive(alice)
    const both = [await openDirect(alice, bob), await openDirect(alice, carol)]
    for (let i = 0; i < 240; i++) await say(native, both[i % 2] ?? 0, String(i))
    const last = await say(native, both[0] ?? 0, 'deleted')
    await ask('DELETE', `/messages/${last.id}`, { token: alice.accessToken })

    const { body } = await ask<Letter[]>('GET', '/messages/', { token: alice.accessToken })

    expect(body.map((letter) => letter.timestamp)).toEqual(body.map((letter) => letter.timestamp).toSorted())
    expect(body.map((letter) => Number(letter.content)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 240 }, (_, i) => i),
    )
  })

  test('[000] GET /messages/ costs a command for each conversation that it reads', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const socket = await RawSocket.arrive(bob)
    for (const groupId of await Promise.all(Array.from({ length: 5 }, () => openGroup(bob, alice))))
      await say(socket, groupId)
    onTestFinished(() => setBudgetOf(alice, usual))
    const look = async () => (await ask('GET', '/messages/', { token: alice.accessToken })).status

    await setBudgetOf(alice, '4')
    const refused = await look()
    await setBudgetOf(alice, usual)

    expect([refused, await look()]).toEqual([429, 200])
  })

  test('[000] GET /messages/ reads more than forty conversations', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const socket = await RawSocket.arrive(bob)
    const groups = await Promise.all(Array.from({ length: 45 }, () => openGroup(alice, bob)))
    groups.sort((a, b) => a - b)
    for (const groupId of groups) await say(socket, groupId, `in ${groupId}`)

    const { body } = await ask<Letter[]>('GET', '/messages/', { token: alice.accessToken })

    expect(body.map(({ content }) => content)).toEqual(groups.map((groupId) => `in ${groupId}`))
  })

  test('[000] GET /messages/conversation/{user_id} gives what the two wrote to each other', async () => {
    const { alice, bob } = await pairUp()
    const carol = await signUp()
    await post(alice, bob.user.id, 'hello')
    await post(carol, alice.user.id, 'no part of it')
    await post(bob, alice.user.id, 'hi')

    const path = `/messages/conversation/${bob.user.id}`
    const { body } = await ask<Letter[]>('GET', path, { token: alice.accessToken })

    expect(body.map((letter) => letter.content)).toEqual(['hello', 'hi'])
    expect((await ask('GET', '/messages/conversation/987654321', { token: alice.accessToken })).status).toBe(404)
    expect((await ask('GET', '/messages/conversation/bob', { token: alice.accessToken })).status).toBe(422)
    // Nobody writes to themselves.
    expect((await ask('GET', `/messages/conversation/${alice.user.id}`, { token: alice.accessToken })).body).toEqual([])
  })

  test('[000] a message of a group is shown among those of its sender', async () => {
    const { alice, bob } = await pairUp()
    const groupId = await openGroup(bob, alice)
    await say(await RawSocket.arrive(bob), groupId, 'to the group')

    const { body } = await ask<Letter[]>('GET', `/messages/conversation/${bob.user.id}`, { token: alice.accessToken })

    expect(body).toMatchObject([{ content: 'to the group', sender_id: bob.user.id, receiver_id: alice.user.id }])
  })

  test('[000] a sealed message shows that there is one', async () => {
    const { alice, bob } = await pairUp()
    const conversationId = await openDirect(alice, bob)
    const content = { kind: 'sealed', nonce: 'AAAA', ciphertext: 'AAAA', authTag: 'AAAA', associatedData: '' }
    const json = { clientId: 'sealed', content }
    await ask('POST', `/v1/conversations/${conversationId}/messages`, { token: alice.accessToken, json })

    const { body } = await ask<Letter[]>('GET', '/messages/', { token: bob.accessToken })

    expect(body.map((letter) => letter.content)).toEqual(['[sealed message]'])
  })

  test('[000] PUT /messages/{id} changes the content, by its author only', async () => {
    const { alice, bob } = await pairUp()
    const { id } = await post(alice, bob.user.id, 'before')
    const json = { content: 'Message modifié' }

    const { status, body } = await ask<Letter>('PUT', `/messages/${id}`, { token: alice.accessToken, json })

    expect([status, body.content, body.receiver_id]).toEqual([200, 'Message modifié', bob.user.id])
    expect((await ask('PUT', `/messages/${id}`, { token: bob.accessToken, json })).status).toBe(403)
    expect((await ask('PUT', `/messages/${id}/`, { token: (await signUp()).accessToken, json })).status).toBe(403)
    expect((await ask('PUT', `/messages/${id}`, { token: alice.accessToken, json: {} })).status).toBe(422)
  })

  test('[000] DELETE /messages/{id} deletes, by its author only; then it is unknown', async () => {
    const { alice, bob } = await pairUp()
    const { id } = await post(alice, bob.user.id, 'oops')

    expect((await ask('DELETE', `/messages/${id}`, { token: bob.accessToken })).status).toBe(403)
    expect((await ask('DELETE', `/messages/${id}`, { token: alice.accessToken })).status).toBe(200)

    expect((await ask('DELETE', `/messages/${id}`, { token: alice.accessToken })).status).toBe(404)
    expect((await ask('PUT', `/messages/${id}`, { token: alice.accessToken, json: text('x') })).status).toBe(404)
    expect((await ask<Letter[]>('GET', '/messages/', { token: bob.accessToken })).body).toEqual([])
  })

  test('[000] who leads a group deletes nothing there that another wrote, for the document knows no groups', async () => {
    const { alice, bob } = await pairUp()
    const { id } = await say(await RawSocket.arrive(bob), await openGroup(alice, bob), 'his')

    expect((await ask('DELETE', `/messages/${id}`, { token: alice.accessToken })).status).toBe(403)
    expect((await ask('DELETE', `/messages/${id}`, { token: bob.accessToken })).status).toBe(200)
  })

  test('[000] what waits when its session ends is not written', async () => {
    const { alice, bob } = await pairUp()
    const { id } = await post(bob, alice.user.id, 'hello')
    const conversationId = conversationOfMessage(id)
    const hers = await arrive(alice)
    const release = holdOrdersOf(conversationId)
    for (const content of ['under way', 'waits']) {
      say000(hers, { type: 'send_message', receiver_id: bob.user.id, content })
    }
    say000(hers, { type: 'nothing' })
    // It is answered at once: the two before it were taken.
    await ofType(hers, 'error')

    expect((await ask('POST', '/v1/auth/logout', { token: alice.accessToken })).status).toBe(204)
    release()
    await expect.poll(async () => (await letters(bob)).length).toBe(2)
    await post(bob, alice.user.id, 'later')

    expect(await letters(bob)).toEqual(['hello', 'under way', 'later'])
  })

  test.for(['1', '0', '-1', '999999', '9007199254740991', '99999999999999999999'])(
    '[000] a message that is not there, as %s, is 404',
    async (id) => {
      const { accessToken: token } = await signUp()

      expect((await ask('PUT', `/messages/${id}`, { token, json: { content: 'x' } })).status).toBe(404)
      expect((await ask('DELETE', `/messages/${id}`, { token })).status).toBe(404)
    },
  )

  test('[000] GET /messages/online-users gives the ids of those who are here', async () => {
    const { alice, bob } = await pairUp()
    const carol = await signUp()
    for (const other of [bob, carol]) await post(alice, other.user.id, 'hello')
    await arrive(bob)

    const alone = await ask<number[]>('GET', '/messages/online-users', { token: alice.accessToken })
    await arrive(alice)
    const present = await ask<number[]>('GET', '/messages/online-users/', { token: alice.accessToken })

    expect(alone.body).toEqual([bob.user.id])
    expect(present.body.toSorted((a, b) => a - b)).toEqual([alice.user.id, bob.user.id])
  })

  test('[000] GET /messages/online-users costs more the more there are to be asked', async () => {
    const alice = await signUp()
    const others = await Promise.all(Array.from({ length: 10 }, () => signUp()))
    await openGroup(alice, ...others)
    onTestFinished(() => setBudgetOf(alice, usual))
    const look = () => ask<Detail>('GET', '/messages/online-users', { token: alice.accessToken })

    await setBudgetOf(alice, '1')
    const refused = await look()
    await setBudgetOf(alice, '9')

    expect([refused.status, (await look()).status]).toEqual([429, 200])
  })

  test.for([
    ['GET', '/messages/'],
    ['POST', '/messages/'],
    ['GET', '/messages/conversation/1'],
    ['GET', '/messages/online-users'],
    ['PUT', '/messages/1'],
    ['DELETE', '/messages/1'],
    ['GET', '/users/'],
    ['GET', '/users/1'],
    ['PUT', '/users/1'],
  ])('[000] %s %s without a token, or with a bad one, is 401', async ([method, path]) => {
    for (const headers of [{}, { authorization: 'Bearer nonsense' }]) {
      const { status, body } = await ask<Detail>(method ?? '', path ?? '', { headers })
      expect([status, typeof body.detail]).toEqual([401, 'string'])
    }
  })
})

const NAIVE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?$/
