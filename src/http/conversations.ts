import { Hono } from 'hono'
import * as z from 'zod'
import { openDirect } from '../directory/conversations.ts'
import { addMembers, openGroup } from '../directory/groups.ts'
import { hubOf } from '../objects/stubs.ts'
import {
  AddMembers,
  ChangesQuery,
  InboxQuery,
  MarkRead,
  NewConversation,
  UpdateConversation,
  UpdateMember,
} from '../protocol/conversation.ts'
import { ConversationId, UserId } from '../protocol/ids.ts'
import { isRefusal } from '../protocol/errors.ts'
import { HistoryQuery, NewMessage } from '../protocol/message.ts'
import { numberParam } from '../protocol/page.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { type Authenticated, authenticated, budgeted } from './authenticated.ts'
import { order } from './order.ts'
import { answer, problem } from './problem.ts'
import { body, params, query } from './validation.ts'

const ENTRIES_PER_COMMAND = 25

const ById = z.object({ id: numberParam(ConversationId) })
const ByMember = ById.extend({ userId: numberParam(UserId) })

/** `/v1/conversations`: the inbox, the conversations, their members and messages. */
export const conversations = new Hono<Authenticated>()
  .use(authenticated)
  .get('/', query(InboxQuery), async (c) => {
    const hub = hubOf(c.env, c.var.caller.userId)
    const { cursor, limit } = c.req.valid('query')
    // Each entry of a page further down asks its conversation; the first ones share what others read.
    const refusal = await hub.charge(cursor === undefined ? 1 : 1 + Math.floor(limit / ENTRIES_PER_COMMAND))
    return refusal ? problem(c, refusal) : c.json(await hub.inbox(c.req.valid('query')))
  })
  .post('/', body(NewConversation), budgeted, async (c) => {
    const input = c.req.valid('json')
    const { userId } = c.var.caller
    const made =
      input.kind === 'direct'
        ? await openDirect(directoryContext(c), { userId, otherId: input.userId })
        : await openGroup(directoryContext(c), { ...input, userId })
    return isRefusal(made) ? answer(c, made) : c.json(made.entry, made.created ? 201 : 200)
  })
  .get('/:id', params(ById), (c) => order(c, { type: 'entry.get', conversationId: c.req.valid('param').id }))
  .patch('/:id', params(ById), body(UpdateConversation), (c) =>
    order(c, {
      type: 'conversation.rename',
      conversationId: c.req.valid('param').id,
      title: c.req.valid('json').title,
    }),
  )
  .delete('/:id', params(ById), (c) =>
    order(c, { type: 'conversation.delete', conversationId: c.req.valid('param').id }, 204),
  )
  .get('/:id/members', params(ById), (c) => order(c, { type: 'members.get', conversationId: c.req.valid('param').id }))
  .post('/:id/members', params(ById), body(AddMembers), budgeted, async (c) => {
    const { userIds } = c.req.valid('json')
    const conversationId = c.req.valid('param').id
    return answer(c, await addMembers(directoryContext(c), { ...c.var.caller, conversationId, userIds }))
  })
  .patch('/:id/members/:userId', params(ByMember), body(UpdateMember), (c) => {
    const { id, userId } = c.req.valid('param')
    return order(c, { type: 'member.role', conversationId: id, userId, role: c.req.valid('json').role })
  })
  .delete('/:id/members/:userId', params(ByMember), (c) => {
    const { id, userId } = c.req.valid('param')
    return order(c, { type: 'member.remove', conversationId: id, userId }, 204)
  })
  .get('/:id/messages', params(ById), query(HistoryQuery), (c) =>
    order(c, { type: 'history.get', conversationId: c.req.valid('param').id, ...c.req.valid('query') }),
  )
  .post('/:id/messages', params(ById), body(NewMessage), (c) =>
    order(c, { type: 'message.send', conversationId: c.req.valid('param').id, ...c.req.valid('json') }, 201),
  )
  .get('/:id/changes', params(ById), query(ChangesQuery), (c) =>
    order(c, { type: 'changes.get', conversationId: c.req.valid('param').id, ...c.req.valid('query') }),
  )
  .put('/:id/read', params(ById), body(MarkRead), (c) =>
    order(c, { type: 'read.mark', conversationId: c.req.valid('param').id, seq: c.req.valid('json').seq }),
  )
