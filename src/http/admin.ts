import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import { requireAdmin } from '../directory/administrators.ts'
import { openDirectory } from '../directory/directory.ts'
import { restoreConversation } from '../directory/restoration.ts'
import { ConversationId } from '../protocol/ids.ts'
import { numberParam } from '../protocol/page.ts'
import { RestoreConversation } from '../protocol/restoration.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { authenticated, type Authenticated } from './authenticated.ts'
import { answer, problem } from './problem.ts'
import { body, params } from './validation.ts'

const administrators = createMiddleware<Authenticated>(async (c, next) => {
  const refusal = await requireAdmin(openDirectory(c.env), c.var.caller.userId)
  return refusal ? problem(c, refusal) : next()
})

const ById = z.object({ id: numberParam(ConversationId) })

/** `/v1/admin`: for administrators. */
export const admin = new Hono<Authenticated>()
  .use(authenticated, administrators)
  .post('/conversations/:id/restore', params(ById), body(RestoreConversation), async (c) => {
    const { id: conversationId } = c.req.valid('param')
    const time = Date.parse(c.req.valid('json').time)
    return answer(c, await restoreConversation(directoryContext(c), { conversationId, time }))
  })
