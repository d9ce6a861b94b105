import type { Context } from 'hono'
import { type People, peopleOf } from '../directory/people.ts'
import { conversationOf, hubOf } from '../objects/stubs.ts'

/** The people and plans of this deployment, as the routes use them. */
export const people = (c: Context<{ Bindings: Env }>): People =>
  peopleOf(c.env, {
    hubOf: (userId) => hubOf(c.env, userId),
    conversationOf: (conversationId) => conversationOf(c.env, conversationId),
    later: (work) => c.executionCtx.waitUntil(work),
  })
