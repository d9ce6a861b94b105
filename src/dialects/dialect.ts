import type { Hono } from 'hono'
import type { Caller } from '../directory/accounts.ts'
import type { Command } from '../protocol/commands.ts'
import type { InboxEntry } from '../protocol/conversation.ts'
import type { Refusal } from '../protocol/errors.ts'
import type { ServerEvent } from '../protocol/events.ts'
import type { ClientFrame, SaidFrame } from './client-frames.ts'

/** The five documented APIs. Their sockets and routes are translated to and from the one core. */
export const DIALECT_NAMES = ['direct', 'sealed', 'friends', 'rooms', 'events'] as const
export type DialectName = (typeof DIALECT_NAMES)[number]

/** What the routes of a dialect are given; `caller` where somebody must be signed in. */
export type DialectEnv = { Bindings: Env; Variables: { caller: Caller } }

/** What a frame of a dialect asks for, in the core's words. */
export type Asked =
  | { kind: 'command'; command: Command }
  /** A command to the direct conversation with somebody, who is all that the dialect names. It is opened if need be. */
  | { kind: 'direct'; userId: number; command: (conversationId: number) => Command }
  /** A message that is sent unless it is one of the user's own, of this id, that is there already. */
  | { kind: 'passed on'; messageId: number; command: Command }
  /** Marks everything in a conversation as read. */
  | { kind: 'read-all'; conversationId: number }
  /** Which friends are online. */
  | { kind: 'online-friends' }
  /** Whether this socket wants the events of a conversation. */
  | { kind: 'room'; conversationId: number; joined: boolean }
  /** Answered by the dialect itself. */
  | { kind: 'reply'; frames: object[] }
  | { kind: 'refused'; refusal: Refusal }

/** What came of it. `online` answers `online-friends`. */
export type AskedResult = { ok: true; online?: number[] } | Refusal

/** For whom an event is put into words. */
export type Viewer = {
  userId: number
  /** The inbox entry of a conversation, perhaps not its latest: the kind, and the members of a direct one, never change. */
  entry: (conversationId: number) => InboxEntry | null
  friends: ReadonlySet<number>
  /** Conversations whose events this socket said it does not want. */
  left: ReadonlySet<number>
  /** Tells the ids of what this socket sent, so that a dialect that does not echo can leave it out. */
  sent: (clientId: string) => boolean
}

/** One documented API: a thin translator. It holds no rule and knows no other dialect. */
export type Dialect = {
  name: DialectName
  /**
   * Where its socket is, with the token in the path (`:token`) or else in the query. Dialects of one address share the socket: the
   * first of them in the table hears, all of them speak. Null where the token comes in a frame, and the routes see to it.
   */
  socket: string | null
  /** The close codes that the document names, for a bad token and for a fault of ours. */
  close: { badToken: number; fault: number }
  /**
   * What clients say: how a text frame is read, null where it is no frame, and by its type what each asks for. Null where the document
   * expects nothing from a client: the socket stays open whatever comes.
   */
  hears: { read: (text: string) => SaidFrame | null; frames: Record<string, ClientFrame> } | null
  /** The frames that tell this event; none where the dialect has no word for it. */
  encode: (event: ServerEvent, viewer: Viewer) => object[]
  /** The frames that answer what was asked; most documents answer nothing but errors. */
  answer: (asked: Asked, result: AskedResult) => object[]
  /** Its REST routes, at the root. One that finds that a body is not its own passes it on. */
  routes: Hono<DialectEnv>
}

/**
 * Two documents share one address for their sockets: each frame then holds both shapes. Frames of one `type` become one object.
 */
export const mergeFrames = (all: object[][]): object[] => {
  const merged = new Map<unknown, object>()
  for (const frames of all) {
    for (const frame of frames) {
      const type = 'type' in frame ? frame.type : frame
      merged.set(type, { ...merged.get(type), ...frame })
    }
  }
  return [...merged.values()]
}
