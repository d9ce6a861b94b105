import { DurableObject } from 'cloudflare:workers'
import migrations from '../../migrations/hub/migrations.js'
import { conversationOfOrder, type Order } from '../core/orders.ts'
import { reportMetrics } from '../directory/metrics.ts'
import type { Ticket } from '../protocol/auth.ts'
import type { Command } from '../protocol/commands.ts'
import type { InboxEntry, InboxPage, InboxQuery } from '../protocol/conversation.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import type { DirectoryEvent, ServerEvent } from '../protocol/events.ts'
import { CLOSE, decodeHave, type Have, PING, PONG, SUBPROTOCOL } from '../protocol/socket.ts'
import type { Presence } from '../protocol/user.ts'
import type { Answer, Batch, CatchUp, Left, Nap } from './batch.ts'
import { Budgets, priceOfPresence } from './budgets.ts'
import { Circle } from './circle.ts'
import { countedStorage } from './counted-storage.ts'
import { DialectDesk, dialectsOf } from './dialect-desk.ts'
import { decodeFrame, replyFrame } from './frames.ts'
import { GapFiller } from './gap-filler.ts'
import { helloTo } from './hello.ts'
import { HubStore } from './hub-store.ts'
import { InboxBook } from './inbox-book.ts'
import { InboxReader } from './inbox-reader.ts'
import { eraseMember } from './erase-member.ts'
import { answerClose, LiveSockets, type LiveSocket } from './live-sockets.ts'
import { logFault } from './log.ts'
import { migrateStorage } from './migrate.ts'
import type { Newest, NewestQuery } from './newest-messages.ts'
import { postOrders } from './post-orders.ts'
import { PresenceDesk } from './presence-desk.ts'
import { Readings } from './readings.ts'
import { SessionDesk } from './session-desk.ts'
import { keptConversations } from './stubs.ts'
import { UpwardQueue } from './upward-queue.ts'

/** One user: the live sockets, the inbox, presence. It orders what the sockets see, and carries what they ask. */
export class UserHub extends DurableObject<Env> {
  readonly #userId: number
  readonly #sockets: LiveSockets
  readonly #sessions: SessionDesk
  readonly #upward: UpwardQueue
  readonly #budgets = new Budgets(this.env)
  readonly #conversations = keptConversations(this.env)
  #circle!: Circle
  #inbox!: InboxBook
  #reader!: InboxReader
  #readings!: Readings
  #gaps!: GapFiller
  #presence!: PresenceDesk
  readonly #desk: DialectDesk
  /** Tells the turns of this life from those of an earlier one. */
  readonly #life = crypto.randomUUID().slice(0, 8)
  #posts = 0
  /** The account is being erased: nothing more is said in its name. */
  #isEnding = false

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#userId = Number(ctx.id.name)
    // What is in memory would be ahead of what is stored, and of what the sockets were told: it starts anew, and they come back.
    const storage = countedStorage(ctx.storage, (error) => {
      logFault('storage.refused', error, { userId: this.#userId })
      this.ctx.abort('storage.refused')
    })
    const [userId, store] = [this.#userId, new HubStore(storage)]
    const sockets = new LiveSockets(ctx, (socket, frame) => this.#desk.speak(socket, frame))
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
    this.#upward = new UpwardQueue((conversationId, orders) => this.#post(conversationId, orders))
    this.#desk = new DialectDesk({
      userId: this.#userId,
      env,
      sockets: this.#sockets,
      entry: (conversationId) => this.#inbox.entryOnce(conversationId),
      ids: () => this.#inbox.ids(),
      friends: () => this.#circle.friends(),
      spend: () => this.#budgets.spend(),
      perform: (command, socket) => this.#answer(command, () => this.#isOver(socket)),
    })
    // The platform answers pings, so an idle socket stays asleep (and free).
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair(PING, PONG))
    void ctx.blockConcurrencyWhile(async () => {
      await migrateStorage(ctx.storage, migrations)
      this.#circle = new Circle(env, { userId, store })
      this.#inbox = new InboxBook({ store, userId, sockets })
      this.#reader = new InboxReader(env, {
        userId: this.#userId,
        inbox: this.#inbox,
        leave: (conversationId, left) => this.#leave(conversationId, left),
        join: (entry) => this.#join(entry),
        learnt: ({ conversation, rev }) => this.#gaps.watch(conversation.id, rev),
      })
      this.#readings = new Readings({
        userId,
        reader: this.#reader,
        conversations: this.#conversations,
        isHere,
        tellHead: (entry) => this.#tell({ type: 'conversation.head', conversationId: entry.conversation.id, entry }),
        waitUntil: (work) => ctx.waitUntil(work),
      })
      this.#gaps = new GapFiller({
        userId: this.#userId,
        env,
        inbox: this.#inbox,
        isHere,
        broadcast: (frames) => this.#broadcast(frames),
        askForLog: (conversationId) => this.#reader.askForLog(conversationId),
      })
      this.#presence = new PresenceDesk({
        userId: this.#userId,
        env,
        sockets: this.#sockets,
        circle: this.#circle,
        reader: this.#reader,
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
   * fitting code. Answers 429 where the user opens too many.
   */
  override async fetch(request: Request): Promise<Response> {
    const sessionId = await this.#sessions.sessionOf(request)
    if (sessionId === null) return new Response(null, { status: 401 })
    const wait = this.#budgets.open()
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
    if (socket.dialects.length > 0) {
      for (const frame of await this.#desk.hear(socket, data)) this.#sockets.send(socket, frame)
      return
    }
    const decoded = decodeFrame(data)
    const answer =
      'refusal' in decoded
        ? (this.#budgets.spend() ?? decoded.refusal)
        : await this.#answer(decoded.command, () => this.#isOver(socket))
    this.#sockets.send(socket, replyFrame(decoded.id, answer))
  }

  /** Answers the close, and tells the user's circle if that was the last socket. */
  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    answerClose(ws, code, reason)
    this.#left(ws)
  }

  /** A connection that broke: the same, with nobody left to answer. */
  override webSocketError(ws: WebSocket): void {
    this.#left(ws)
  }

  /**
   * Takes an order that came by REST; the same queue, the same budget, the same code as a frame. Refuses with `rate.limited`,
   * `conversation.not_found`, `server.unavailable`, and whatever the conversation refuses with.
   */
  order(order: Order): Promise<Answer> {
    const refusal = this.#budgets.spend()
    return refusal ? Promise.resolve(refusal) : this.#order(order)
  }

  /** The same where it is somebody else who asks, who must not use up this user's budget. */
  orderForAnother(order: Order): Promise<Answer> {
    return this.#order(order)
  }

  /** Takes `price` commands from the user's budget, for work that is done elsewhere. Refuses with `rate.limited`. */
  charge(price = 1): Refusal | null {
    return this.#budgets.spend(price)
  }

  /** Takes frames of one conversation to the sockets, or answers that nobody is here and the conversation need not call. */
  deliver(batch: Batch): Nap {
    if (!this.#inbox.has(batch.conversationId)) return null
    if (this.#sockets.size === 0) return this.#inbox.fallAsleep(batch.conversationId)
    this.#receive(batch)
    this.#gaps.watch(batch.conversationId)
    return null
  }

  /** The same for what an earlier delivery may have missed. */
  deliverCatchUp(catchUp: CatchUp): Nap {
    if (!this.#inbox.has(catchUp.conversationId)) return null
    if (this.#sockets.size === 0) return this.#inbox.fallAsleep(catchUp.conversationId)
    // It was made without knowing how far this hub is, so it is asked for anew from there.
    if (this.#inbox.fits(catchUp)) this.#broadcast(this.#inbox.receiveCatchUp(catchUp))
    else this.ctx.waitUntil(this.#gaps.fill(catchUp.conversationId))
    return null
  }

  /** The user is now a member. Durable when it returns. */
  join(entry: InboxEntry): Nap {
    const conversationId = entry.conversation.id
    const asleep = this.#sockets.size === 0
    // A call that comes again, or late, must not take this hub back to where the conversation stood then.
    if (this.#inbox.isOfAnotherLog({ conversationId, epoch: entry.epoch })) {
      this.#askForLog(conversationId)
      return asleep ? this.#inbox.fallAsleep(conversationId) : null
    }
    if (!this.#inbox.has(conversationId)) return this.#join(entry)
    this.#inbox.joinAgain(entry)
    if (asleep) return this.#inbox.fallAsleep(conversationId)
    // What was said before it was known that the first call had come was told to nobody.
    this.#gaps.watch(conversationId, entry.rev)
    return null
  }

  /** The user is no longer a member, or the conversation is gone. A call that comes late undoes no later joining. */
  leave(conversationId: number, left: Left): void {
    this.#leave(conversationId, left)
  }

  /** A page of the inbox, its lines fresh, the last active first. */
  inbox(query: InboxQuery): Promise<InboxPage> {
    return this.#readings.page(query)
  }

  /** The direct conversation with somebody, opened if need be; else what `openDirect` refuses with. */
  async conversationWith(otherId: number): Promise<number | Refusal> {
    return this.#desk.directWith(otherId)
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
  meet(peer: Presence): Presence {
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
   * left undone.
   */
  async erase(): Promise<Refusal | null> {
    this.#sessions.endAll()
    this.#isEnding = true
    try {
      for (const conversationId of this.#inbox.everIn()) {
        const refusal = await eraseMember(conversationId, (order) => this.#upward.submit(conversationId, order))
        if (refusal) return refusal
        this.#inbox.forget(conversationId)
      }
    } finally {
      this.#isEnding = false
    }
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

  #join(entry: InboxEntry): Nap {
    if (this.#inbox.hasLeft(entry)) return null
    const asleep = this.#sockets.size === 0
    const nap = this.#inbox.join(entry, { asleep, now: Date.now() })
    if (asleep) return nap
    this.#tell({ type: 'conversation.created', conversationId: entry.conversation.id, entry })
    this.ctx.waitUntil(this.#presence.meetNewcomers(entry.memberIds))
    return null
  }

  #leave(conversationId: number, left: Left): void {
    if (!this.#inbox.leave(conversationId, left)) return
    this.#gaps.forget(conversationId)
    this.#tell({ type: 'conversation.deleted', conversationId })
    this.ctx.waitUntil(this.#presence.parted())
  }

  /** What still waits when its session ends is not to be done any more. */
  #isOver(socket: LiveSocket): boolean {
    return this.#sockets.get(socket.ws) === undefined && this.#sessions.hasEnded(socket.sessionId)
  }

  #left(ws: WebSocket): void {
    this.#sockets.remove(ws)
    this.#presence.mayHaveLeft()
    this.ctx.waitUntil(reportMetrics(this.env, Date.now()))
  }

  async #answer(command: Command, isOver?: () => boolean): Promise<Answer> {
    const refusal = this.#budgets.spend(1 + (command.type === 'presence.get' ? priceOfPresence(command.userIds) : 0))
    if (refusal) return refusal
    if (command.type === 'presence.get')
      return { ok: true, json: JSON.stringify({ items: await this.#presence.presenceOf(command.userIds) }) }
    return this.#order(command, isOver)
  }

  /** Nothing may be awaited before the queue takes the order, or a sender's messages could change places. */
  #order(order: Order, isOver?: () => boolean): Promise<Answer> {
    const conversationId = conversationOfOrder(order)
    if (this.#isEnding || !this.#inbox.has(conversationId)) return Promise.resolve(refuse('conversation.not_found'))
    return this.#upward.submit(conversationId, order, isOver)
  }

  async #post(conversationId: number, orders: Order[]): Promise<Answer[]> {
    const { submitted, outcome } = await postOrders(this.#conversations, {
      conversationId,
      userId: this.#userId,
      orders,
      turn: { hub: this.#life, n: (this.#posts += 1) },
      onLate: ({ rev }) => {
        this.#inbox.doubt(conversationId)
        this.#gaps.watch(conversationId, rev)
      },
    })
    this.#receive(submitted.batch)
    // What an unanswered try had done came back to nobody. A private mark is in no frame at all: only the conversation can tell.
    if (outcome !== 'at once') this.#inbox.doubt(conversationId)
    if (outcome === 'again') await this.#gaps.fill(conversationId)
    else if (outcome === 'in vain') this.#gaps.suspect(conversationId)
    else this.#gaps.watch(conversationId, submitted.rev)
    return submitted.answers
  }

  #receive(batch: Batch): void {
    const isOther = batch.frames.length > 0 && this.#inbox.isOfAnotherLog(batch)
    if (isOther) this.#askForLog(batch.conversationId)
    else this.#broadcast(this.#inbox.receive(batch))
  }

  /** What came is of another log than the one that is followed. It is from before a restoration, or newer than what this hub knows: only the conversation can tell. */
  #askForLog(conversationId: number): void {
    this.#inbox.doubt(conversationId)
    if (this.#sockets.size === 0) return
    this.ctx.waitUntil(this.#reader.askForLog(conversationId))
    // Where it could not be asked, it is in a moment.
    this.#gaps.suspect(conversationId)
  }

  #broadcast(frames: string[]): void {
    const now = Date.now()
    this.#sockets.broadcast(frames, now)
    this.#sessions.vet(now)
    if (frames.some(saysLeft)) this.ctx.waitUntil(this.#presence.parted())
  }

  #tell(event: ServerEvent): void {
    this.#broadcast([JSON.stringify(event)])
  }

  #endSockets(ended: (sessionId: string) => boolean): void {
    this.#sockets.endSessions(ended, JSON.stringify({ type: 'session.revoked' } satisfies ServerEvent))
    this.#presence.mayHaveLeft()
  }
}

/** Somebody else left a conversation; looked for without parsing, since every message passes here. */
const saysLeft = (frame: string): boolean =>
  frame.startsWith('{"type":"member.changed"') && frame.includes('"leftAt":"')
