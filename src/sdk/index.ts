import type { AuthSession, Login, Register } from '../protocol/auth.ts'
import type { InboxEntry, Member, Role } from '../protocol/conversation.ts'
import type { ErrorCode, Issue } from '../protocol/errors.ts'
import type { EventOf, EventType } from '../protocol/events.ts'
import type { Attachment, Content, Message } from '../protocol/message.ts'
import type { Me, Presence, UpdateMe, User } from '../protocol/user.ts'

// What the client hands out and takes is the protocol's; whoever uses the client needs nothing but this module.
export { LIMITS } from '../protocol/limits.ts'
export type { AuthSession, Attachment, Content, ErrorCode, InboxEntry, Me, Member, Message, Presence, Role, User }

/** Where the client keeps what must survive a reload. `localStorage` fits through `browserStorage()`. */
export type KeyValueStore = {
  get(key: string): string | null | Promise<string | null>
  set(key: string, value: string): void | Promise<void>
  delete(key: string): void | Promise<void>
}

/** The part of a `WebSocket` that the client uses. It may be still connecting: the first frame tells that it is open. */
export type SocketLike = {
  send(data: string): void
  close(code?: number, reason?: string): void
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
}

export type ClientOptions = {
  /** Where the server is, e.g. `location.origin`. */
  baseUrl: string
  /** Memory by default: then a reload signs out. */
  storage?: KeyValueStore
  fetch?: (request: Request) => Promise<Response>
  openSocket?: (url: string, protocols: string[]) => SocketLike | Promise<SocketLike>
  now?: () => number
  random?: () => number
}

/**
 * How the live connection stands. `offline`: nobody asked for one. `connecting`: a try is under way. `waiting`: the next try is at
 * `retryAt` (milliseconds). `signed-out`: there is no account; `reason` is the refusal that ended it, null where the user asked.
 */
export type Status =
  | { state: 'signed-out'; reason: ErrorCode | null }
  | { state: 'offline' }
  | { state: 'connecting' }
  | { state: 'online' }
  | { state: 'waiting'; retryAt: number }

/** What `client.on` can listen to: every event of the server, and what the client derives from them. */
export type ClientEvents = { [Type in EventType]: EventOf<Type> } & {
  status: Status
  /** Who is signed in changed, or their profile. */
  me: Me | null
  /** The inbox changed; its entries, newest first. */
  inbox: readonly InboxEntry[]
  /** The live copy, the pending messages or the typing of a conversation changed. */
  conversation: LiveConversation
  typing: { conversationId: number; userIds: readonly number[] }
  presence: Presence
}

/** The server refused. `code` is stable; `message` is a sentence for people. */
export declare class CauserieError extends Error {
  readonly code: ErrorCode
  /** Missing where the refusal came over the socket. */
  readonly status?: number
  readonly issues?: Issue[]
  /** Seconds to wait before another try. */
  readonly retryAfter?: number
}

/** The server was not reached, or what came back is none of its answers. Whether anything was done is unknown. */
export declare class CauserieNetworkError extends Error {}

/**
 * A message on its way: waiting for its turn or for a connection (`queued`), sent and not yet acknowledged (`sending`), or refused
 * (`failed`, with `error`; `retry` or `discard` it).
 */
export type PendingMessage = {
  readonly clientId: string
  readonly conversationId: number
  readonly content: Content
  readonly replyTo?: number
  readonly mentions?: number[]
  readonly attachments?: Attachment[]
  /** When it was written, ISO 8601. */
  readonly createdAt: string
  readonly state: 'queued' | 'sending' | 'failed'
  readonly error?: ErrorCode
}

export type SendOptions = { replyTo?: number; mentions?: number[]; attachments?: Attachment[] }

/**
 * One account on one server: signing in, people, conversations, and the live connection.
 *
 * @example
 * const client = new CauserieClient({ baseUrl: location.origin, storage: browserStorage() })
 * await client.login({ login: 'alice', password })
 * client.on('message.created', ({ message }) => console.log(message.content))
 * client.connect()
 * const bob = await client.conversations.openDirect(bobId)
 * await client.conversation(bob.conversation.id).send('bonjour')
 */
export declare class CauserieClient {
  constructor(options: ClientOptions)

  /** Who is signed in. */
  readonly me: Me | null
  readonly status: Status
  readonly inbox: Inbox
  readonly presence: PresenceList
  readonly users: Users
  readonly conversations: Conversations
  readonly sessions: Sessions

  /** Makes an account and signs in. */
  register(input: Register): Promise<Me>
  /** Signs in; `login` is an email address or a username. */
  login(input: Login): Promise<Me>
  /** Resumes from what storage holds; null where nobody is signed in. Works without a network. */
  restore(): Promise<Me | null>
  /** Ends this session here and on the server, and forgets what was stored. Never rejects. */
  logout(): Promise<void>
  updateMe(change: UpdateMe): Promise<Me>
  /** Ends every other session. */
  changePassword(input: { currentPassword: string; newPassword: string }): Promise<void>

  /** Goes online and stays so until `disconnect` or signing out. Returns at once; watch `status`. */
  connect(): void
  disconnect(): void
  /** Something changed (the network is back, the page is visible): try now if waiting, and check that the socket is alive. */
  wake(): void
  /** Resolves when online, and rejects when signed out meanwhile. */
  whenOnline(): Promise<void>

  /** Listens; the returned function stops it. */
  on<Type extends keyof ClientEvents>(type: Type, handler: (event: ClientEvents[Type]) => void): () => void

  /** The conversation's live copy: one object per id. Nothing is loaded before `open()`. */
  conversation(id: number): LiveConversation
}

/** Finding people, with a small cache. */
export interface Users {
  /** By the start of a name. */
  search(query: string, options?: { cursor?: string; limit?: number }): Promise<{ items: User[]; nextCursor: string | null }>
  get(id: number): Promise<User>
  /** Those of the ids that exist. Calls of one moment share a request. */
  getMany(ids: readonly number[]): Promise<User[]>
  /** What the cache holds, at once. */
  peek(id: number): User | undefined
}

export interface Sessions {
  /** The devices that are signed in. */
  list(): Promise<AuthSession[]>
  /** Signs one of them out. */
  end(id: string): Promise<void>
}

/** Making and changing conversations. */
export interface Conversations {
  /** The direct conversation with this person; made if there is none. */
  openDirect(userId: number): Promise<InboxEntry>
  createGroup(input: { title: string; memberIds: readonly number[] }): Promise<InboxEntry>
  rename(id: number, title: string): Promise<InboxEntry>
  /** Deletes it for everybody. */
  remove(id: number): Promise<void>
  members(id: number): Promise<Member[]>
  addMembers(id: number, userIds: readonly number[]): Promise<Member[]>
  removeMember(id: number, userId: number): Promise<void>
  leave(id: number): Promise<void>
  setRole(id: number, change: { userId: number; role: Role }): Promise<Member[]>
}

/** The inbox, live. */
export interface Inbox {
  /** Newest first; null until it was read once. */
  readonly entries: readonly InboxEntry[] | null
  /** Unread messages in all conversations. */
  readonly unread: number
  get(conversationId: number): InboxEntry | undefined
  /** Reads it by REST. Not needed when connected. */
  load(): Promise<readonly InboxEntry[]>
}

/** Who is online, of those that share a conversation with the user. */
export interface PresenceList {
  isOnline(userId: number): boolean
  /** What is known of somebody. */
  get(userId: number): Presence | undefined
  /** Asks the server. */
  fetch(userIds: readonly number[]): Promise<Presence[]>
}

/** One conversation, as a copy that keeps itself up to date while it is open. */
export interface LiveConversation {
  readonly id: number
  /** `opening` until the first page is here; `gone` where the user is no member (any more). */
  readonly state: 'closed' | 'opening' | 'open' | 'gone'
  readonly entry: InboxEntry | undefined
  /** The newest messages without a hole, oldest first. A new array whenever something changed. */
  readonly messages: readonly Message[]
  /** Who is in it now. */
  readonly members: readonly Member[]
  /** Who is typing now, without the user. */
  readonly typing: readonly number[]
  /** What was written here and is not acknowledged, oldest first. */
  readonly pending: readonly PendingMessage[]
  /** Whether there are messages before the first of `messages`. */
  readonly hasOlder: boolean
  /** The user's own read mark. */
  readonly readSeq: number

  /** Loads the newest page and the members and keeps them live. Rejects where the user is no member. */
  open(): Promise<void>
  /** Drops the copy. What is pending stays. */
  close(): void
  /** Loads a page of older messages. One at a time; answers whether there are still older ones. */
  loadOlder(): Promise<boolean>

  /** Sends text or other content. Resolves when it is durable, waits while offline, and survives a reload. */
  send(content: string | Content, options?: SendOptions): Promise<Message>
  /** Sends a failed message again. */
  retry(clientId: string): void
  /** Gives up a message that was not acknowledged. */
  discard(clientId: string): void

  edit(messageId: number, content: string | Content): Promise<Message>
  delete(messageId: number): Promise<Message>
  react(messageId: number, emoji: string): Promise<Message>
  unreact(messageId: number, emoji: string): Promise<Message>
  pin(messageId: number): Promise<Message>
  unpin(messageId: number): Promise<Message>
  /** Marks as read up to `seq`, by default everything here. Forward only; calls of one moment make one command. */
  markRead(seq?: number): void
  /** Say it at every key stroke: it is sent every few seconds only. */
  startTyping(): void
  stopTyping(): void
}

/** `localStorage`, every key with a prefix; memory where the browser forbids it. */
export declare function browserStorage(prefix?: string): KeyValueStore
