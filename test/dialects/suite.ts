import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { openDirect, openGroup, say } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp, statusOf } from '../support/rest.ts'

export type Frame = Record<string, unknown>
/** How most of the documents refuse. */
export type Detail = { detail: string }

/** How one document does what they all do, and what it cannot do. */
export type Driver = {
  /** Its number, for the titles. */
  document: string
  /** Where its socket is, for somebody with this token. */
  path: (token: string) => string
  /** The first frame, where that is what holds the token; a bad one is then told by an error, and not by closing. */
  authenticate?: (token: string) => Frame
  badToken: number
  /** Sends words as the document's client would. */
  send: (from: SignedIn, to: SignedIn, words: string) => Promise<void>
  /** What a frame says, if it tells a new message. */
  heard: (frame: Frame) => { words: string; senderId: number } | null
  /** Whether one who posts a message by REST hears of it on a socket as well. */
  echoes: boolean
  /** What a frame says, if it tells an error; `null` for a document whose socket answers nothing. */
  errorOf: ((frame: Frame) => string | null) | null
}

export const openSocket = async (driver: Pick<Driver, 'path' | 'authenticate'>, token: string): Promise<RawSocket> => {
  const socket = await RawSocket.open({ path: driver.path(token) })
  if (!driver.authenticate) return socket
  socket.sendRaw(JSON.stringify(driver.authenticate(token)))
  // What it is answered is no part of what is heard.
  await socket.waitFor(() => true)
  socket.frames.pop()
  return socket
}

/** What every one of the five documents promises, as far as it can. */
export const dialectTests = (name: string, driver: Driver): void => {
  const { document, badToken } = driver
  const open = (who: SignedIn) => openSocket(driver, who.accessToken)
  const words = (socket: RawSocket) => socket.frames.flatMap((frame) => driver.heard(frame)?.words ?? [])
  const hears = (socket: RawSocket, said: string) => socket.waitFor((frame) => driver.heard(frame)?.words === said)

  describe(`${name}, as all documents`, () => {
    test(`[${document}] what one sends the other hears, once`, async () => {
      const [alice, bob] = [await signUp(), await signUp()]
      const socket = await open(bob)

      await driver.send(alice, bob, 'Bonjour !')
      await driver.send(alice, bob, 'Ça va ?')

      await hears(socket, 'Ça va ?')
      expect(words(socket)).toEqual(['Bonjour !', 'Ça va ?'])
      const frame = socket.frames.find((each) => driver.heard(each))
      expect(driver.heard(frame ?? {})).toMatchObject({ senderId: alice.user.id })
    })

    test(`[${document}] nothing comes before the first message: there is no greeting`, async () => {
      const [alice, bob] = [await signUp(), await signUp()]
      const socket = await open(bob)

      await driver.send(alice, bob, 'first')

      await hears(socket, 'first')
      expect(socket.frames.filter((frame) => ['hello', 'session.revoked', 'reply'].includes(frame.type))).toEqual([])
    })

    test(`[${document}] who posts a message ${driver.echoes ? 'hears it too' : 'has it as the answer only'}`, async () => {
      const [alice, bob] = [await signUp(), await signUp()]
      const [hers, his] = [await open(alice), await open(bob)]

      await driver.send(alice, bob, 'hers')
      await driver.send(bob, alice, 'his')

      await Promise.all([hears(hers, 'his'), hears(his, 'hers')])
      if (driver.echoes) await Promise.all([hears(hers, 'hers'), hears(his, 'his')])
      expect(words(hers)).toEqual(driver.echoes ? ['hers', 'his'] : ['his'])
    })

    test(`[${document}] every socket of a person hears`, async () => {
      const [alice, bob] = [await signUp(), await signUp()]
      const sockets = [await open(bob), await open(bob), await open(bob)]

      await driver.send(alice, bob, 'to all of you')

      await Promise.all(sockets.map((socket) => hears(socket, 'to all of you')))
    })

    test(`[${document}] what is written natively is heard, in a conversation of two and in a group`, async () => {
      const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
      const socket = await open(bob)
      const native = await RawSocket.arrive(alice)

      await say(native, await openDirect(alice, bob), 'to you')
      await hears(socket, 'to you')
      await say(native, await openGroup(alice, bob, carol), 'to all')
      await hears(socket, 'to all')

      expect(words(socket)).toEqual(['to you', 'to all'])
    })

    test(`[${document}] what is written there is heard natively`, async () => {
      const [alice, bob] = [await signUp(), await signUp()]
      const native = await RawSocket.arrive(bob)

      await driver.send(alice, bob, 'from over there')

      const { message } = (await native.waitForType('message.created')) as unknown as { message: { senderId: number } }
      expect(message.senderId).toBe(alice.user.id)
    })

    const isRefused = async (token: string): Promise<void> => {
      const socket = await RawSocket.open({ path: driver.path(token) })
      if (!driver.authenticate) return expect.poll(() => socket.closed?.code).toBe(badToken)
      socket.sendRaw(JSON.stringify(driver.authenticate(token)))
      await expect.poll(() => socket.frames.flatMap((frame) => driver.errorOf?.(frame) ?? [])).toHaveLength(1)
    }

    test(`[${document}] a bad token is told after accepting, by ${driver.authenticate ? 'an error' : `close code ${badToken}`}`, async () => {
      const { accessToken } = await signUp()
      const bad = ['nonsense', `${accessToken}x`, accessToken.split('.').slice(0, 2).join('.')]

      await Promise.all(bad.map(isRefused))
    })

    test(`[${document}] signing out closes the sockets of that session, and the token opens none`, async () => {
      const alice = await signUp()
      const [dialect, native] = [await open(alice), await RawSocket.arrive(alice)]

      const { status } = await ask('POST', '/auth/logout', { token: alice.accessToken })

      expect(status).toBe(200)
      await expect.poll(() => dialect.closed?.code).toBe(badToken)
      await expect.poll(() => native.closed?.code).toBe(4403)
      expect(dialect.frames).toEqual([])
      expect(await statusOf(alice.accessToken)).toBe(401)
      await isRefused(alice.accessToken)
    })

    test(`[${document}] a session that is over by itself closes its sockets as a bad token does`, async () => {
      const [alice, bob] = [await signUp(), await signUp()]
      const socket = await open(bob)
      await runInDurableObject(hubOf(env, bob.user.id), (hub) => {
        const sockets = Reflect.get(hub, 'ctx') as DurableObjectState
        for (const ws of sockets.getWebSockets()) {
          ws.serializeAttachment({ ...(ws.deserializeAttachment() as object), sessionExpiresAt: 1 })
        }
      })
      await evictDurableObject(hubOf(env, bob.user.id))

      await driver.send(alice, bob, 'Bonjour !')

      await expect.poll(() => socket.closed?.code).toBe(badToken)
    })

    test(`[${document}] a socket survives whatever a client says, and still hears`, async () => {
      const [alice, bob] = [await signUp(), await signUp()]
      const socket = await open(bob)

      const { errorOf } = driver
      const errors = () => socket.frames.flatMap((frame) => errorOf?.(frame) ?? [])
      for (const said of NONSENSE) socket.sendRaw(said)
      if (errorOf) await expect.poll(errors).toHaveLength(NONSENSE.length)
      await driver.send(alice, bob, 'still there?')

      await hears(socket, 'still there?')
      expect(socket.closed).toBeNull()
      expect(errors()).toHaveLength(errorOf ? NONSENSE.length : 0)
      for (const error of errors()) expect(error).toMatch(/^[A-Z].*\.$/)
    })

    test(`[${document}] a socket outlives the hibernation of its hub`, async () => {
      const [alice, bob] = [await signUp(), await signUp()]
      const socket = await open(bob)
      await driver.send(alice, bob, 'before')
      await hears(socket, 'before')

      await evictDurableObject(env.USER_HUB.getByName(String(bob.user.id)))
      await driver.send(alice, bob, 'after')

      await hears(socket, 'after')
      expect(words(socket)).toEqual(['before', 'after'])
    })

    test(`[${document}] the address of the socket asks for an upgrade`, async () => {
      const { accessToken } = await signUp()

      const { status, headers } = await ask('GET', driver.path(accessToken))

      expect(status).toBe(426)
      expect(headers.get('upgrade')).toBe('websocket')
    })

    test(`[${document}] pages of any origin may open the socket`, async () => {
      const { accessToken } = await signUp()

      const socket = await RawSocket.open({
        path: driver.path(accessToken),
        headers: { origin: 'https://elsewhere.example' },
      })

      socket.close()
      await expect.poll(() => socket.closed?.code).toBe(1000)
    })
  })
}

const NONSENSE = [
  '',
  '{',
  'null',
  '[]',
  '"text"',
  '17',
  '{}',
  '{"type":5}',
  '{"type":"no such thing"}',
  '{"type":"send_message"}',
  '{"type":"send_message","receiver_id":"me","content":"x"}',
  '{"type":"send_message","receiver_id":1e99,"content":"x"}',
  '{"type":"send_message","receiver_id":999999999,"content":"x"}',
  '{"type":"send_message","receiver_id":1,"content":""}',
  '{"type":"send_message","receiver_id":1,"content":{"deep":true}}',
  `{"type":"send_message","receiver_id":1,"content":"${'x'.repeat(8_001)}"}`,
  `{"type":"${'x'.repeat(256 * 1024)}"}`,
  new Uint8Array([0xff, 0x00]).buffer,
]
