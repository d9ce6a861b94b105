import * as z from 'zod'
import { ConversationId, Rev, Seq } from './ids.ts'

/** The WebSocket subprotocol, and the version of everything in this folder. See `version.test.ts`. */
export const SUBPROTOCOL = 'causerie.v1'

/** A ticket travels as a second subprotocol, `ticket.<ticket>`: a browser can set no header on an upgrade. */
export const TICKET_PREFIX = 'ticket.'

/** Whose ticket this claims to be; null where it is none. */
export const userOfTicket = (ticket: string): number | null => {
  const userId = /^([1-9]\d{0,14})\.[A-Za-z0-9_-]{43}$/.exec(ticket)?.[1]
  return userId === undefined ? null : Number(userId)
}

/** The platform answers this text frame with `PONG` without waking anything. Send it every 25 s. */
export const PING = 'ping'
export const PONG = 'pong'
export const PING_INTERVAL_MS = 25_000
/** A socket that has not pinged for this long counts as gone. */
export const LEASE_MS = 60_000

/**
 * Why a socket was closed. 4400–4499: do not come back with the same credentials or frame. 4500–4599: come back with backoff.
 */
export const CLOSE = {
  ticketInvalid: 4401,
  sessionRevoked: 4403,
  originRefused: 4404,
  tooManySockets: 4429,
  fault: 4500,
  leaseExpired: 4501,
  slowReader: 4508,
} as const

export const mayReconnect = (code: number): boolean => code < 4400 || code >= 4500

const have = z
  .string()
  .max(32_768)
  .regex(/^(?:[a-z0-9]+\.[a-z0-9]+\.[a-z0-9]+(?:_[a-z0-9]+\.[a-z0-9]+\.[a-z0-9]+)*)?$/)

/**
 * `GET /v1/socket`. `have` says what the client holds: per conversation its id, the revision and its own read mark, in base 36,
 * joined by dots, conversations joined by `_`. `hello` then leaves out what has not changed.
 */
export const SocketQuery = z.object({ have: have.optional(), ticket: z.string().max(256).optional() })

export const Have = z.object({ conversationId: ConversationId, rev: Rev, readSeq: Seq })
export type Have = z.infer<typeof Have>

export const encodeHave = (list: Have[]): string =>
  list.map((each) => [each.conversationId, each.rev, each.readSeq].map((n) => n.toString(36)).join('.')).join('_')

export const decodeHave = (text: string): Have[] =>
  text === ''
    ? []
    : text.split('_').flatMap((part) => {
        const [conversationId, rev, readSeq] = part.split('.').map((n) => Number.parseInt(n, 36))
        const parsed = Have.safeParse({ conversationId, rev, readSeq })
        return parsed.success ? [parsed.data] : []
      })
