import type { Problem } from '../protocol/errors.ts'
import { CauserieError, CauserieNetworkError } from './errors.ts'

export type Call = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  json?: unknown
  token?: string
  timeoutMs?: number
}

export type Transport = <Answer>(call: Call) => Promise<Answer>

const TIMEOUT_MS = 15_000

/** One request to the server. Refusals reject with `CauserieError`, everything else that goes wrong with `CauserieNetworkError`. */
export const httpTransport =
  (options: { baseUrl: string; fetch: (request: Request) => Promise<Response> }): Transport =>
  async <Answer>(call: Call) => {
    const controller = new AbortController()
    const timer = setTimeout(() => controller.abort(), call.timeoutMs ?? TIMEOUT_MS)
    try {
      const response = await options.fetch(requestOf(call, options.baseUrl, controller.signal))
      const text = await response.text()
      // The answer is what the contract of this route says: the server is trusted to keep it.
      if (response.ok) return (text === '' ? undefined : JSON.parse(text)) as Answer
      throw refusalOf(response, text)
    } catch (error) {
      if (error instanceof CauserieError || error instanceof CauserieNetworkError) throw error
      throw new CauserieNetworkError('The server could not be reached.', { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }

const requestOf = ({ method, path, json, token }: Call, baseUrl: string, signal: AbortSignal): Request => {
  const headers = new Headers()
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  if (json !== undefined) headers.set('content-type', 'application/json')
  return new Request(new URL(path, baseUrl), {
    method,
    headers,
    signal,
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  })
}

const refusalOf = (response: Response, text: string): Error => {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
  if (!isProblem) return new CauserieNetworkError(`The server answered ${response.status}.`)
  const { code, title, issues } = JSON.parse(text) as Problem
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
  return new CauserieError(code, title, {
    status: response.status,
    issues,
    retryAfter: Number.isNaN(retryAfter) ? undefined : retryAfter,
  })
}
