import type { Context } from 'hono'
import type { AccessClaims } from '../directory/tokens.ts'
import { hubOf } from '../objects/stubs.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'

type Header = [name: string, value: string]

/**
 * Hands an upgrade to the hub of its user, with what proves who it is; null where the hub does not take the proof. Refuses with
 * `rate.limited`.
 */
export const handToHub = async (
  env: Env,
  upgrade: { userId: number; headers: Header[]; query?: string },
): Promise<Response | Refusal | null> => {
  const { userId, headers, query = '' } = upgrade
  // Not the client's own address: some carry a token there.
  const request = new Request(`https://hub${query}`, { headers: [['upgrade', 'websocket'], ...headers] })
  const response = await hubOf(env, userId).fetch(request)
  if (response.status === 429)
    return refuse('rate.limited', { retryAfter: Number(response.headers.get('retry-after')) })
  return response.status === 101 ? response : null
}

/** Proves to the hub that the worker verified a token of this session. */
export const sessionHeader = ({ sessionId }: AccessClaims): Header => ['x-causerie-session', sessionId]

export const isUpgrade = (c: Context): boolean => c.req.header('upgrade')?.toLowerCase() === 'websocket'

/** Accepts and closes at once: a page can read a close code, but not why an upgrade failed. */
export const acceptAndClose = (code: number, reason: string, headers: Record<string, string> = {}): Response => {
  const { 0: client, 1: server } = new WebSocketPair()
  server.accept()
  server.close(code, reason)
  return new Response(null, { status: 101, webSocket: client, headers })
}
