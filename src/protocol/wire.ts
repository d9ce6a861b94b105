import type { Have } from './socket.ts'

/** The words and numbers of the socket without any schema: all that a client runs on, so that a page need not load the schemas. */

/** The WebSocket subprotocol, and the version of everything in this folder. */
export const SUBPROTOCOL = 'causerie.v1'

/** A ticket travels as a second subprotocol, `ticket.<ticket>`: a browser can set no header on an upgrade. */
export const TICKET_PREFIX = 'ticket.'

/** The platform answers this text frame with `PONG` without waking anything. Send it every 25 s. */
export const PING = 'ping'
export const PONG = 'pong'
export const PING_INTERVAL_MS = 25_000
/** A socket that has not pinged for this long is no longer shown as present: two pings, and 5 s for the network. */
export const LEASE_MS = 55_000

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

/** What a client holds, as `have` of `GET /v1/socket` says it. */
export const encodeHave = (list: Have[]): string =>
  list
    .map(({ conversationId, rev, readSeq, log }) => {
      const numbers = [conversationId, rev, readSeq].map((n) => n.toString(36))
      return [...numbers, log].join('.')
    })
    .join('_')

/** How `have` names a log. */
export const logOf = (epoch: string): string => epoch.slice(0, 8)
