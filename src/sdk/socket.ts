import type { CommandOf, CommandType } from '../protocol/commands.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { ReplyTo, ServerEvent, ServerFrame } from '../protocol/events.ts'
import { LIMITS } from '../protocol/limits.ts'
import { CLOSE, mayReconnect, PING, PING_INTERVAL_MS, PONG } from '../protocol/wire.ts'
import { backoff } from './backoff.ts'
import { CauserieError, CauserieNetworkError } from './errors.ts'

/** The part of a `WebSocket` that the client uses. It may be still connecting: the first frame tells that it is open. */
export type SocketLike = {
  send(data: string): void
  close(code?: number, reason?: string): void
  /** On the platform's own sockets: nothing arrives before. */
  accept?(): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number }) => void): void
}

export type ConnectionState =
  | { state: 'offline' }
  | { state: 'connecting' }
  | { state: 'online' }
  | { state: 'waiting'; retryAt: number }

type Deps = {
  /** Opens a socket with a fresh ticket. */
  open: () => Promise<SocketLike>
  onEvent: (event: ServerEvent) => void
  onState: (state: ConnectionState) => void
  /** The server ended the session. */
  onRevoked: (code: ErrorCode) => void
  now: () => number
  random: () => number
}

type Waiting = { resolve: (result: never) => void; reject: (error: Error) => void; timer: Timer }
type Timer = ReturnType<typeof setTimeout>

const HELLO_TIMEOUT_MS = 15_000
/** Longer than the server lets a conversation take to answer. */
const REPLY_TIMEOUT_MS = 20_000
/** One command without an answer is the matter of its conversation; so many, and nothing else in between, of the connection. */
const MAX_UNANSWERED = 2
const PONG_TIMEOUT_MS = 10_000
/** After waking up a dead socket is likely, and somebody is looking. */
const WAKE_PONG_TIMEOUT_MS = 4_000
/** A try may have been left behind by its network. A greeting takes some seconds where a conversation does not answer. */
const WAKE_TRY_TIMEOUT_MS = 8_000
/** A connection that held this long was a good one: the next failure starts from the shortest wait. */
const STABLE_MS = 10_000

/** One that was greeted and did not hold shows that there is a network: it counts as no more failures, so that the long wait stays far. */
const GREETED_FAILURES = 4

/** One live connection that comes back by itself, and the commands that go over it. */
export class Connection {
  readonly #deps: Deps
  readonly #replies = new Map<number, Waiting>()
  #state: ConnectionState = { state: 'offline' }
  #socket: SocketLike | null = null
  /** Every try has a number; what belongs to an earlier one is not listened to. */
  #try = 0
  #failures = 0
  #onlineSince = 0
  #nextId = 1
  #unanswered = 0
  #retryTimer: Timer | undefined
  #helloTimer: Timer | undefined
  #pingTimer: Timer | undefined
  #pongTimer: Timer | undefined
  #wakeTimer: Timer | undefined

  constructor(deps: Deps) {
    this.#deps = deps
  }

  get state(): ConnectionState {
    return this.#state
  }

  get isOnline(): boolean {
    return this.#state.state === 'online'
  }

  start(): void {
    if (this.#state.state === 'offline') this.#connect()
  }

  stop(): void {
    this.#leave('The connection was closed.')
    this.#failures = 0
    this.#set({ state: 'offline' })
  }

  /** Tries now where it would wait, and makes sure of a socket, or of a try, that may have died unseen with the network it was on. */
  wake(): void {
    if (this.#state.state === 'waiting') {
      this.#failures = 0
      this.#connect()
    } else if (this.#state.state === 'online') this.#ping(WAKE_PONG_TIMEOUT_MS)
    else if (this.#state.state === 'connecting') {
      this.#failures = 0
      this.#wakeTimer ??= setTimeout(() => this.#fail('The connection did not come about.'), WAKE_TRY_TIMEOUT_MS)
    }
  }

  /** Sends a command and waits for its reply. Rejects at once where there is no connection. */
  request<Type extends CommandType>(command: CommandOf<Type>): Promise<ReplyTo<Type>> {
    const socket = this.#socket
    if (!socket || !this.isOnline) return Promise.reject(new CauserieNetworkError('There is no connection.'))
    const id = this.#nextId++
    const frame = JSON.stringify({ id, ...command })
    // The server cannot read the id of such a frame, so its refusal would name none.
    if (new TextEncoder().encode(frame).byteLength > LIMITS.frameBytes) {
      return Promise.reject(new CauserieError('frame.too_large', 'The frame is larger than 256 KiB.'))
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#noReplyTo(id), REPLY_TIMEOUT_MS)
      this.#replies.set(id, { resolve, reject, timer })
      this.#send(socket, frame)
    })
  }

  #noReplyTo(id: number): void {
    const waiting = this.#replies.get(id)
    this.#replies.delete(id)
    this.#unanswered += 1
    if (this.#unanswered >= MAX_UNANSWERED) this.#fail('The server did not answer.')
    waiting?.reject(new CauserieNetworkError('The server did not answer.'))
  }

  #connect(): void {
    clearTimeout(this.#retryTimer)
    const current = ++this.#try
    this.#unanswered = 0
    this.#set({ state: 'connecting' })
    void this.#open(current)
  }

  async #open(current: number): Promise<void> {
    try {
      const socket = await this.#deps.open()
      if (current !== this.#try) return closeQuietly(socket)
      this.#socket = socket
      this.#helloTimer = setTimeout(() => this.#fail('The server did not say hello.'), HELLO_TIMEOUT_MS)
      socket.addEventListener('message', ({ data }) => {
        for (const frame of framesOf(data)) if (current === this.#try) this.#receive(frame)
      })
      socket.addEventListener('close', ({ code }) => {
        if (current === this.#try) this.#closed(code)
      })
      socket.accept?.()
    } catch (error) {
      if (current !== this.#try) return
      const retryAfter = error instanceof CauserieError ? (error.retryAfter ?? 0) : 0
      this.#fail('The connection failed.', retryAfter * 1000)
    }
  }

  #receive(frame: ServerFrame | typeof PONG): void {
    if (frame === PONG) {
      clearTimeout(this.#pongTimer)
      this.#pongTimer = undefined
      return
    }
    if (frame.type === 'reply') {
      const waiting = frame.id === null ? undefined : this.#replies.get(Number(frame.id))
      if (!waiting) return
      this.#replies.delete(Number(frame.id))
      this.#unanswered = 0
      clearTimeout(waiting.timer)
      if (frame.ok) waiting.resolve(frame.result as never)
      else waiting.reject(new CauserieError(frame.error.code, frame.error.message, frame.error))
      return
    }
    if (frame.type === 'hello') this.#greeted()
    this.#deps.onEvent(frame)
    if (frame.type === 'hello') this.#set({ state: 'online' })
  }

  #greeted(): void {
    clearTimeout(this.#helloTimer)
    this.#forgetWaking()
    this.#onlineSince = this.#deps.now()
    this.#pingTimer = setInterval(() => this.#ping(PONG_TIMEOUT_MS), PING_INTERVAL_MS)
    // Until a client has sent a frame, a local workerd (2026-10-23) does not end the connection after a close of the server.
    this.#ping(PONG_TIMEOUT_MS)
  }

  #ping(timeoutMs: number): void {
    if (this.#pongTimer !== undefined) return
    this.#pongTimer = setTimeout(() => this.#fail('The connection is dead.'), timeoutMs)
    if (this.#socket) this.#send(this.#socket, PING)
  }

  #send(socket: SocketLike, data: string): void {
    try {
      socket.send(data)
    } catch {
      this.#fail('The connection was lost.')
    }
  }

  #closed(code: number): void {
    if (mayReconnect(code) || code === CLOSE.ticketInvalid) return this.#fail('The connection was lost.')
    this.stop()
    if (code === CLOSE.sessionRevoked) this.#deps.onRevoked('session.revoked')
  }

  #fail(why: string, atLeastMs = 0): void {
    if (this.isOnline) {
      const isStable = this.#deps.now() - this.#onlineSince > STABLE_MS
      this.#failures = isStable ? 0 : Math.min(this.#failures, GREETED_FAILURES)
    }
    this.#leave(why)
    const delay = Math.max(atLeastMs, backoff(this.#failures++, this.#deps.random))
    this.#retryTimer = setTimeout(() => this.#connect(), delay)
    this.#set({ state: 'waiting', retryAt: this.#deps.now() + delay })
  }

  /** Lets go of the socket without waiting for it: a dead one may take minutes to say that it closed. */
  #leave(why: string): void {
    this.#try += 1
    clearTimeout(this.#retryTimer)
    clearTimeout(this.#helloTimer)
    clearInterval(this.#pingTimer)
    clearTimeout(this.#pongTimer)
    this.#pongTimer = undefined
    this.#forgetWaking()
    const socket = this.#socket
    this.#socket = null
    if (socket) closeQuietly(socket)
    const replies = [...this.#replies.values()]
    this.#replies.clear()
    for (const { reject, timer } of replies) {
      clearTimeout(timer)
      reject(new CauserieNetworkError(why))
    }
  }

  #forgetWaking(): void {
    clearTimeout(this.#wakeTimer)
    this.#wakeTimer = undefined
  }

  #set(state: ConnectionState): void {
    if (state.state === this.#state.state && state.state !== 'waiting') return
    this.#state = state
    this.#deps.onState(state)
  }
}

/** What is told at one moment comes as one frame. What the frames say is trusted; unknown types are for clients to come and find no listener. */
const framesOf = (data: unknown): (ServerFrame | typeof PONG)[] => {
  if (data === PONG) return [PONG]
  return typeof data === 'string' ? [JSON.parse(data) as ServerFrame | ServerFrame[]].flat() : []
}

const closeQuietly = (socket: SocketLike): void => {
  try {
    socket.close(1000)
  } catch {
    // It was closed from the other side in the same moment.
  }
}
