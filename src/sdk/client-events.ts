import type { InboxEntry } from '../protocol/conversation.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import type { EventOf, EventType } from '../protocol/events.ts'
import type { Me, Presence } from '../protocol/user.ts'
import type { LiveConversation } from './conversation.ts'
import type { ConnectionState, SocketLike } from './socket.ts'
import type { KeyValueStore } from './storage.ts'

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
 * How the live connection stands. `offline`: none is wanted, or the server refused it for good. `connecting`: a try is under way.
 * `waiting`: the next try is at `retryAt` (milliseconds). `signed-out`: there is no account; `reason` is the refusal that ended it,
 * null where the user asked.
 */
export type Status = { state: 'signed-out'; reason: ErrorCode | null } | ConnectionState

/** What `client.on` can listen to: every event of the server as it came, and what the client makes of them. */
export type ClientEvents = { [Type in EventType]: EventOf<Type> } & {
  status: Status
  /** Who is signed in changed, or their profile. */
  me: Me | null
  /** The inbox changed; its entries, newest first. */
  inbox: readonly InboxEntry[]
  /** The copy, the pending messages or the typing of a conversation changed. Changes of one moment are told once. */
  conversation: LiveConversation
  typing: { conversationId: number; userIds: readonly number[] }
  presence: Presence
}
