import { type Context, Hono } from 'hono'
import { authenticate } from '../directory/accounts.ts'
import { hubOf } from '../objects/stubs.ts'
import { isRefusal } from '../protocol/errors.ts'
import { CLOSE, SocketQuery, SUBPROTOCOL, TICKET_PREFIX, userOfTicket } from '../protocol/socket.ts'
import { accounts } from './accounts.ts'
import { bearerToken, type Public } from './authenticated.ts'
import { isAllowedOrigin } from './headers.ts'
import { query } from './validation.ts'

type C = Context<Public>
type Proof = { userId: number; header: [name: string, value: string] }

/** `/v1/socket`: hands the upgrade to the hub of whoever it is. After that the worker is out of the data path. */
export const socket = new Hono<Public>().get('/', query(SocketQuery), async (c) => {
  if (c.req.header('upgrade')?.toLowerCase() !== 'websocket') return c.body(null, 426, { upgrade: 'websocket' })
  // A page's script cannot leave the origin out; a client that is no page may.
  const origin = c.req.header('origin')
  if (origin !== undefined && !isAllowedOrigin(c, origin)) return closed(c, CLOSE.originRefused, 'origin.refused')
  const proof = await proofOf(c, c.req.valid('query').ticket)
  if (!proof) return closed(c, CLOSE.ticketInvalid, 'ticket.invalid')
  const headers = new Headers([['upgrade', 'websocket'], proof.header])
  const protocol = offered(c)
  if (protocol) headers.set('sec-websocket-protocol', protocol)
  const response = await hubOf(c.env, proof.userId).fetch(new Request(c.req.url, { headers }))
  return response.status === 101 ? response : closed(c, CLOSE.ticketInvalid, 'ticket.invalid')
})

const proofOf = async (c: C, queried: string | undefined): Promise<Proof | null> => {
  const ticket = ticketOf(c) ?? queried
  if (ticket !== undefined) {
    const userId = userOfTicket(ticket)
    return userId === null ? null : { userId, header: ['x-causerie-ticket', ticket] }
  }
  const token = bearerToken(c)
  if (token === undefined) return null
  const caller = await authenticate(accounts(c.env), token)
  if (isRefusal(caller)) return null
  const { userId, sessionId, sessionExpiresAt } = caller
  return { userId, header: ['x-causerie-session', `${sessionId} ${sessionExpiresAt}`] }
}

const protocols = (c: C): string[] => (c.req.header('sec-websocket-protocol') ?? '').split(',').map((each) => each.trim())

const ticketOf = (c: C): string | undefined =>
  protocols(c)
    .find((each) => each.startsWith(TICKET_PREFIX))
    ?.slice(TICKET_PREFIX.length)

const offered = (c: C): string | undefined => protocols(c).find((each) => each === SUBPROTOCOL)

/** Accepts and closes at once: a page can read a close code, but not why an upgrade failed. */
const closed = (c: C, code: number, reason: string): Response => {
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  server.close(code, reason)
  const protocol = offered(c)
  const headers = protocol ? { 'sec-websocket-protocol': protocol } : {}
  return new Response(null, { status: 101, webSocket: client, headers })
}
