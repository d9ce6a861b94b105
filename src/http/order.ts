import type { Context } from 'hono'
import type { Order } from '../core/orders.ts'
import { hubOf } from '../objects/stubs.ts'
import { MessageReply } from '../protocol/events.ts'
import type { Authenticated } from './authenticated.ts'
import { answer } from './problem.ts'

/**
 * Has the caller's hub carry an order to its conversation, as a frame would be. What changes a message answers the message; a send
 * that was a repeat answers 200 in place of 201.
 */
export const order = async (
  c: Context<Authenticated>,
  wanted: Order,
  status: 200 | 201 | 204 = 200,
): Promise<Response> => {
  const { userId, sessionId } = c.var.caller
  const answered = await hubOf(c.env, userId).order(wanted, sessionId)
  if (!answered.ok) return answer(c, answered)
  if (status === 204) return c.body(null, 204)
  const result: unknown = JSON.parse(answered.json)
  const reply = MessageReply.pick({ repeated: true })
    .extend({ message: MessageReply.shape.message.loose() })
    .safeParse(result)
  if (reply.success) return c.json(reply.data.message, reply.data.repeated ? 200 : status)
  return c.json(result as object, status)
}
