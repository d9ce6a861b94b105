import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { hiddenFrom } from '../directory/blocks.ts'
import { createGroup, openDirect } from '../directory/conversations.ts'
import { openDirectory } from '../directory/directory.ts'
import { usersByIds } from '../directory/users.ts'
import { conversationOf, hubOf } from '../objects/stubs.ts'
import {
  AddMembers,
  ChangesQuery,
  type InboxEntry,
  MarkRead,
  NewConversation,
  UpdateConversation,
  UpdateMember,
} from '../protocol/conversation.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import { ConversationId, UserId } from '../protocol/ids.ts'
import { HistoryQuery, NewMessage } from '../protocol/message.ts'
import { numberParam } from '../protocol/page.ts'
import { people } from '../worker/people.ts'
import { type Authenticated, authenticated } from './authenticated.ts'
import { order } from './order.ts'
import { answer } from './problem.ts'
import { body, params, query } from './validation.ts'

const ById = z.object({ id: numberParam(ConversationId) })
const ByMember = ById.extend({ userId: numberParam(UserId) })

/** `/v1/conversations`: the inbox, the conversations, their members and messages. */
export const conversations = new Hono<Authenticated>()
  .use(authenticated)
  .get('/', async (c) => {
    const items = await hubOf(c.env, c.var.caller.userId).inbox()
    return c.json({ items, nextCursor: null })
  })
  .post('/', body(NewConversation), async (c) => {
    const input = c.req.valid('json')
    const made =
      input.kind === 'direct'
        ? await openDirect(people(c), { userId: c.var.caller.userId, otherId: input.userId })
        : await openGroup(c, input)
    return 'ok' in made ? answer(c, made) : c.json(made.entry, made.created ? 201 : 200)
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
  .post('/:id/members', params(ById), body(AddMembers), async (c) => {
    const { userIds } = c.req.valid('json')
    const no = await refuseGuests(c, userIds)
    return no ? answer(c, no) : order(c, { type: 'member.add', conversationId: c.req.valid('param').id, userIds })
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

type Made = { entry: InboxEntry; created: boolean }
type C = Context<Authenticated>

const openGroup = async (
  c: C,
  group: Extract<z.output<typeof NewConversation>, { kind: 'group' }>,
): Promise<Made | Refusal> => {
  const { userId } = c.var.caller
  const { title, memberIds, clientId } = group
  const no = await refuseGuests(c, memberIds)
  if (no) return no
  const { id, created } = await createGroup(openDirectory(c.env), { createdBy: userId, clientId, now: Date.now() })
  // The object is asked every time: where an earlier request registered the conversation and died, this one makes it.
  const made = { conversationId: id, kind: 'group' as const, title, userIds: [userId, ...memberIds] }
  const entry = await conversationOf(c.env, id).create(made)
  return entry ? { entry, created } : refuse('conversation.not_found')
}

/** Whether these people exist, and the caller may bring them into a group. */
const refuseGuests = async (c: C, userIds: number[]): Promise<Refusal | null> => {
  const db = openDirectory(c.env)
  const [known, hidden] = await Promise.all([usersByIds(db, userIds), hiddenFrom(db, c.var.caller.userId)])
  if (known.length !== new Set(userIds).size) return refuse('user.not_found')
  return hidden.some((id) => userIds.includes(id)) ? refuse('conversation.blocked') : null
}
