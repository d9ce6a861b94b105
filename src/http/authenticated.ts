import { createMiddleware } from 'hono/factory'
import { declares } from '../contract/declared.ts'
import type { Caller } from '../directory/accounts.ts'
import { hubOf } from '../objects/stubs.ts'
import { isRefusal } from '../protocol/errors.ts'
import { callerOf } from '../worker/caller.ts'
import { problem } from './problem.ts'

/** What the routes of this API are given: `new Hono<Authenticated>()` where somebody must be signed in. */
export type Public = { Bindings: Env }
export type Authenticated = { Bindings: Env; Variables: { caller: Caller } }

/** Lets a request with a live session pass, as `c.var.caller`. */
export const authenticated = declares(
  createMiddleware<Authenticated>(async (c, next) => {
    const caller = await callerOf(c)
    if (isRefusal(caller)) return problem(c, caller)
    c.set('caller', caller)
    return next()
  }),
  { signedIn: true },
)

/** Takes one from the caller's budget: for what asks much of others, and is no order that the hub would count. */
export const budgeted = createMiddleware<Authenticated>(async (c, next) => {
  const refusal = await hubOf(c.env, c.var.caller.userId).charge()
  return refusal ? problem(c, refusal) : next()
})
