import { closeLike } from '../core/close-code.ts'
import { isRefusal, type Refusal } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import { claimsOf } from '../worker/caller.ts'
import { reportFailure } from '../worker/failure.ts'
import { handToHub, isUpgrade, sessionHeader } from '../worker/upgrade.ts'
import type { C } from './fastapi.ts'
import { authenticated, authenticationFailed, tokenIn } from './rooms-words.ts'

/** How long a client may take to say who it is. */
const DEADLINE_MS = 10_000

type Codes = { badToken: number; fault: number }

/**
 * Takes a socket of which nobody knows whose it is before its first frame. So the worker stays in the path, for this document only: it
 * reads frames until one proves who it is, opens a socket to that user's hub, and from then on passes frames both ways.
 */
export const acceptUnknown = (c: C, codes: Codes): Response => {
  if (!isUpgrade(c)) {
    const sentence = 'This is the address of a WebSocket.'
    return c.json({ success: false, error: sentence, message: sentence }, 426, { upgrade: 'websocket' })
  }
  const { 0: client, 1: server } = new WebSocketPair()
  new UnauthenticatedSocket(c, server, codes).open()
  return new Response(null, { status: 101, webSocket: client })
}

class UnauthenticatedSocket {
  readonly #c: C
  readonly #client: WebSocket
  readonly #codes: Codes
  #hub: WebSocket | null = null
  #deadline: ReturnType<typeof setTimeout> | undefined
  /** Frames are taken one at a time: those that follow the token wait until it is looked at. */
  #turn: Promise<void> = Promise.resolve()
  /** How much waits for its turn, in characters or bytes. */
  #waiting = 0

  constructor(c: C, client: WebSocket, codes: Codes) {
    this.#c = c
    this.#client = client
    this.#codes = codes
  }

  open(): void {
    this.#deadline = setTimeout(() => this.#end(this.#codes.badToken, 'not authenticated'), DEADLINE_MS)
    listen(this.#client, {
      heard: (data) => this.#queue(data),
      closed: (code, reason) => this.#end(code, reason),
    })
  }

  #queue(data: string | ArrayBuffer): void {
    if (!isOpen(this.#client)) return
    const size = typeof data === 'string' ? data.length : data.byteLength
    // One frame may be too large by itself, and is refused then; what waits behind a token that is looked at is held in memory.
    if (this.#waiting > 0 && this.#waiting + size > LIMITS.bufferedBytes)
      return this.#end(this.#codes.fault, 'too much at once')
    this.#waiting += size
    this.#turn = this.#turn
      .then(() => this.#hear(data))
      .catch((error: unknown) => this.#fail(error))
      .finally(() => void (this.#waiting -= size))
  }

  async #hear(data: string | ArrayBuffer): Promise<void> {
    const token = typeof data === 'string' && data.length <= LIMITS.frameBytes ? tokenIn(data) : null
    if (token !== null) await this.#admit(token)
    else if (!this.#hub) this.#tell(JSON.stringify(authenticationFailed))
    else if (isOpen(this.#hub)) this.#hub.send(data)
  }

  /** Who says it again, perhaps as somebody else, is from then on who that token says. */
  async #admit(token: string): Promise<void> {
    const response = await askHub(this.#c, token)
    if (response !== null && !(response instanceof Response))
      return this.#end(this.#codes.fault, 'too many connections')
    const hub = response?.webSocket
    if (!hub) return this.#tell(JSON.stringify(authenticationFailed))
    const earlier = this.#hub
    this.#hub = hub
    if (earlier) closeLike(earlier, 1000, '')
    clearTimeout(this.#deadline)
    this.#tell(JSON.stringify(authenticated))
    listen(hub, {
      heard: (data) => this.#tell(data),
      closed: (code, reason) => (this.#hub === hub ? this.#end(code, reason) : closeLike(hub, code, reason)),
    })
    if (!isOpen(this.#client)) closeLike(hub, 1000, '')
  }

  #tell(data: string | ArrayBuffer): void {
    if (!isOpen(this.#client)) return
    this.#client.send(data)
    // There is no back-pressure: what a slow reader does not take piles up here, and not where the hub would see it.
    if (this.#client.bufferedAmount > LIMITS.bufferedBytes) this.#end(this.#codes.fault, 'socket.slow')
  }

  #fail(error: unknown): void {
    reportFailure(this.#c, error instanceof Error ? error : new Error('not an error'))
    this.#end(this.#codes.fault, 'server error')
  }

  #end(code: number, reason: string): void {
    clearTimeout(this.#deadline)
    closeLike(this.#client, code, reason)
    if (this.#hub) closeLike(this.#hub, code, reason)
  }
}

/** Null where the token is not good. */
const askHub = async (c: C, token: string): Promise<Response | Refusal | null> => {
  const claims = await claimsOf(c.env, token)
  if (isRefusal(claims)) return null
  const headers = [sessionHeader(claims), ['x-causerie-dialects', 'rooms']] satisfies [string, string][]
  return handToHub(c.env, { userId: claims.userId, headers })
}

const listen = (
  ws: WebSocket,
  hears: { heard: (data: string | ArrayBuffer) => void; closed: (code: number, reason: string) => void },
): void => {
  ws.binaryType = 'arraybuffer'
  ws.addEventListener('message', ({ data }) => hears.heard(data as string | ArrayBuffer))
  ws.addEventListener('close', ({ code, reason }) => hears.closed(code, reason))
  ws.accept()
}

const isOpen = (ws: WebSocket): boolean => ws.readyState === WebSocket.OPEN
