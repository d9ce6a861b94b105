import type { Context } from 'hono'
import { createMiddleware } from 'hono/factory'
import { authenticate, type Caller } from '../directory/accounts.ts'
import { isRefusal, refuse } from '../protocol/errors.ts'
import { accounts } from './accounts.ts'
import { problem } from './problem.ts'

/** What the routes of this API are given: `new Hono<Authenticated>()` where somebody must be signed in. */
export type Public = { Bindings: Env }
export type Authenticated = { Bindings: Env; Variables: { caller: Caller } }

/** Lets a request with a live session pass, as `c.var.caller`. The session is looked up each time, so that signing out is immediate. */
export const authenticated = createMiddleware<Authenticated>(async (c, next) => {
  const token = bearerToken(c)
  if (token === undefined) return problem(c, refuse('auth.required'))
  const caller = await authenticate(accounts(c.env), token)
  if (isRefusal(caller)) return problem(c, caller)
  c.set('caller', caller)
  return next()
})

export const bearerToken = (c: Context): string | undefined =>
  /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
