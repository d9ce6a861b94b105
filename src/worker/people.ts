import { type People, peopleOf } from '../directory/people.ts'
import { conversationOf, hubOf } from '../objects/stubs.ts'

type Request = { env: Env; executionCtx: { waitUntil(work: Promise<void>): void } }

/** The people and plans of this deployment, as the routes use them. */
export const people = (c: Request): People =>
  peopleOf(c.env, {
    hubOf: (userId) => hubOf(c.env, userId),
    conversationOf: (conversationId) => conversationOf(c.env, conversationId),
    later: (work) => c.executionCtx.waitUntil(work),
  })
