import { Hono } from 'hono'
import * as z from 'zod'
import { block, blocksOf, unblock } from '../directory/blocks.ts'
import { openDirectory } from '../directory/directory.ts'
import { UserId } from '../protocol/ids.ts'
import { numberParam, PageQuery } from '../protocol/page.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { type Authenticated, authenticated, budgeted } from './authenticated.ts'
import { answer, answerEmpty } from './problem.ts'
import { params, query } from './validation.ts'

const ByUser = z.object({ userId: numberParam(UserId) })

/** `/v1/blocks` */
export const blocks = new Hono<Authenticated>()
  .use(authenticated, budgeted)
  .get('/', query(PageQuery), async (c) =>
    answer(c, await blocksOf(openDirectory(c.env), c.var.caller.userId, c.req.valid('query'))),
  )
  .put('/:userId', params(ByUser), async (c) => {
    const { userId: otherId } = c.req.valid('param')
    return answer(c, await block(directoryContext(c), { userId: c.var.caller.userId, otherId }))
  })
  .delete('/:userId', params(ByUser), async (c) => {
    const { userId: otherId } = c.req.valid('param')
    return answerEmpty(c, await unblock(directoryContext(c), { userId: c.var.caller.userId, otherId }))
  })
