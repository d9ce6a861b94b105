import type { Login, Register, SignedIn, Ticket } from '../protocol/auth.ts'
import type { InboxEntry } from '../protocol/conversation.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { ConversationEvent, ServerEvent } from '../protocol/events.ts'
import { encodeHave, SUBPROTOCOL, TICKET_PREFIX } from '../protocol/wire.ts'
import type { Me, UpdateMe } from '../protocol/user.ts'
import { Calendar } from './calendar.ts'
import type { ClientEvents, ClientOptions, Status } from './client-events.ts'
import { type ConversationDeps, LiveConversation } from './conversation.ts'
import { Conversations } from './conversations.ts'
import { Emitter } from './emitter.ts'
import { signedOut } from './errors.ts'
import { Friends } from './friends.ts'
import { Http } from './http.ts'
import { Inbox } from './inbox.ts'
import { Invitations } from './invitations.ts'
import { Outbox, type PendingMessage } from './outbox.ts'
import { PresenceList } from './presence.ts'
import { ReadMarks } from './read-marks.ts'
import { Sessions } from './sessions.ts'
import { Connection, type ConnectionState } from './socket.ts'
import { memoryStorage } from './storage.ts'
import { Tokens } from './tokens.ts'
import { httpTransport, type Transport } from './transport.ts'
import { Typing } from './typing.ts'
import { Users } from './users.ts'

const LOGOUT_TIMEOUT_MS = 5_000
/** It is asked twice, within the time in which the token of before still works. */
const REFRESH_TIMEOUT_MS = 8_000

/**
 * One account on one server: signing in, people, conversations, and the live connection.
 *
 * What asks the server rejects with `CauserieError` where it was refused, and with `CauserieNetworkError` where nobody knows whether it was
 * done. A method names the codes of its own; any may also be refused with `request.invalid`, `rate.limited`, `server.unavailable` or
 * `server.fault`, and where nobody is signed in, or no longer, with `auth.required`, `session.revoked`, `refresh.invalid` or `refresh.reused`.
 *
 * @example
 * const client = new CauserieClient({ baseUrl: location.origin, storage: browserStorage() })
 * await client.login({ login: 'alice', password })
 * client.on('message.created', ({ message }) => console.log(message.content))
 * client.connect()
 * const { conversation } = await client.conversations.openDirect(bobId)
 * await client.conversation(conversation.id).send('bonjour')
 */
export class CauserieClient {
  /** Finding people. */
  readonly users: Users
  /** The user's devices. */
  readonly sessions: Sessions
  /** Making and changing conversations. */
  readonly conversations: Conversations
  readonly friends: Friends
  readonly invitations: Invitations
  readonly calendar: Calendar
  readonly inbox: Inbox
  readonly presence: PresenceList
  readonly #transport: Transport
  readonly #tokens: Tokens
  readonly #http: Http
  readonly #connection: Connection
  readonly #outbox: Outbox
  readonly #typing: Typing
  readonly #readMarks: ReadMarks
  readonly #conversationDeps: ConversationDeps
  readonly #live = new Map<number, LiveConversation>()
  readonly #emitter = new Emitter<ClientEvents>()
  /** What changed and is told at the end of this moment. */
  readonly #changed = new Set<LiveConversation | Inbox>()
  #status: Status = { state: 'signed-out', reason: null }
  /** The session that the last socket was of. */
  #socketSession: string | null = null

  constructor(options: ClientOptions) {
    const { baseUrl, storage = memoryStorage(), now = Date.now, random = Math.random } = options
    const { fetch = (request) => globalThis.fetch(request) } = options
    const { openSocket = (url, protocols) => new WebSocket(url, protocols) } = options
    this.#transport = httpTransport({ baseUrl, fetch })
    this.#tokens = new Tokens({
      storage,
      now,
      refresh: (input) => this.#signIn('refresh', input, REFRESH_TIMEOUT_MS),
      onChange: (me) => this.#emitter.emit('me', me),
      onLost: (reason) => void this.#end(reason),
    })
    const http = new Http(this.#transport, this.#tokens)
    this.#http = http
    const viewerId = () => this.me?.id ?? 0
    this.users = new Users(http, now)
    this.sessions = new Sessions(http)
    this.friends = new Friends(http)
    this.invitations = new Invitations(http)
    this.calendar = new Calendar(http)
    this.inbox = new Inbox({
      http,
      viewerId,
      onChange: () => this.#tell(this.inbox),
      onGone: (id) => this.#live.get(id)?.end(),
      onEntry: (entry) => this.#hear(entry),
    })
    this.conversations = new Conversations({
      http,
      viewerId,
      expectEntry: () => this.inbox.expect(),
      onGone: (id) => this.inbox.remove(id),
    })
    const connection = new Connection({
      open: async () => openSocket(await this.#socketUrl(baseUrl), [SUBPROTOCOL, await this.#ticket()]),
      onEvent: (event) => this.#receive(event),
      onState: (state) => this.#connectionChanged(state),
      onRevoked: (code) => this.#revoked(code),
      now,
      random,
    })
    this.#connection = connection
    this.presence = new PresenceList({
      ask: (userIds) => connection.request({ type: 'presence.get', userIds }),
      onChange: (presence) => this.#emitter.emit('presence', presence),
      now,
    })
    this.#outbox = new Outbox({
      storage,
      random,
      isOnline: () => connection.isOnline,
      send: async (item) => (await connection.request(sendCommand(item))).message,
      onChange: (id) => this.#tell(this.conversation(id)),
      onDelivered: (message) => this.#live.get(message.conversationId)?.merge(message),
      pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    })
    this.#typing = new Typing({
      now,
      tell: (type, conversationId) => void connection.request({ type, conversationId }).catch(() => {}),
      onChange: (conversationId) => {
        this.#emitter.emit('typing', { conversationId, userIds: this.#typing.in(conversationId) })
        this.#tell(this.conversation(conversationId))
      },
    })
    this.#readMarks = new ReadMarks({
      isOnline: () => connection.isOnline,
      readSeq: (id) => this.inbox.get(id)?.readSeq ?? 0,
      send: (conversationId, seq) => connection.request({ type: 'read.mark', conversationId, seq }),
    })
    this.#conversationDeps = {
      http,
      connection,
      inbox: this.inbox,
      outbox: this.#outbox,
      typing: this.#typing,
      readMarks: this.#readMarks,
      isSignedIn: () => this.me !== null,
      onChange: (conversation) => this.#tell(conversation),
      now,
    }
  }

  /** Who is signed in. */
  get me(): Me | null {
    return this.#tokens.me
  }

  get status(): Status {
    return this.#status
  }

  /** Makes an account and signs in. */
  register(input: Register): Promise<Me> {
    return this.#begin('register', input)
  }

  /** Signs in; `login` is an email address or a username. */
  login(input: Login): Promise<Me> {
    return this.#begin('login', input)
  }

  /** Resumes from what storage holds; null where nobody is signed in. Needs no network. */
  async restore(): Promise<Me | null> {
    if (this.me) return this.me
    await this.#tokens.load()
    return this.#began()
  }

  /** Ends this session here and on the server, and forgets all that was stored. Never rejects. */
  async logout(): Promise<void> {
    if (!this.me) return
    this.#connection.stop()
    // First of all, for the page may be closed before the server has answered.
    await Promise.allSettled([this.#tokens.leave(), this.#outbox.stop(signedOut(), { erase: true })])
    try {
      await this.#http.send({ method: 'POST', path: '/v1/auth/logout', timeoutMs: LOGOUT_TIMEOUT_MS })
    } catch {
      // Without the server it is only forgotten here, and runs out there.
    }
    await this.#end()
  }

  /** Changes the profile. `email.taken`: another account has the address. */
  async updateMe(change: UpdateMe): Promise<Me> {
    const me = await this.#http.send<Me>({ method: 'PATCH', path: '/v1/me', json: change })
    await this.#tokens.updateMe(me)
    return me
  }

  /** Ends every other session. */
  changePassword(input: { currentPassword: string; newPassword: string }): Promise<void> {
    return this.#http.send({ method: 'PUT', path: '/v1/me/password', json: input })
  }

  /** Goes online and stays so until `disconnect` or signing out. Returns at once; see `status`. */
  connect(): void {
    if (this.me) this.#connection.start()
  }

  /** Goes offline, signed in still, until `connect`. */
  disconnect(): void {
    this.#connection.stop()
  }

  /** Call it when the network is back or the page becomes visible: tries at once if waiting, and makes sure the socket is alive. */
  wake(): void {
    this.#connection.wake()
  }

  /** Resolves when online; rejects when signed out before. */
  whenOnline(): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = ({ state }: Status): boolean => {
        if (state === 'online') resolve()
        if (state === 'signed-out') reject(signedOut())
        return state === 'online' || state === 'signed-out'
      }
      if (look(this.#status)) return
      const stop = this.on('status', (status) => {
        if (look(status)) stop()
      })
    })
  }

  /** Listens; the returned function stops it. */
  on<Type extends keyof ClientEvents>(type: Type, handler: (event: ClientEvents[Type]) => void): () => void {
    return this.#emitter.on(type, handler)
  }

  /** The conversation's live copy: one object per id. Nothing is loaded before its `open()`. */
  conversation(id: number): LiveConversation {
    const known = this.#live.get(id)
    if (known) return known
    const conversation = new LiveConversation(id, this.#conversationDeps)
    this.#live.set(id, conversation)
    return conversation
  }

  #signIn(how: 'register' | 'login' | 'refresh', json: object, timeoutMs?: number): Promise<SignedIn> {
    return this.#transport({ method: 'POST', path: `/v1/auth/${how}`, json, ...(timeoutMs && { timeoutMs }) })
  }

  async #begin(how: 'register' | 'login', input: Register | Login): Promise<Me> {
    const signedIn = await this.#signIn(how, input)
    if (this.me) await this.#end()
    await this.#tokens.adopt(signedIn)
    await this.#began()
    return signedIn.user
  }

  async #began(): Promise<Me | null> {
    const { me } = this
    if (!me) return null
    this.#setStatus({ state: 'offline' })
    await this.#outbox.start(me.id)
    return me
  }

  async #end(reason: ErrorCode | null = null): Promise<void> {
    this.#connection.stop()
    this.#typing.clear()
    const live = [...this.#live.values()]
    this.#live.clear()
    for (const conversation of live) conversation.close()
    this.inbox.clear()
    this.presence.clear()
    this.#readMarks.clear()
    const stopped = this.#outbox.stop(signedOut(reason ?? undefined), { erase: false })
    await Promise.all([stopped, this.#tokens.forget()])
    this.#setStatus({ state: 'signed-out', reason })
  }

  async #ticket(): Promise<string> {
    const { ticket } = await this.#http.post<Ticket>('/v1/auth/ticket')
    this.#socketSession = this.#tokens.sessionId
    return TICKET_PREFIX + ticket
  }

  async #socketUrl(baseUrl: string): Promise<string> {
    const url = new URL('/v1/socket', baseUrl)
    url.protocol = url.protocol.replace('http', 'ws')
    const have = this.inbox.have()
    if (have.length > 0) url.searchParams.set('have', encodeHave(have))
    return url.href
  }

  /** Where the tokens are of another session by now, the end of the socket's says nothing of that one. */
  #revoked(code: ErrorCode): void {
    const { sessionId } = this.#tokens
    if (sessionId !== null && this.#socketSession !== null && sessionId !== this.#socketSession) this.connect()
    else void this.#tokens.lose(code)
  }

  #connectionChanged(state: ConnectionState): void {
    this.#setStatus(state)
    if (state.state !== 'online') return
    for (const conversation of this.#live.values()) conversation.resume()
    this.#outbox.resume()
    this.#readMarks.resume()
  }

  #setStatus(status: Status): void {
    this.#status = status
    this.#emitter.emit('status', status)
  }

  #receive(event: ServerEvent): void {
    switch (event.type) {
      case 'hello':
        this.#socketSession = event.sessionId
        this.inbox.greet(event)
        this.presence.greet(event.online)
        break
      case 'conversation.created':
      case 'conversation.head':
        this.inbox.put(event.entry)
        this.#hear(event.entry)
        break
      case 'conversation.deleted':
        this.inbox.remove(event.conversationId)
        break
      case 'message.created':
      case 'message.updated':
      case 'message.deleted':
      case 'reaction.changed':
      case 'read.changed':
      case 'member.changed':
      case 'conversation.updated':
        this.#apply(event)
        break
      case 'typing.changed':
        this.#typing.note(event.conversationId, event.userId, event.typing)
        if (event.typing) this.presence.stir(event.userId)
        break
      case 'presence.changed':
        this.presence.note({ userId: event.userId, online: event.online, lastSeenAt: event.lastSeenAt })
        break
      // The closing of the socket, which follows, says the same and comes also where this frame was lost.
      case 'session.revoked':
      // People and plans are not kept here: whoever shows them listens.
      case 'friend.requested':
      case 'friend.request_closed':
      case 'friend.added':
      case 'friend.removed':
      case 'invitation.created':
      case 'invitation.answered':
      case 'event.changed':
      case 'event.deleted':
        break
    }
    this.#emitter.emit(event.type, event as never)
  }

  #hear(entry: InboxEntry): void {
    this.#live.get(entry.conversation.id)?.hear(entry)
  }

  #apply(event: ConversationEvent): void {
    const { conversationId } = event
    this.inbox.apply(event)
    this.#live.get(conversationId)?.apply(event)
    if (event.type !== 'message.created') return
    const { message } = event
    if (message.senderId === this.me?.id) return this.#outbox.settle(message)
    this.#typing.note(conversationId, message.senderId, false)
    this.presence.stir(message.senderId)
  }

  /** Tells it once at the end of this moment: a message that leaves the outbox and enters the log is one change. */
  #tell(what: LiveConversation | Inbox): void {
    this.#changed.add(what)
    if (this.#changed.size > 1) return
    queueMicrotask(() => {
      const changed = [...this.#changed]
      this.#changed.clear()
      for (const each of changed) {
        if (each instanceof LiveConversation) this.#emitter.emit('conversation', each)
        else if (each.entries) this.#emitter.emit('inbox', each.entries)
      }
    })
  }
}

const sendCommand = ({ clientId, conversationId, content, replyTo, mentions, attachments }: PendingMessage) => ({
  type: 'message.send' as const,
  clientId,
  conversationId,
  content,
  ...(replyTo === undefined ? {} : { replyTo }),
  ...(mentions === undefined ? {} : { mentions }),
  ...(attachments === undefined ? {} : { attachments }),
})
