import { Hono } from 'hono'
import * as z from 'zod'
import { openDirectory } from '../directory/directory.ts'
import { acceptInvitation, declineInvitation, invitationsOf, invite } from '../directory/invitations.ts'
import { isRefusal } from '../protocol/errors.ts'
import { NewInvitation } from '../protocol/invitation.ts'
import { numberParam, PageQuery } from '../protocol/page.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { type Authenticated, authenticated, budgeted } from './authenticated.ts'
import { answer, problem } from './problem.ts'
import { body, params, query } from './validation.ts'

const ById = z.object({ id: numberParam(z.int().positive()) })

/** `/v1/invitations` */
export const invitations = new Hono<Authenticated>()
  .use(authenticated, budgeted)
  .get('/', query(PageQuery), async (c) =>
    answer(c, await invitationsOf(openDirectory(c.env), c.var.caller.userId, c.req.valid('query'))),
  )
  .post('/', body(NewInvitation), async (c) => {
    const made = await invite(directoryContext(c), { ...c.req.valid('json'), fromId: c.var.caller.userId })
    return isRefusal(made) ? problem(c, made) : c.json(made.invitation, made.created ? 201 : 200)
  })
  .post('/:id/accept', params(ById), async (c) => {
    const { id: invitationId } = c.req.valid('param')
    return answer(c, await acceptInvitation(directoryContext(c), { userId: c.var.caller.userId, invitationId }))
  })
  .post('/:id/decline', params(ById), async (c) => {
    const { id: invitationId } = c.req.valid('param')
    return answer(c, await declineInvitation(directoryContext(c), { userId: c.var.caller.userId, invitationId }))
  })
