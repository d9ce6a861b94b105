import type { ErrorCode, Issue } from '../protocol/errors.ts'

type Details = { status?: number | undefined; issues?: Issue[] | undefined; retryAfter?: number | undefined }

/** The server refused. `code` is stable; `message` is a sentence for people. */
export class CauserieError extends Error {
  override readonly name = 'CauserieError'
  readonly code: ErrorCode
  /** The HTTP status; undefined where the refusal came over the socket. */
  readonly status: number | undefined
  readonly issues: Issue[] | undefined
  /** Seconds to wait before another try. */
  readonly retryAfter: number | undefined

  constructor(code: ErrorCode, message: string, details: Details = {}) {
    super(message)
    this.code = code
    this.status = details.status
    this.issues = details.issues
    this.retryAfter = details.retryAfter
  }
}

/** The server was not reached, or what came back is none of its answers. Whether anything was done is unknown. */
export class CauserieNetworkError extends Error {
  override readonly name = 'CauserieNetworkError'
}

export const signedOut = (code: ErrorCode = 'auth.required'): CauserieError =>
  new CauserieError(code, 'Nobody is signed in.')

const TRANSIENT: ReadonlySet<ErrorCode> = new Set(['rate.limited', 'server.unavailable', 'server.fault'])

/** Refusals that say "not now": the same may pass later. */
export const isTransient = (code: ErrorCode): boolean => TRANSIENT.has(code)
