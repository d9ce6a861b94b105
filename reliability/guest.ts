import { randomBytes } from 'node:crypto'
import { PASSWORD, register } from '../chaos/person.ts'
import { ask } from '../harness/rest.ts'
import { PATIENCE_MS, PlainSocket } from './plain-socket.ts'

type Frame = {
  type: string
  id?: number
  ok?: boolean
  rev?: number
  error?: { code: string; retryAfter?: number }
  result?: Result
  message?: { seq: number; clientId: string; senderId: number }
  conversationId?: number
  conversations?: { conversation: { id: number }; epoch: string; rev: number; seq: number; readSeq: number }[]
}
export type Result = {
  message: { id: number; seq: number; clientId: string }
  rev: number
  more: boolean
  messages: { seq: number; clientId: string; createdAt: string }[]
  items: { userId: number; online: boolean }[]
}

/** As docs/protocol.md limits it. */
const IDS_PER_REQUEST = 100

/** Somebody signed in. */
export type Guest = { id: number; name: string; token: string; refreshToken: string; sessionId: string }

let guests = 0

export const newGuest = async (base: string): Promise<Guest> => {
  guests += 1
  const { person, session } = await register(base, guests)
  const { id: sessionId, accessToken: token, refreshToken } = session
  return { id: person.id, name: person.username, token, refreshToken, sessionId }
}

type SignedIn = { user: { id: number }; accessToken: string; refreshToken: string; sessionId: string }

/** The same person on another device, on a network of its own: nobody is asked to wait for those who came before. */
export const signIn = async (base: string, name: string, password = PASSWORD): Promise<Guest> => {
  const request = { method: 'POST', path: '/v1/auth/login', json: { login: name, password }, from: randomNetwork() }
  const answer = await ask<SignedIn>(base, request)
  if (answer.status === null || !answer.ok) throw new Error(`${name} could not sign in`)
  const { user, accessToken: token, refreshToken, sessionId } = answer.body
  return { id: user.id, name, token, refreshToken, sessionId }
}

/** Sign-ins are limited per network: one that nobody had before. */
export const randomNetwork = (): string => `11.${randomBytes(3).join('.')}`

/** So many, a few at a time. */
export const newGuests = async (base: string, count: number): Promise<Guest[]> => {
  const all: Guest[] = []
  while (all.length < count) {
    const few = Array.from({ length: Math.min(8, count - all.length) }, () => newGuest(base))
    all.push(...(await Promise.all(few)))
  }
  return all
}

export const openGroup = async (base: string, owner: Guest, others: Guest[]): Promise<number> => {
  const post = async <Body>(path: string, json: object): Promise<Body> => {
    const answer = await ask<Body>(base, { method: 'POST', path, token: owner.token, json })
    if (answer.status !== null && answer.ok) return answer.body
    throw new Error(`The group could not be opened: ${JSON.stringify(answer)}`)
  }
  const ids = others.map(({ id }) => id)
  const first = { kind: 'group', title: 'Group', memberIds: ids.splice(0, IDS_PER_REQUEST) }
  const { conversation } = await post<{ conversation: { id: number } }>('/v1/conversations', first)
  while (ids.length > 0) {
    await post(`/v1/conversations/${conversation.id}/members`, { userIds: ids.splice(0, IDS_PER_REQUEST) })
  }
  return conversation.id
}

/** A native client on a plain socket. */
export class NativeClient {
  readonly socket: PlainSocket
  readonly hello: Frame
  /** The runtime answered a ping. */
  pong: () => void = () => {}
  #hear: (frame: Frame) => void = (frame) => this.#unheard.push(frame)
  /** What came in one piece with `hello`, before anybody could listen. */
  readonly #unheard: Frame[] = []
  #isHeard = false
  #isClosed = false
  readonly #waiting = new Map<number, (frame: Frame | null) => void>()
  #lastId = 0

  private constructor(socket: PlainSocket, [hello = '', ...more]: string[]) {
    this.socket = socket
    this.hello = JSON.parse(hello) as Frame
    const take = (text: string): void => {
      if (text === 'pong') return this.pong()
      for (const frame of [JSON.parse(text) as Frame | Frame[]].flat()) {
        if (frame.type !== 'reply') this.#hear(frame)
        else {
          this.#waiting.get(frame.id ?? 0)?.(frame)
          this.#waiting.delete(frame.id ?? 0)
        }
      }
    }
    for (const text of more) take(text)
    socket.hear = take
    // Who does not listen by then hears nothing.
    setImmediate(() => {
      if (!this.#isHeard) this.hear = () => {}
    })
    void socket.closed.then(() => {
      this.#isClosed = true
      for (const resolve of this.#waiting.values()) resolve(null)
      this.#waiting.clear()
    })
  }

  set hear(listener: (frame: Frame) => void) {
    this.#isHeard = true
    this.#hear = listener
    for (const frame of this.#unheard.splice(0)) listener(frame)
  }

  /**
   * Resolves with `hello`; null where it did not come. `prepare` gets the socket before anything is heard, `refused` the head of the
   * answer to an upgrade that was refused.
   */
  static async open(
    base: string,
    guest: Guest,
    options: { have?: string; prepare?: (socket: PlainSocket) => void; refused?: (head: string) => void } = {},
  ): Promise<NativeClient | null> {
    const { have = '', prepare, refused } = options
    const url = `${base}/v1/socket${have === '' ? '' : `?have=${have}`}`
    const socket = await PlainSocket.open(url, { authorization: `Bearer ${guest.token}` }, refused)
    if (!socket) return null
    prepare?.(socket)
    const patience = setTimeout(() => socket.cut(), PATIENCE_MS)
    const texts: string[] = []
    const greeted = new Promise<void>((resolve) => {
      socket.hear = (text) => {
        texts.push(text)
        resolve()
      }
    })
    await Promise.race([greeted, socket.closed])
    clearTimeout(patience)
    return texts.length === 0 ? null : new NativeClient(socket, texts)
  }

  /** Null where no answer came before the connection ended, or can come. */
  request(command: { type: string; [field: string]: unknown }): Promise<Frame | null> {
    if (this.#isClosed) return Promise.resolve(null)
    this.#lastId += 1
    const id = this.#lastId
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve)
      this.socket.send(JSON.stringify({ id, ...command }))
    })
  }

  say(conversationId: number, clientId: string, text = clientId): Promise<Frame | null> {
    return this.request({ type: 'message.send', conversationId, clientId, content: { kind: 'text', text } })
  }
}

const GIVE_UP_MS = 120_000

/** Insists on one: a server that was just started may still refuse. */
export const openClient = async (
  base: string,
  guest: Guest,
  options: Parameters<typeof NativeClient.open>[2] = {},
): Promise<NativeClient> => {
  const from = performance.now()
  for (;;) {
    const client = await NativeClient.open(base, guest, options)
    if (client) return client
    if (performance.now() - from > GIVE_UP_MS)
      throw new Error(`${guest.name} got no socket for ${GIVE_UP_MS / 1_000} s`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
