import { type Context, Hono } from 'hono'
import { holderOfTicket } from '../directory/tickets.ts'
import { isRefusal } from '../protocol/errors.ts'
import { CLOSE, SocketQuery, SUBPROTOCOL, TICKET_PREFIX } from '../protocol/socket.ts'
import { bearerToken, claimsOf } from '../worker/caller.ts'
import { acceptAndClose, handToHub, isUpgrade, sessionHeader } from '../worker/upgrade.ts'
import type { Public } from './authenticated.ts'
import { isAllowedOrigin } from './headers.ts'
import { problem } from './problem.ts'
import { query } from './validation.ts'

type C = Context<Public>
type Proof = { userId: number; header: [name: string, value: string] }

/** `/v1/socket`: hands the upgrade to the hub of whoever it is. After that the worker is out of the data path. */
export const socket = new Hono<Public>().get('/', query(SocketQuery), async (c) => {
  if (!isUpgrade(c)) return c.body(null, 426, { upgrade: 'websocket' })
  // A page's script cannot leave the origin out; a client that is no page may.
  const origin = c.req.header('origin')
  if (origin !== undefined && !isAllowedOrigin(c, origin)) return closed(c, CLOSE.originRefused, 'origin.refused')
  const { have = '', ticket } = c.req.valid('query')
  const proof = await proofOf(c, ticket)
  if (!proof) return closed(c, CLOSE.ticketInvalid, 'ticket.invalid')
  const headers = [proof.header, ...Object.entries(offered(c))]
  const response = await handToHub(c.env, { userId: proof.userId, headers, query: `?have=${have}` })
  if (response === null) return closed(c, CLOSE.ticketInvalid, 'ticket.invalid')
  return response instanceof Response ? response : problem(c, response)
})

const proofOf = async (c: C, queried: string | undefined): Promise<Proof | null> => {
  const ticket = ticketOf(c) ?? queried
  if (ticket !== undefined) {
    const userId = await holderOfTicket(c.env, ticket)
    return userId === null ? null : { userId, header: ['x-causerie-ticket', ticket] }
  }
  const token = bearerToken(c)
  const claims = token === undefined ? null : await claimsOf(c.env, token)
  return claims === null || isRefusal(claims) ? null : { userId: claims.userId, header: sessionHeader(claims) }
}

const protocols = (c: C): string[] =>
  (c.req.header('sec-websocket-protocol') ?? '').split(',').map((each) => each.trim())

const ticketOf = (c: C): string | undefined =>
  protocols(c)
    .find((each) => each.startsWith(TICKET_PREFIX))
    ?.slice(TICKET_PREFIX.length)

const offered = (c: C): Record<string, string> =>
  protocols(c).includes(SUBPROTOCOL) ? { 'sec-websocket-protocol': SUBPROTOCOL } : {}

const closed = (c: C, code: number, reason: string): Response => acceptAndClose(code, reason, offered(c))
