import { Hono } from 'hono'
import * as z from 'zod'
import { openDirectory } from '../directory/directory.ts'
import {
  acceptFriendRequest,
  askToBeFriends,
  declineFriendRequest,
  friendRequestsOf,
  friendsOf,
  takeBackFriendRequest,
  unfriend,
} from '../directory/friends.ts'
import { isRefusal } from '../protocol/errors.ts'
import { NewFriendRequest } from '../protocol/friend.ts'
import { UserId } from '../protocol/ids.ts'
import { numberParam, PageQuery } from '../protocol/page.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { type Authenticated, authenticated, budgeted } from './authenticated.ts'
import { answer, answerEmpty, problem } from './problem.ts'
import { body, params, query } from './validation.ts'

const ById = z.object({ id: numberParam(z.int().positive()) })
const ByUser = z.object({ userId: numberParam(UserId) })

/** `/v1/friends` */
export const friends = new Hono<Authenticated>()
  .use(authenticated, budgeted)
  .get('/', query(PageQuery), async (c) =>
    answer(c, await friendsOf(openDirectory(c.env), c.var.caller.userId, c.req.valid('query'))),
  )
  .delete('/:userId', params(ByUser), async (c) => {
    const { userId: otherId } = c.req.valid('param')
    return answerEmpty(c, await unfriend(directoryContext(c), { userId: c.var.caller.userId, otherId }))
  })

/** `/v1/friend-requests` */
export const friendRequests = new Hono<Authenticated>()
  .use(authenticated, budgeted)
  .get('/', query(PageQuery), async (c) =>
    answer(c, await friendRequestsOf(openDirectory(c.env), c.var.caller.userId, c.req.valid('query'))),
  )
  .post('/', body(NewFriendRequest), async (c) => {
    const { userId: otherId } = c.req.valid('json')
    const asked = await askToBeFriends(directoryContext(c), { userId: c.var.caller.userId, otherId })
    return isRefusal(asked) ? problem(c, asked) : c.json(asked.outcome, asked.created ? 201 : 200)
  })
  .post('/:id/accept', params(ById), async (c) => {
    const { id: requestId } = c.req.valid('param')
    return answer(c, await acceptFriendRequest(directoryContext(c), { userId: c.var.caller.userId, requestId }))
  })
  .post('/:id/decline', params(ById), async (c) => {
    const { id: requestId } = c.req.valid('param')
    return answerEmpty(c, await declineFriendRequest(directoryContext(c), { userId: c.var.caller.userId, requestId }))
  })
  .delete('/:id', params(ById), async (c) => {
    const { id: requestId } = c.req.valid('param')
    return answerEmpty(c, await takeBackFriendRequest(directoryContext(c), { userId: c.var.caller.userId, requestId }))
  })
