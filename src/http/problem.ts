import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { ERRORS, isRefusal, type Problem, type Refusal } from '../protocol/errors.ts'
import { refusalHeaders } from '../worker/refusal-headers.ts'

/** What a use case returned, as the answer to the request: a refusal becomes a problem, everything else is the body. */
export const answer = (c: Context, result: object, status: ContentfulStatusCode = 200): Response =>
  isRefusal(result) ? problem(c, result) : c.json(result, status)

/** The same for what has nothing to say when it went well. */
export const answerEmpty = (c: Context, result: Refusal | null): Response =>
  result === null ? c.body(null, 204) : problem(c, result)

/** A refusal as RFC 9457 has it. */
export const problem = (c: Context, refusal: Refusal): Response => {
  const { code, issues } = refusal
  const [status, title] = ERRORS[code]
  const type = `urn:causerie:error:${code}`
  const body: Problem = { type, title, detail: title, status, code, ...(issues && { issues }) }
  const headers = { 'content-type': 'application/problem+json', ...refusalHeaders(refusal, status) }
  return c.body(JSON.stringify(body), status, headers)
}
