import { type DirectoryContext, directoryContextOf } from '../directory/context.ts'
import { conversationOf, hubOf } from '../objects/stubs.ts'

type Request = { env: Env; executionCtx: { waitUntil(work: Promise<void>): void } }

/** What the use cases of the directory work on, for the routes. */
export const directoryContext = (c: Request): DirectoryContext =>
  directoryContextOf(c.env, {
    hubOf: (userId) => hubOf(c.env, userId),
    conversationOf: (conversationId) => conversationOf(c.env, conversationId),
    later: (work) => c.executionCtx.waitUntil(work),
  })
