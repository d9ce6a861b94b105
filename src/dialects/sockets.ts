import { Hono } from 'hono'
import { isRefusal, type Refusal } from '../protocol/errors.ts'
import { claimsOf } from '../worker/caller.ts'
import { reportFailure } from '../worker/failure.ts'
import { acceptAndClose, handToHub, isUpgrade, sessionHeader } from '../worker/upgrade.ts'
import type { Dialect, DialectEnv } from './dialect.ts'
import { type C, slashed } from './fastapi.ts'

/**
 * The sockets of the documents, each at its address. Pages of any origin may open them: the token in the address is the only proof, and
 * no page has one by chance, as it would have a cookie.
 */
export const socketRoutes = (dialects: Dialect[]): Hono<DialectEnv> => {
  const routes = new Hono<DialectEnv>()
  for (const [path, sharing] of Map.groupBy(dialects, (dialect) => dialect.socket)) {
    if (path !== null) routes.on('GET', slashed(path), (c) => open(c, sharing))
  }
  return routes
}

const open = async (c: C, sharing: Dialect[]): Promise<Response> => {
  if (!isUpgrade(c)) return c.json({ detail: 'This is the address of a WebSocket.' }, 426, { upgrade: 'websocket' })
  const [first] = sharing
  try {
    const response = await handOver(c, sharing)
    if (response === null) return acceptAndClose(first?.close.badToken ?? 1008, 'invalid token')
    if (response instanceof Response) return response
    return c.json({ detail: 'Too many connections.' }, 429, { 'retry-after': String(response.retryAfter) })
  } catch (error) {
    reportFailure(c, error instanceof Error ? error : new Error('not an error'))
    return acceptAndClose(first?.close.fault ?? 1011, 'server error')
  }
}

/** Null where the token is not good. */
const handOver = async (c: C, sharing: Dialect[]): Promise<Response | Refusal | null> => {
  const token = c.req.param('token') ?? c.req.query('token')
  if (!token) return null
  const claims = await claimsOf(c.env, token)
  if (isRefusal(claims)) return null
  const names = sharing.map((dialect) => dialect.name).join(' ')
  return handToHub(c.env, {
    userId: claims.userId,
    headers: [sessionHeader(claims), ['x-causerie-dialects', names]],
  })
}
