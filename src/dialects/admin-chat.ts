import type { Context, ErrorHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import * as z from 'zod'
import { requireAdmin } from '../directory/administrators.ts'
import { openDirectory } from '../directory/directory.ts'
import { acceptInvitation, declineInvitation, invite } from '../directory/invitations.ts'
import { tell } from '../directory/context.ts'
import { hubOf } from '../objects/stubs.ts'
import { ERRORS, isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { ConversationId, UserId } from '../protocol/ids.ts'
import { NewInvitation } from '../protocol/invitation.ts'
import { HistoryPage, type Message, TextContent } from '../protocol/message.ts'
import { callerOf } from '../worker/caller.ts'
import { reportFailure } from '../worker/failure.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { refusalHeaders } from '../worker/refusal-headers.ts'
import type { DialectEnv } from './dialect.ts'
import { bodyIn, type C, WholeNumber } from './fastapi.ts'
import { carryOut, change } from './orders.ts'
import { naiveMicros, newPostedId, wordsOf } from './words.ts'

/** The REST routes of document 003, at `/api/admin/chat/`: for administrators, with every answer in an envelope. */

const PAGE = 100

export const NewMessage = z.object({ content: TextContent.shape.text })
export const Ask = z.object({
  to_user_id: WholeNumber.pipe(UserId),
  message: NewInvitation.shape.message.nullish().transform((message) => message ?? ''),
})
export const Answer = z.object({ action: z.enum(['accept', 'reject']) })

export const signedInAdmin = createMiddleware<DialectEnv>(async (c, next) => {
  const caller = await callerOf(c)
  if (isRefusal(caller)) return failed(c, caller)
  const refusal = await requireAdmin(openDirectory(c.env), caller.userId)
  if (refusal) return failed(c, refusal)
  c.set('caller', caller)
  return next()
})

/** Takes one from the caller's budget: for what is no order that the hub would count. */
export const budgeted = createMiddleware<DialectEnv>(async (c, next) => {
  const refusal = await hubOf(c.env, c.var.caller.userId).charge()
  return refusal ? failed(c, refusal) : next()
})

export const postMessage = async (c: C): Promise<Response> => {
  const input = await bodyIn(c, NewMessage)
  if (isRefusal(input)) return failed(c, input)
  const conversationId = conversationAt(c)
  if (typeof conversationId !== 'number') return failed(c, conversationId)
  const content = { kind: 'text' as const, text: input.content }
  const sent = await change(c, { type: 'message.send', conversationId, clientId: newPostedId(), content })
  return isRefusal(sent) ? failed(c, sent) : succeeded(c, { message: messageShape(sent) })
}

/** For a client that polls: the newest messages, the oldest of them first. */
export const listMessages = async (c: C): Promise<Response> => {
  const conversationId = conversationAt(c)
  if (typeof conversationId !== 'number') return failed(c, conversationId)
  const page = await carryOut(c, { type: 'history.get', conversationId, limit: PAGE }, HistoryPage)
  if (isRefusal(page)) return failed(c, page)
  const messages = page.items.filter((message) => message.deletedAt === null).toReversed()
  return succeeded(c, { messages: messages.map(messageShape) })
}

export const askIn = async (c: C): Promise<Response> => {
  const input = await bodyIn(c, Ask)
  if (isRefusal(input)) return failed(c, input)
  const { to_user_id: userId, message } = input
  const context = directoryContext(c)
  const made = await invite(context, { fromId: c.var.caller.userId, userId, message })
  if (isRefusal(made)) return failed(c, made)
  const { invitation, created } = made
  // The document has no list of invitations: who was away at the first can only be told again.
  if (!created) tell(context, [userId], { type: 'invitation.created', invitation })
  return succeeded(c, { invitation_id: String(invitation.id) })
}

export const answerInvitation = async (c: C): Promise<Response> => {
  const input = await bodyIn(c, Answer)
  if (isRefusal(input)) return failed(c, input)
  const invitationId = numberAt(c)
  if (invitationId === null) return failed(c, refuse('invitation.not_found'))
  const answer = { userId: c.var.caller.userId, invitationId }
  const settle = input.action === 'accept' ? acceptInvitation : declineInvitation
  const invitation = await settle(directoryContext(c), answer)
  if (isRefusal(invitation)) return failed(c, invitation)
  return input.action === 'accept' ? succeeded(c, { conversation_id: String(invitation.conversationId) }) : succeeded(c)
}

export const onFailure: ErrorHandler = (error, c) => failed(c, reportFailure(c, error))

/** Whether it was read is its reader's to say, and this document has no word for that. */
export const messageShape = (message: Message) => ({
  id: String(message.id),
  conversation_id: String(message.conversationId),
  sender_id: String(message.senderId),
  content: wordsOf(message),
  created_at: naiveMicros(message.createdAt),
  is_read: false,
})

const succeeded = (c: C, data?: object): Response => c.json({ success: true, ...(data && { data }) })

/** The document says no more than `success`; clients look for the reason under one of these names. */
const failed = (c: Context, refusal: Refusal): Response => {
  const { code, issues } = refusal
  const [status, sentence] = ERRORS[code]
  const body = { success: false, error: sentence, message: sentence, ...(issues && { issues }) }
  return c.json(body, status, refusalHeaders(refusal, status))
}

const conversationAt = (c: C): number | Refusal =>
  ConversationId.safeParse(numberAt(c)).data ?? refuse('conversation.not_found')

/** Ids are strings to this document: one that is no number names nothing. */
const numberAt = (c: C): number | null => WholeNumber.safeParse(c.req.param('id')).data ?? null
