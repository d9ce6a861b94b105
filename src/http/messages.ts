import { Hono } from 'hono'
import * as z from 'zod'
import { MessageId } from '../protocol/ids.ts'
import { Emoji } from '../protocol/emoji.ts'
import { EditMessage } from '../protocol/message.ts'
import { numberParam } from '../protocol/page.ts'
import { type Authenticated, authenticated } from './authenticated.ts'
import { order } from './order.ts'
import { body, params } from './validation.ts'

const ById = z.object({ id: numberParam(MessageId) })
const ByEmoji = ById.extend({ emoji: Emoji })

/** `/v1/messages`: one message. */
export const messages = new Hono<Authenticated>()
  .use(authenticated)
  .get('/:id', params(ById), (c) => order(c, { type: 'message.get', messageId: c.req.valid('param').id }))
  .patch('/:id', params(ById), body(EditMessage), (c) =>
    order(c, { type: 'message.edit', messageId: c.req.valid('param').id, content: c.req.valid('json').content }),
  )
  .delete('/:id', params(ById), (c) => order(c, { type: 'message.delete', messageId: c.req.valid('param').id }))
  .put('/:id/reactions/:emoji', params(ByEmoji), (c) => {
    const { id, emoji } = c.req.valid('param')
    return order(c, { type: 'reaction.add', messageId: id, emoji })
  })
  .delete('/:id/reactions/:emoji', params(ByEmoji), (c) => {
    const { id, emoji } = c.req.valid('param')
    return order(c, { type: 'reaction.remove', messageId: id, emoji })
  })
  .put('/:id/pin', params(ById), (c) => order(c, { type: 'pin.add', messageId: c.req.valid('param').id }))
  .delete('/:id/pin', params(ById), (c) => order(c, { type: 'pin.remove', messageId: c.req.valid('param').id }))
