import type { ErrorHandler, NotFoundHandler } from 'hono'
import { refuse } from '../protocol/errors.ts'
import { reportFailure } from '../worker/failure.ts'
import { problem } from './problem.ts'

export const onError: ErrorHandler = (error, c) => problem(c, reportFailure(c, error))

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** 405 where the path exists for other methods, else 404. */
export const onNotFound = (matches: (method: string, path: string) => number): NotFoundHandler => {
  return (c) => {
    // What matches any method at all is middleware, not a route.
    const middleware = matches('*', c.req.path)
    const allowed = METHODS.filter((method) => matches(method, c.req.path) > middleware)
    if (allowed.length === 0) return problem(c, refuse('route.not_found'))
    c.header('allow', allowed.join(', '))
    return problem(c, refuse('route.method'))
  }
}
