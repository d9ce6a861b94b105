import { DurableObject } from 'cloudflare:workers'
import migrations from '../../migrations/hub/migrations.js'
import { closeLike } from '../core/close-code.ts'
import type { Order } from '../core/orders.ts'
import { reportMetrics } from '../directory/metrics.ts'
import { logFault } from '../directory/faults.ts'
import type { Ticket } from '../protocol/auth.ts'
import type { Command } from '../protocol/commands.ts'
import type { InboxEntry, InboxPage, InboxQuery } from '../protocol/conversation.ts'
import { type Refusal, refuse } from '../protocol/errors.ts'
import type { DirectoryEvent, EventOf, ServerEvent } from '../protocol/events.ts'
import { CLOSE, decodeHave, type Have, PING, PONG, SUBPROTOCOL } from '../protocol/socket.ts'
import type { Answer, Batch, CatchUp, Left, Nap } from './batch.ts'
import { Budgets, priceOfPresence } from './budgets.ts'
import { Circle } from './circle.ts'
import { ConversationFeed } from './conversation-feed.ts'
import { countedStorage } from './counted-storage.ts'
import { DialectDesk, dialectsOf } from './dialect-desk.ts'
import { decodeFrame, replyFrame } from './frames.ts'
import { helloTo } from './hello.ts'
import { HubStore } from './hub-store.ts'
import { InboxBook } from './inbox-book.ts'
import { LiveSockets, type LiveSocket } from './live-sockets.ts'
import { migrateStorage } from './migrate.ts'
import type { Newest, NewestQuery } from './newest-messages.ts'
import type { PresenceReport } from './presence-book.ts'
import { PresenceDesk } from './presence-desk.ts'
import { Readings } from './readings.ts'
import { SessionDesk } from './session-desk.ts'
import { keptConversations } from './stubs.ts'
import { UserOrders } from './user-orders.ts'

/** When to come again where too many sockets wait for their clients: a network takes a while to give up. */
const FULL_RETRY_SECONDS = 10

/** One user: the live sockets, the inbox, presence. It orders what the sockets see, and carries what they ask. */
export class UserHub extends DurableObject<Env> {
  readonly #userId: number
  readonly #sockets: LiveSockets
  readonly #sessions: SessionDesk
  readonly #budgets = new Budgets(this.env)
  #circle!: Circle
  #inbox!: InboxBook
  #feed!: ConversationFeed
  #orders!: UserOrders
  #readings!: Readings
  #presence!: PresenceDesk
  readonly #dialects: DialectDesk

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#userId = Number(ctx.id.name)
    // What is in memory would be ahead of what is stored, and of what the sockets were told: it starts anew, and they come back.
    const storage = countedStorage(ctx.storage, (error) => {
      logFault('storage.refused', error, { userId: this.#userId })
      this.ctx.abort('storage.refused')
    })
    const [userId, store] = [this.#userId, new HubStore(storage)]
    const conversations = keptConversations(env)
    const sockets = new LiveSockets(ctx, {
      speak: (socket, frame) => this.#dialects.speak(socket, frame),
      onRemoved: () => this.#presence.mayHaveLeft(),
    })
    const isHere = () => sockets.size > 0
    this.#sockets = sockets
    this.#sessions = new SessionDesk({
      userId,
      env,
      store,
      sockets,
      endSockets: (ended) => this.#endSockets(ended),
      waitUntil: (work) => ctx.waitUntil(work),
    })
    this.#dialects = new DialectDesk({
      userId,
      env,
      sockets,
      entry: (conversationId) => this.#inbox.entryOnce(conversationId),
      ids: () => this.#inbox.ids(),
      friends: () => this.#circle.friends(),
      spend: () => this.#budgets.spend(),
      perform: (command, socket) => this.#perform(command, () => this.#isOver(socket)),
    })
    // The platform answers pings, so an idle socket stays asleep (and free).
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
    void ctx.blockConcurrencyWhile(async () => {
      await migrateStorage(ctx.storage, migrations)
      this.#circle = new Circle(env, { userId, store })
      this.#inbox = new InboxBook({ store, userId, sockets })
      this.#feed = new ConversationFeed({
        userId,
        env,
        inbox: this.#inbox,
        isHere,
        broadcast: (frames) => this.#broadcast(frames),
        tell: (event) => this.#tell(event),
        onJoined: (memberIds) => ctx.waitUntil(this.#presence.meetNewcomers(memberIds)),
        onLeft: (memberIds) => ctx.waitUntil(this.#presence.parted(memberIds)),
        waitUntil: (work) => ctx.waitUntil(work),
      })
      this.#orders = new UserOrders({ userId, conversations, inbox: this.#inbox, feed: this.#feed })
      this.#readings = new Readings({
        userId,
        reader: this.#feed.reader,
        conversations,
        isHere,
        spend: () => this.#budgets.spend(),
        tellHeads: (entries) => {
          for (const entry of entries)
            this.#tell({ type: 'conversation.head', conversationId: entry.conversation.id, entry })
          ctx.waitUntil(this.#presence.meetNewcomers(entries.flatMap(({ memberIds }) => memberIds)))
        },
        waitUntil: (work) => ctx.waitUntil(work),
      })
      this.#presence = new PresenceDesk({
        userId,
        env,
        sockets,
        circle: this.#circle,
        inbox: this.#inbox,
        reader: this.#feed.reader,
        tell: (presence) => this.#tell({ type: 'presence.changed', ...presence }),
      })
    })
  }

  /**
   * Makes a ticket for one socket of this session. It works once, for 30 seconds, and not after the session ended. Refuses with
   * `rate.limited`.
   */
  async issueTicket(sessionId: string): Promise<Ticket | Refusal> {
    const refusal = this.#budgets.spend()
    if (refusal) return refusal
    return this.#sessions.issueTicket(sessionId)
  }

  /** Closes the sockets of these sessions, and no others, and refuses their tickets from now on. */
  endSessions(sessionIds: string[]): void {
    this.#sessions.end(sessionIds)
  }

  /**
   * Takes the upgrade of a socket. Who it is comes from the ticket in `x-causerie-ticket`, or from the verified `x-causerie-session`, which
   * only the worker can set. Answers 401 where the ticket is not good or the session has ended: the worker then closes the socket with the
   * fitting code. Answers 429 where the user opens too many, or too many that were closed wait for their clients.
   */
  override async fetch(request: Request): Promise<Response> {
    const sessionId = await this.#sessions.sessionOf(request)
    if (sessionId === null) return new Response(null, { status: 401 })
    const wait = this.#sockets.isFull ? FULL_RETRY_SECONDS : this.#budgets.open()
    if (wait > 0) return new Response(null, { status: 429, headers: { 'retry-after': String(wait) } })
    const { 0: client, 1: server } = new WebSocketPair()
    const dialects = dialectsOf(request.headers.get('x-causerie-dialects'))
    const socket = this.#sockets.add(server, { sessionId, dialects }, Date.now())
    const have = decodeHave(new URL(request.url).searchParams.get('have') ?? '')
    socket.greeting = this.#greet(socket, have).catch((error: unknown) => {
      logFault('greeting.failed', error, { userId: this.#userId })
      this.#sockets.close(socket, CLOSE.fault, 'server.fault')
    })
    // Clients of the documents get no hello: to them, open must mean that they are told of what happens. And the worker counts how many
    // are under way.
    await socket.greeting
    if (this.#sessions.hasEnded(sessionId)) return new Response(null, { status: 401 })
    const headers = request.headers.has('sec-websocket-protocol') ? { 'sec-websocket-protocol': SUBPROTOCOL } : {}
    return new Response(null, { status: 101, webSocket: client, headers })
  }

  /**
   * Takes one frame. What came before `hello` waits for it; every command of the native protocol gets one reply, good or not, and
   * frames of one conversation are performed in the order in which they came.
   */
  override async webSocketMessage(ws: WebSocket, data: string | ArrayBuffer): Promise<void> {
    const socket = this.#sockets.get(ws)
    if (!socket) return
    this.#sockets.hear(socket, Date.now())
    if (!socket.greeted) await socket.greeting
    if (!socket.greeted) return
    const now = Date.now()
    if (now >= socket.sessionExpiresAt) {
      this.#sockets.close(socket, CLOSE.ticketInvalid, 'session.expired')
      return
    }
    this.#sessions.vet(now)
    // Who was silent for so long that others were told they had gone is back without another greeting.
    if (!this.#presence.isAnnounced) this.ctx.waitUntil(this.#presence.arrived())
    if (socket.dialects.length > 0) {
      for (const frame of await this.#dialects.hear(socket, data)) this.#sockets.send(socket, frame)
      return
    }
    const decoded = decodeFrame(data)
    const answer =
      'refusal' in decoded
        ? (this.#budgets.spend() ?? decoded.refusal)
        : await this.#perform(decoded.command, () => this.#isOver(socket))
    this.#sockets.send(socket, replyFrame(decoded.id, answer))
  }

  /** Answers the close. If it was the last socket, the user's peers are told after the grace. */
  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    closeLike(ws, code, reason)
    this.#socketClosed(ws)
  }

  /** A connection that broke: the same, with nobody left to answer. */
  override webSocketError(ws: WebSocket): void {
    this.#socketClosed(ws)
  }

  /**
   * Takes an order that came by REST; the same queue, the same budget, the same code as a frame. `sessionId` is whose it is, or null where it
   * only asks. Refuses with `session.revoked`, `rate.limited`, `conversation.not_found`, `server.unavailable`, and whatever the conversation
   * refuses with.
   */
  order(order: Order, sessionId: string | null): Promise<Answer> {
    const isOver = () => sessionId !== null && this.#sessions.hasEnded(sessionId)
    const refusal = isOver() ? refuse('session.revoked') : this.#budgets.spend()
    return refusal ? Promise.resolve(refusal) : this.#orders.submit(order, isOver)
  }

  /** The same where it is somebody else who asks, who must not use up this user's budget. */
  orderForAnother(order: Order): Promise<Answer> {
    return this.#orders.submit(order)
  }

  /** Takes `price` commands from the user's budget, for work that is done elsewhere. Refuses with `rate.limited`. */
  charge(price = 1): Refusal | null {
    return this.#budgets.spend(price)
  }

  /** Takes frames of one conversation to the sockets, or answers that nobody is here and the conversation need not call. */
  deliver(batch: Batch): Nap {
    return this.#feed.deliver(batch)
  }

  /** The same for what an earlier delivery may have missed. */
  deliverCatchUp(catchUp: CatchUp): Nap {
    return this.#feed.deliverCatchUp(catchUp)
  }

  /**
   * The user is now a member. Durable when it returns. Answers like a delivery: null where a socket is open and goes on hearing, or where the
   * user has left since; else the number of the nap, until whose end the conversation need not call.
   */
  join(entry: InboxEntry): Nap {
    return this.#feed.join(entry)
  }

  /**
   * The user is no longer a member, or the conversation is gone. A call that comes late undoes no later joining; with null for `left` the
   * user is not in, whenever that was. `others` are who is in still, where they are few enough to see each other.
   */
  leave(conversationId: number, left: Left, others?: number[]): void {
    this.#feed.leave(conversationId, left, others)
  }

  /** A page of the inbox, its entries fresh, the last active first. */
  inbox(query: InboxQuery): Promise<InboxPage> {
    return this.#readings.page(query)
  }

  /**
   * The direct conversation with somebody, opened if need be. Refuses with `conversation.with_self`, `conversation.blocked`,
   * `conversation.not_found`, `user.not_found` and `rate.limited`.
   */
  async conversationWith(otherId: number): Promise<number | Refusal> {
    return this.#dialects.directWith(otherId)
  }

  /**
   * The newest messages over all conversations, as far back as one reading may cost. Refuses with `server.unavailable` where too many such
   * readings wait.
   */
  newestMessages(query: NewestQuery): Promise<Newest | Refusal> {
    return this.#readings.newest(query)
  }

  /** Which of the user's peers are online now, the user among them. Refuses with `rate.limited`. */
  async online(): Promise<number[] | Refusal> {
    const peers = await this.#presence.peers()
    return this.#budgets.spend(priceOfPresence(peers)) ?? this.#presence.onlineAmong(peers)
  }

  /** A peer came or went; answers how this user stands, so that one call tells both. */
  meet(peer: PresenceReport): PresenceReport {
    return this.#presence.meet(peer)
  }

  /** Something happened among people and plans that concerns this user. */
  notify(event: DirectoryEvent): void {
    this.#tell(event)
  }

  /** The user's friends or blocks changed: whom this user sees, and who sees this user, follows when it returns. */
  circleChanged(): Promise<void> {
    return this.#presence.circleChanged()
  }

  /**
   * The account ends: what the user wrote is erased everywhere, and no conversation is kept here. Doing it again finishes what an earlier try
   * left undone. With `endSessions` its sockets are closed too: once there is no account left to come back to. Refuses with
   * `server.unavailable` where a conversation could not be asked.
   */
  async erase({ endSessions }: { endSessions: boolean }): Promise<Refusal | null> {
    if (endSessions) this.#sessions.endAll()
    const refusal = await this.#orders.erase()
    if (refusal) return refusal
    await this.#circle.refresh()
    return null
  }

  /** Sends `hello`, first of all frames: what differs from what the client said that it has. */
  async #greet(socket: LiveSocket, have: Have[]): Promise<void> {
    // The session may have ended while the upgrade was on its way. From here on, whoever ends it finds this socket.
    const expiresAt = await this.#sessions.expiryOf(socket)
    if (expiresAt === null) return
    if (!this.#sockets.isAnyGreeted) this.#inbox.startOver()
    const entries = await this.#readings.all()
    // It was closed meanwhile, with its session or for another: then nobody came, and no peer is to hear so.
    if (!this.#sockets.get(socket.ws)) return
    this.#sockets.greeted(socket, expiresAt, Date.now())
    if (socket.dialects.length === 0) {
      const [{ sessionId }, online] = [socket, this.#presence.known(entries)]
      const isIn = (conversationId: number) => this.#inbox.has(conversationId)
      const hello = helloTo({ userId: this.#userId, sessionId, entries, have, online, isIn })
      this.#sockets.send(socket, JSON.stringify(hello))
    }
    this.ctx.waitUntil(this.#presence.arrived())
    this.ctx.waitUntil(reportMetrics(this.env, Date.now()))
  }

  /** What still waits when its session ends is not to be done any more. */
  #isOver(socket: LiveSocket): boolean {
    return this.#sockets.get(socket.ws) === undefined && this.#sessions.hasEnded(socket.sessionId)
  }

  #socketClosed(ws: WebSocket): void {
    this.#sockets.remove(ws)
    this.ctx.waitUntil(reportMetrics(this.env, Date.now()))
  }

  async #perform(command: Command | Order, isOver?: () => boolean): Promise<Answer> {
    const refusal = this.#budgets.spend(1 + (command.type === 'presence.get' ? priceOfPresence(command.userIds) : 0))
    if (refusal) return refusal
    if (command.type === 'presence.get')
      return { ok: true, json: JSON.stringify({ items: await this.#presence.presenceOf(command.userIds) }) }
    return this.#orders.submit(command, isOver)
  }

  #broadcast(frames: string[]): void {
    const now = Date.now()
    this.#sockets.broadcast(frames, now)
    this.#sessions.vet(now)
    const left = frames.filter(saysLeft).flatMap((frame) => {
      const { conversationId, member } = JSON.parse(frame) as EventOf<'member.changed'>
      // In a large group nobody sees anybody for being in it.
      return this.#inbox.entryOnce(conversationId)?.memberIds.length ? [member.userId] : []
    })
    if (left.length > 0) this.ctx.waitUntil(this.#presence.parted(left))
  }

  #tell(event: ServerEvent): void {
    this.#broadcast([JSON.stringify(event)])
  }

  #endSockets(ended: (sessionId: string) => boolean): void {
    this.#sockets.endSessions(ended, JSON.stringify({ type: 'session.revoked' } satisfies ServerEvent))
  }
}

/** Somebody else left a conversation; looked for without parsing, since every message passes here. */
const saysLeft = (frame: string): boolean =>
  frame.startsWith('{"type":"member.changed"') && frame.includes('"leftAt":"')
