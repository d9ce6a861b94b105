import type { z } from 'zod'
import type { Order } from '../core/orders.ts'
import { hubOf } from '../objects/stubs.ts'
import { MessageReply } from '../protocol/events.ts'
import type { Message } from '../protocol/message.ts'
import { isRefusal, type Refusal } from '../protocol/errors.ts'
import type { C } from './fastapi.ts'

/** Has the caller's hub carry an order to its conversation, and answers what came of it as this schema has it. */
export const carryOut = async <Schema extends z.ZodType<object>>(
  c: C,
  order: Order,
  schema: Schema,
): Promise<z.output<Schema> | Refusal> => {
  const answered = await hubOf(c.env, c.var.caller.userId).order(order)
  return answered.ok ? schema.parse(JSON.parse(answered.json)) : answered
}

/** The same for an order that changes a message: answers the message. */
export const change = async (c: C, order: Order): Promise<Message | Refusal> => {
  const reply = await carryOut(c, order, MessageReply)
  return isRefusal(reply) ? reply : reply.message
}
