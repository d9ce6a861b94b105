import { Hono } from 'hono'
import * as z from 'zod'
import { openDirectory } from '../directory/directory.ts'
import { searchUsers, userById, usersByIds } from '../directory/users.ts'
import { UserId } from '../protocol/ids.ts'
import { numberParam } from '../protocol/page.ts'
import { UsersQuery } from '../protocol/user.ts'
import { type Authenticated, authenticated, budgeted } from './authenticated.ts'
import { answer } from './problem.ts'
import { params, query } from './validation.ts'

/** `/v1/users` */
export const users = new Hono<Authenticated>()
  .get('/', authenticated, query(UsersQuery), budgeted, async (c) => {
    const { ids, ...search } = c.req.valid('query')
    const db = openDirectory(c.env)
    if (ids === undefined) return answer(c, await searchUsers(db, search))
    return answer(c, { items: await usersByIds(db, ids), nextCursor: null })
  })
  .get('/:id', authenticated, params(z.object({ id: numberParam(UserId) })), budgeted, async (c) =>
    answer(c, await userById(openDirectory(c.env), c.req.valid('param').id)),
  )
