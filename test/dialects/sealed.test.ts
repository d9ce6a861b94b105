import { describe, expect, test } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { openDirect, openGroup, say } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'
import { dialectTests, openSocket } from './suite.ts'

type Posted = { messageId: number; timestamp: string }
type Listed = {
  messageId: number
  senderId: number
  senderUsername: string
  timestamp: string
  nonce: string
  ciphertext: string
  authTag: string
  associatedData: string
}

const encode = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
const sealWords = (words: string) => ({
  nonce: encode(crypto.getRandomValues(new Uint8Array(12))),
  ciphertext: encode(new TextEncoder().encode(words)),
  authTag: encode(crypto.getRandomValues(new Uint8Array(16))),
  associatedData: encode(new TextEncoder().encode('v1')),
})
const unseal = (ciphertext: unknown): string =>
  new TextDecoder().decode(Uint8Array.from(atob(String(ciphertext)), (character) => character.charCodeAt(0)))

const post = (from: SignedIn, conversationId: number, fields: object = sealWords('secret')) =>
  ask<Posted>('POST', '/messages', { token: from.accessToken, json: { conversationId, ...fields } })
const list = (who: SignedIn, conversationId: number, query = '') =>
  ask<Listed[]>('GET', `/conversations/${conversationId}/messages${query}`, { token: who.accessToken })

const driver = {
  document: '001',
  path: (token: string) => `/ws?token=${token}`,
  badToken: 1008,
  send: async (from: SignedIn, to: SignedIn, words: string) => {
    const { status } = await post(from, await openDirect(from, to), sealWords(words))
    expect(status).toBe(201)
  },
  heard: (frame: Record<string, unknown>) =>
    frame['type'] === 'newMessage' ? { words: unseal(frame['ciphertext']), senderId: Number(frame['senderId']) } : null,
  echoes: true,
  // The document expects no frame from a client, and so has no word for a wrong one.
  errorOf: null,
}

dialectTests('sealed', driver)

describe('document 001', () => {
  test('[001] POST /messages answers 201 with messageId and timestamp', async () => {
    const [alice, bob] = [await signUp(), await signUp()]

    const { status, body } = await post(alice, await openDirect(alice, bob))

    expect(status).toBe(201)
    expect(body).toEqual({ messageId: expect.any(Number), timestamp: expect.stringMatching(/^\d{4}-.*Z$/) })
  })

  test('[001] newMessage goes to all participants, the sender too, with every field as it was sent', async () => {
    const people = [await signUp(), await signUp(), await signUp()] as const
    const [alice] = people
    const conversationId = await openGroup(...people)
    const sockets = await Promise.all(people.map((who) => openSocket(driver, who.accessToken)))
    const fields = {
      nonce: encode(new Uint8Array([0, 255, 1, 254])),
      ciphertext: encode(crypto.getRandomValues(new Uint8Array(50_000))),
      authTag: encode(new Uint8Array(16)),
      associatedData: '',
    }

    const { body } = await post(alice, conversationId, fields)

    for (const socket of sockets) {
      expect(await socket.waitFor((frame) => frame.type === 'newMessage')).toEqual({
        type: 'newMessage',
        messageId: body.messageId,
        conversationId,
        senderId: alice.user.id,
        timestamp: body.timestamp,
        ...fields,
      })
    }
    expect((await list(alice, conversationId)).body).toMatchObject([fields])
  })

  test('[001] one who takes no part is refused with 403, whether there is such a conversation or not', async () => {
    const [alice, bob, stranger] = [await signUp(), await signUp(), await signUp()]
    const conversationId = await openDirect(alice, bob)

    for (const id of [conversationId, 99_999_999, 0, -5, 2 ** 40]) {
      expect((await post(stranger, id)).status).toBe(403)
      expect((await list(stranger, id)).status).toBe(403)
    }
    expect((await list(alice, conversationId)).body).toEqual([])
  })

  test.for([
    ['no nonce', { nonce: undefined }],
    ['no ciphertext', { ciphertext: undefined }],
    ['an empty ciphertext', { ciphertext: '' }],
    ['no authTag', { authTag: undefined }],
    ['what is no base64', { ciphertext: '%%%' }],
    ['a number for a text', { nonce: 5 }],
    ['a conversation that is no number', { conversationId: 'here' }],
  ] as const)('[001] POST /messages with %s is 422', async ([, wrong]) => {
    const [alice, bob] = [await signUp(), await signUp()]
    const conversationId = await openDirect(alice, bob)

    const { status, body } = await post(alice, conversationId, { ...sealWords('x'), ...wrong })

    expect(status).toBe(422)
    expect(body).toMatchObject({ detail: [{ loc: ['body', expect.any(String)] }] })
  })

  test('[001] GET /conversations/{id}/messages gives the newest first, with who sent them', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const conversationId = await openDirect(alice, bob)
    await post(alice, conversationId, sealWords('first'))
    await post(bob, conversationId, sealWords('second'))

    const { status, body } = await list(bob, conversationId)

    expect(status).toBe(200)
    expect(body.map((message) => unseal(message.ciphertext))).toEqual(['second', 'first'])
    expect(body.map((message) => message.senderUsername)).toEqual([bob.user.username, alice.user.username])
  })

  test('[001] limit is 50 where it is not given, and before pages by message id', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const conversationId = await openDirect(alice, bob)
    const native = await RawSocket.arrive(alice)
    for (let i = 0; i < 120; i++) await say(native, conversationId, String(i))

    const newest = await list(bob, conversationId)
    const before = newest.body.at(-1)?.messageId ?? 0
    const next = await list(bob, conversationId, `?before=${before}&limit=60`)
    const rest = await list(bob, conversationId, `?before=${next.body.at(-1)?.messageId}&limit=500`)

    const words = [...newest.body, ...next.body, ...rest.body].map((message) => Number(unseal(message.ciphertext)))
    expect([newest.body.length, next.body.length, rest.body.length]).toEqual([50, 60, 10])
    expect(words).toEqual(Array.from({ length: 120 }, (_, i) => 119 - i))
    expect((await list(bob, conversationId, '?limit=500')).body.length).toBe(120)
    expect((await list(bob, conversationId, '?before=1')).body).toEqual([])
    expect((await list(bob, conversationId, `?before=${2 ** 52}&limit=1`)).body).toMatchObject([newest.body[0]])
  })

  test.for(['?limit=0', '?limit=-1', '?limit=many', '?before=yesterday'])(
    '[001] GET /conversations/{id}/messages%s is 422',
    async (query) => {
      const [alice, bob] = [await signUp(), await signUp()]

      expect((await list(alice, await openDirect(alice, bob), query)).status).toBe(422)
    },
  )

  test('[001] a message that was deleted is not in the list, and does not count', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const conversationId = await openDirect(alice, bob)
    const posted = [
      await post(alice, conversationId),
      await post(alice, conversationId),
      await post(alice, conversationId),
    ]
    await ask('DELETE', `/v1/messages/${posted[1]?.body.messageId}`, { token: alice.accessToken })

    const { body } = await list(bob, conversationId, '?limit=2')

    expect(body.map((message) => message.messageId)).toEqual([posted[2]?.body.messageId, posted[0]?.body.messageId])
  })

  test('[001] the routes ask for a token, and so does the socket', async () => {
    expect((await ask('POST', '/messages', { json: { conversationId: 1 } })).status).toBe(401)
    expect((await ask('GET', '/conversations/1/messages')).status).toBe(401)
    const socket = await RawSocket.open({ path: '/ws' })
    await expect.poll(() => socket.closed?.code).toBe(1008)
  })
})
