import type { Context, MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import type { RequestIdVariables } from 'hono/request-id'
import { LIMITS } from '../protocol/limits.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { problem } from './problem.ts'

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=63072000; includeSubDomains',
  'content-security-policy': "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'no-store',
}

/** What every answer of the API carries; a route that says otherwise keeps what it says. */
export const securityHeaders: MiddlewareHandler<{ Variables: RequestIdVariables }> = async (c, next) => {
  await next()
  // The answer to an upgrade belongs to the socket.
  if (c.res.status === 101) return
  // A copy, for an answer that came from elsewhere has headers that cannot be changed.
  const { res } = c
  const headers = new Headers(res.headers)
  headers.set('x-request-id', c.get('requestId'))
  for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value)
  c.res = undefined
  c.res = new Response(res.body, { status: res.status, statusText: res.statusText, headers })
}

/** Lets pages of the allowed origins read answers. Upgrades are no matter of CORS: the socket's route looks at their origin. */
export const allowedOrigins: MiddlewareHandler<{ Bindings: Env }> = (c, next) =>
  c.req.header('upgrade') === undefined ? crossOrigin(c, next) : next()

/** Whether a page may open a socket or read answers: one of our own origin, or of a listed one. */
export const isAllowedOrigin = (c: Context<{ Bindings: Env }>, origin: string): boolean =>
  origin !== '' && (origin === new URL(c.req.url).origin || c.env.ALLOWED_ORIGINS.split(/\s+/).includes(origin))

const crossOrigin = cors({
  origin: (origin, c: Context<{ Bindings: Env }>) => (isAllowedOrigin(c, origin) ? origin : null),
  allowHeaders: ['authorization', 'content-type'],
  exposeHeaders: ['retry-after', 'x-request-id'],
  maxAge: 600,
})

const BODILESS = new Set(['GET', 'HEAD'])

/** Refuses a larger body by the bytes that came, whatever its headers say. */
export const bodyCap =
  (limit: number = LIMITS.frameBytes): MiddlewareHandler =>
  async (c, next) => {
    const { raw } = c.req
    if (raw.body === null) return next()
    const bytes = await readUpTo(raw.body, limit)
    if (isRefusal(bytes)) return problem(c, bytes)
    const { url, method, headers } = raw
    // HTTP lets a GET carry a body, which means nothing; a request that is made here may not.
    c.req.raw = BODILESS.has(method) ? new Request(url, { method, headers }) : new Request(raw, { method, body: bytes })
    return next()
  }

const readUpTo = async (
  stream: ReadableStream<Uint8Array>,
  limit: number,
): Promise<Uint8Array<ArrayBuffer> | Refusal> => {
  const chunks: Uint8Array[] = []
  let length = 0
  try {
    for await (const chunk of stream) {
      length += chunk.byteLength
      // Leaving the loop cancels the stream.
      if (length > limit) return refuse('request.too_large')
      chunks.push(chunk)
    }
  } catch {
    // It broke off, or came in pieces that are none: the client's doing, not ours.
    return refuse('request.malformed')
  }
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}
