/** What a request came to. `status` is null where no whole answer came, so that nobody knows what it did. */
export type Answer<Body> =
  | { status: number; ok: true; body: Body }
  | { status: number; ok: false; code: string; retryAfter: number }
  | { status: null }

export type Ask = { method: string; path: string; token?: string; json?: unknown; from?: string }

const TIMEOUT_MS = 15_000

/** One request, without any client of the project. */
export const ask = async <Body>(base: string, request: Ask): Promise<Answer<Body>> => {
  const { method, path, token, json, from } = request
  const headers = new Headers()
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (json !== undefined) headers.set('content-type', 'application/json')
  // Sign-ins are limited per network, and everybody here is on one.
  if (from !== undefined) headers.set('cf-connecting-ip', from)
  try {
    const response = await fetch(base + path, {
      method,
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    })
    const text = await response.text()
    const body = text === '' ? null : (JSON.parse(text) as unknown)
    if (response.ok) return { status: response.status, ok: true, body: body as Body }
    const retryAfter = Number(response.headers.get('retry-after') ?? 0)
    const { code = '' } = (body ?? {}) as { code?: string }
    return { status: response.status, ok: false, code, retryAfter }
  } catch {
    return { status: null }
  }
}

/** After these refusals the thing asked for may have been done all the same. */
export const isVague = (code: string): boolean =>
  code === 'server.unavailable' || code === 'server.fault' || code === ''
