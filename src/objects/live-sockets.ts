import * as z from 'zod'
import { type DialectName, DIALECT_NAMES } from '../dialects/dialect.ts'
import { DIALECTS } from '../dialects/index.ts'
import { count } from '../directory/metrics.ts'
import { isAlive, isDead } from '../core/presence.ts'
import { LIMITS } from '../protocol/limits.ts'
import { CLOSE } from '../protocol/socket.ts'

const MAX_LEFT = 500
/** At 18 bytes each, and as many for each that a client left, an attachment stays below the 16 KiB that it may have. */
const MAX_HEARD = 256
/** Well below the time after which a silent socket is cut. */
const FRAMES_KEPT_MS = 10_000

/** Sockets of one user, those among them that were closed and whose client has not answered. */
const MAX_LINGERING = 2 * LIMITS.socketsPerUser
/** What may wait for the clients of one user that do not read. */
const MAX_WAITING_BYTES = 16 * LIMITS.bufferedBytes

/** What a socket must still know after its hub was hibernated: kept in the attachment. */
const Attachment = z.object({
  id: z.string(),
  /** The documents whose frames this socket speaks; none for the native protocol. */
  dialects: z.array(z.enum(DIALECT_NAMES)),
  /** Conversations that the client said it does not want to hear of. */
  left: z.array(z.number()),
  sessionId: z.string(),
  sessionExpiresAt: z.number(),
  /** When the directory last said that the session is good. */
  vettedAt: z.number(),
  connectedAt: z.number(),
  /** When the client was last heard, as far as is known: a frame, a ping, or its coming. A while behind. */
  lastFrameAt: z.number(),
  greeted: z.boolean(),
  /** How far this socket, as all of its hub, has heard the conversations that spoke last: revisions by id. */
  heard: z.map(z.number(), z.number()),
  /** Whether others were told last that the user is here, as all of its hub. */
  announced: z.boolean(),
})
type Attachment = z.infer<typeof Attachment>

export type LiveSocket = Omit<Attachment, 'heard' | 'announced'> & {
  ws: WebSocket
  /** The `lastFrameAt` that the attachment holds. */
  keptFrameAt: number
  /** Resolves when `hello` is out; frames that came before wait for it, in order. */
  greeting: Promise<void>
}

/** The open sockets of one user. Being open proves nothing: `isOnline` asks for a sign of life. */
export class LiveSockets {
  readonly #ctx: DurableObjectState
  readonly #speak: (socket: LiveSocket, frame: string) => string[]
  readonly #onRemoved: () => void
  readonly #sockets = new Map<WebSocket, LiveSocket>()
  readonly #heard = new Map<number, number>()
  /** The last sign of life of sockets that closed. */
  #leftAt = 0
  #isAnnounced = false
  #isKept = true

  /** `speak` puts a frame of the native protocol into those of the socket's dialects; `onRemoved` is called for each that went or was closed. */
  constructor(
    ctx: DurableObjectState,
    hub: { speak: (socket: LiveSocket, frame: string) => string[]; onRemoved: () => void },
  ) {
    this.#ctx = ctx
    this.#speak = hub.speak
    this.#onRemoved = hub.onRemoved
    for (const ws of ctx.getWebSockets()) {
      // A socket that was closed may be listed until its client has answered that, which it need not do.
      if (ws.readyState !== WebSocket.OPEN) continue
      const attachment = Attachment.safeParse(ws.deserializeAttachment())
      if (!attachment.success) ws.close(CLOSE.fault, 'server.fault')
      // A hub that went away in the middle of a greeting will not finish it.
      else if (!attachment.data.greeted) ws.close(CLOSE.fault, 'server.fault')
      else {
        const { heard, announced, ...data } = attachment.data
        this.#isAnnounced = announced
        this.#sockets.set(ws, { ...data, ws, keptFrameAt: data.lastFrameAt, greeting: Promise.resolve() })
        for (const [conversationId, rev] of heard) this.#heard.set(conversationId, rev)
      }
    }
  }

  get size(): number {
    return this.#sockets.size
  }

  /** Whether others were told last that the user is here: also after a hibernation, as long as a socket is open. */
  get isAnnounced(): boolean {
    return this.#isAnnounced
  }

  sessionIds(): string[] {
    return [...this.#sockets.values()].map((socket) => socket.sessionId)
  }

  get(ws: WebSocket): LiveSocket | undefined {
    return this.#sockets.get(ws)
  }

  add(ws: WebSocket, session: { sessionId: string; dialects: DialectName[] }, now: number): LiveSocket {
    const id = crypto.randomUUID().slice(0, 8)
    // When its session ends is looked up while it is greeted.
    const state = { ...session, sessionExpiresAt: now, vettedAt: now, id, left: [], connectedAt: now, greeted: false }
    this.#ctx.acceptWebSocket(ws)
    const socket: LiveSocket = { ...state, ws, lastFrameAt: now, keptFrameAt: now, greeting: Promise.resolve() }
    this.#keep(socket)
    this.#sockets.set(ws, socket)
    count('causerie_connections_opened_total')
    return socket
  }

  /**
   * Whether no more may be opened. What was closed here counts until its client has answered, and holds what it did not read: a client that
   * does neither would else open others without end.
   */
  get isFull(): boolean {
    const all = this.#ctx.getWebSockets()
    const waiting = all.reduce((sum, ws) => sum + (ws.bufferedAmount ?? 0), 0)
    return all.length >= MAX_LINGERING || waiting > MAX_WAITING_BYTES
  }

  greeted(socket: LiveSocket, sessionExpiresAt: number, now: number): void {
    socket.greeted = true
    socket.sessionExpiresAt = sessionExpiresAt
    socket.vettedAt = now
    this.#keep(socket)
    // Only now: of who is not greeted yet nobody has looked whether the session is good.
    const greeted = [...this.#sockets.values()].filter((each) => each.greeted)
    const [oldest] = greeted.toSorted((a, b) => a.connectedAt - b.connectedAt)
    if (oldest && greeted.length > LIMITS.socketsPerUser) this.close(oldest, CLOSE.tooManySockets, 'socket.too_many')
  }

  /** Notes that a frame came. Clients that send some need not ping, and a hub that was hibernated is to know that. */
  hear(socket: LiveSocket, now: number): void {
    socket.lastFrameAt = Math.max(socket.lastFrameAt, now)
    if (now - socket.keptFrameAt >= FRAMES_KEPT_MS) this.#keep(socket)
  }

  /** Those of whose sessions nobody asked since that time. They count as vetted from `now` on. */
  takeUnvetted(since: number, now: number): LiveSocket[] {
    const unvetted = [...this.#sockets.values()].filter((socket) => socket.greeted && socket.vettedAt < since)
    for (const socket of unvetted) {
      socket.vettedAt = now
      this.#keep(socket)
    }
    return unvetted
  }

  /** Notes whether the client of this socket wants to hear of a conversation. */
  want(socket: LiveSocket, conversationId: number, wanted: boolean): void {
    const others = socket.left.filter((id) => id !== conversationId)
    socket.left = wanted ? others : [...others, conversationId].slice(-MAX_LEFT)
    this.#keep(socket)
  }

  /** How far the sockets have heard a conversation, if it is among those that spoke last: also after a hibernation. */
  heard(conversationId: number): number | null {
    return this.#heard.get(conversationId) ?? null
  }

  /**
   * Notes how far the sockets have heard a conversation; null takes the note away. Where that is one too many, the oldest goes, and is
   * answered.
   */
  noteHeard(conversationId: number, rev: number | null): { conversationId: number; rev: number } | null {
    if (rev === this.heard(conversationId)) return null
    this.#heard.delete(conversationId)
    if (rev !== null) this.#heard.set(conversationId, rev)
    this.#keepAll()
    const [oldest] = this.#heard
    if (this.#heard.size <= MAX_HEARD || !oldest) return null
    this.#heard.delete(oldest[0])
    return { conversationId: oldest[0], rev: oldest[1] }
  }

  noteAnnounced(isAnnounced: boolean): void {
    this.#isAnnounced = isAnnounced
    this.#keepAll()
  }

  remove(ws: WebSocket): void {
    const socket = this.#sockets.get(ws)
    if (!socket) return
    const now = Date.now()
    this.#leftAt = Math.max(this.#leftAt, this.#lastSignOfLife(socket, now))
    this.#sockets.delete(ws)
    count('causerie_connections_closed_total')
    count('causerie_connection_seconds_total', (now - socket.connectedAt) / 1000)
    this.#onRemoved()
  }

  close(socket: LiveSocket, code: number, reason: string): void {
    this.remove(socket.ws)
    try {
      socket.ws.close(codeFor(socket, code), reason)
    } catch {
      // The peer closed it in the same moment.
    }
  }

  /** Closes the sockets of the sessions that `ended` names. */
  endSessions(ended: (sessionId: string) => boolean, lastWord: string): void {
    for (const socket of this.#sockets.values()) {
      if (!ended(socket.sessionId)) continue
      if (socket.dialects.length === 0) this.send(socket, lastWord)
      this.close(socket, CLOSE.sessionRevoked, 'session.revoked')
    }
  }

  /**
   * Sends these frames, in order, to every socket that has been greeted; cuts those whose session is over, whose peer is gone, or who do not
   * read. Sending is most of what a delivery costs, so clients of the native protocol get them all as one.
   */
  broadcast(frames: string[], now: number): void {
    const [first] = frames
    if (first === undefined) return
    const together = frames.length === 1 ? first : `[${frames.join(',')}]`
    for (const socket of this.#sockets.values()) {
      if (!socket.greeted) continue
      if (now >= socket.sessionExpiresAt) this.close(socket, CLOSE.ticketInvalid, 'session.expired')
      else if (this.#isGone(socket, now)) this.close(socket, CLOSE.leaseExpired, 'lease.expired')
      else if (socket.dialects.length === 0) this.send(socket, together)
      else for (const frame of frames) for (const said of this.#speak(socket, frame)) this.send(socket, said)
    }
  }

  send(socket: LiveSocket, frame: string): void {
    // There is no back-pressure: what a slow reader does not take piles up in memory. It is looked at before, for a frame that was just
    // sent waits for the fastest reader too. A runtime that does not count, as workerd before 2026-11-17, cuts nobody.
    if (socket.ws.bufferedAmount > LIMITS.bufferedBytes) return this.close(socket, CLOSE.slowReader, 'socket.slow')
    try {
      socket.ws.send(frame)
    } catch {
      this.remove(socket.ws)
    }
  }

  /** Who is still being greeted is not here yet: the session may have ended. */
  isOnline(now: number): boolean {
    return [...this.#sockets.values()].some(
      (socket) => socket.greeted && isAlive(this.#lastSignOfLife(socket, now), now),
    )
  }

  get isAnyGreeted(): boolean {
    return [...this.#sockets.values()].some((socket) => socket.greeted)
  }

  get isGreeting(): boolean {
    return [...this.#sockets.values()].some((socket) => !socket.greeted)
  }

  /** Also of those that went, as far as this life of the hub knows. */
  lastSeenAt(now: number): number {
    return Math.max(this.#leftAt, ...[...this.#sockets.values()].map((socket) => this.#lastSignOfLife(socket, now)))
  }

  /** Once, however many notes one turn makes. */
  #keepAll(): void {
    if (!this.#isKept) return
    this.#isKept = false
    queueMicrotask(() => {
      this.#isKept = true
      for (const socket of this.#sockets.values()) this.#keep(socket)
    })
  }

  #keep(socket: LiveSocket): void {
    const { id, dialects, left, sessionId, sessionExpiresAt, vettedAt, connectedAt, lastFrameAt, greeted } = socket
    const state = { id, dialects, left, sessionId, sessionExpiresAt, vettedAt, connectedAt, lastFrameAt, greeted }
    socket.keptFrameAt = lastFrameAt
    const shared = { heard: this.#heard, announced: this.#isAnnounced }
    socket.ws.serializeAttachment({ ...state, ...shared } satisfies Attachment)
  }

  /** Asks the runtime for the last pong only where what is known already would say that the peer is gone. */
  #isGone(socket: LiveSocket, now: number): boolean {
    return isDead(socket.lastFrameAt, now) && isDead(this.#lastSignOfLife(socket, now), now)
  }

  #lastSignOfLife(socket: LiveSocket, now: number): number {
    // The documents know no heartbeat: their clients are there as long as their socket is.
    if (socket.dialects.length > 0) return now
    const pong = this.#ctx.getWebSocketAutoResponseTimestamp(socket.ws)?.getTime() ?? 0
    socket.lastFrameAt = Math.max(socket.lastFrameAt, pong)
    return socket.lastFrameAt
  }
}

/** The documents name two reasons only: the token is not good, or it is our fault. */
const codeFor = (socket: LiveSocket, code: number): number => {
  const [name] = socket.dialects
  if (!name) return code
  const { badToken, fault } = DIALECTS[name].close
  return code === CLOSE.sessionRevoked || code === CLOSE.ticketInvalid ? badToken : fault
}
