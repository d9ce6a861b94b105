import type { z } from 'zod'
import type { Order } from '../core/orders.ts'
import { hubOf } from '../objects/stubs.ts'
import { MessageReply } from '../protocol/events.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { MessageId } from '../protocol/ids.ts'
import { Message } from '../protocol/message.ts'
import type { C } from './fastapi.ts'

/** Has the caller's hub carry an order to its conversation, and answers what came of it as this schema has it. */
export const carryOut = async <Schema extends z.ZodType<object>>(
  c: C,
  order: Order,
  schema: Schema,
): Promise<z.output<Schema> | Refusal> => {
  const { userId, sessionId } = c.var.caller
  const answered = await hubOf(c.env, userId).order(order, sessionId)
  return answered.ok ? schema.parse(JSON.parse(answered.json)) : answered
}

/** The message of this number, which any number may be. One that was deleted is not there. */
export const storedMessage = async (c: C, messageId: number): Promise<Message | Refusal> => {
  if (!MessageId.safeParse(messageId).success) return refuse('message.not_found')
  const message = await carryOut(c, { type: 'message.get', messageId }, Message)
  return isRefusal(message) || message.deletedAt === null ? message : refuse('message.not_found')
}

/** Has the caller's hub carry out an order that makes or changes a message, and answers the message as it is then. */
export const change = async (c: C, order: Order): Promise<Message | Refusal> => {
  const reply = await carryOut(c, order, MessageReply)
  return isRefusal(reply) ? reply : reply.message
}
