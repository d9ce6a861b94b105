import * as z from 'zod'
import { conversationExists } from '../directory/conversations.ts'
import { openDirectory } from '../directory/directory.ts'
import { userById } from '../directory/users.ts'
import { hubOf } from '../objects/stubs.ts'
import { InboxEntry, MemberList } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { ReadReply } from '../protocol/events.ts'
import { conversationOfMessage } from '../protocol/ids.ts'
import { type Message, TextContent } from '../protocol/message.ts'
import { answer, bodyIn, type C, detail, idIn, queryIn, WholeNumber } from './fastapi.ts'
import { carryOut, change, storedMessage } from './orders.ts'
import { naiveMicros, newPostedId, receiverOf, wordsOf, zuluSeconds } from './words.ts'

/** Messages from one person to another, at `/messages/`: two documents have them, and one object holds the fields of both. */

/** Nobody reads further back than this by a list; the routes of one conversation do. */
const MAX_LISTED = 1_000

export const Words = z.object({ content: TextContent.shape.text })
export const NewDirectMessage = Words.extend({ receiver_id: WholeNumber })
export const Page = z.object({
  skip: WholeNumber.pipe(z.int().min(0)).default(0),
  limit: WholeNumber.pipe(z.int().min(0)).default(100),
})

export const postDirectMessage = async (c: C): Promise<Response> => {
  const message = await bodyIn(c, NewDirectMessage)
  if (isRefusal(message)) return detail(c, message)
  const { receiver_id: receiverId, content: text } = message
  const conversationId = await hubOf(c.env, c.var.caller.userId).conversationWith(receiverId)
  if (typeof conversationId !== 'number') return detail(c, conversationId)
  const content = { kind: 'text' as const, text }
  const sent = await change(c, { type: 'message.send', conversationId, clientId: newPostedId(), content })
  return isRefusal(sent) ? detail(c, sent) : c.json(shapeOf({ message: sent, receiverId, isRead: false }))
}

/** Everything of the caller's, the oldest first. */
export const listDirectMessages = async (c: C): Promise<Response> => {
  const newest = await newestMessages(c, { skip: 0, limit: MAX_LISTED })
  return isRefusal(newest) ? detail(c, newest) : c.json(newest.toReversed())
}

export const listMessagesWith = async (c: C): Promise<Response> => {
  const userId = idIn(c, 'user_id')
  if (typeof userId !== 'number') return detail(c, userId)
  const other = await userById(openDirectory(c.env), userId)
  if (isRefusal(other)) return detail(c, other)
  // Every direct conversation has the caller in it, and none is with the caller.
  if (userId === c.var.caller.userId) return c.json([])
  const newest = await newestMessages(c, { with: userId, skip: 0, limit: MAX_LISTED })
  return isRefusal(newest) ? detail(c, newest) : c.json(newest.toReversed())
}

/** What the caller wrote, or what others did, the newest first. */
export const listMessagesBy =
  (by: 'self' | 'others') =>
  async (c: C): Promise<Response> => {
    const page = queryIn(c, Page)
    if (isRefusal(page)) return detail(c, page)
    const skip = Math.min(page.skip, MAX_LISTED)
    return answer(c, await newestMessages(c, { by, skip, limit: Math.min(page.limit, MAX_LISTED - skip) }))
  }

export const editDirectMessage = async (c: C): Promise<Response> => {
  const message = await messageAt(c)
  if (isRefusal(message)) return detail(c, message)
  const words = await bodyIn(c, Words)
  if (isRefusal(words)) return detail(c, words)
  const content = { kind: 'text' as const, text: words.content }
  const edited = await change(c, { type: 'message.edit', messageId: message.id, content })
  return isRefusal(edited) ? detail(c, edited) : answer(c, await withReadState(c, edited))
}

export const deleteDirectMessage = async (c: C): Promise<Response> => {
  const message = await messageAt(c)
  if (isRefusal(message)) return detail(c, message)
  // The documents know no groups, in which others may delete it too.
  if (message.senderId !== c.var.caller.userId) return detail(c, refuse('message.not_owner'))
  const deleted = await change(c, { type: 'message.delete', messageId: message.id })
  return isRefusal(deleted) ? detail(c, deleted) : c.json({ message: 'Message deleted', id: message.id })
}

/** Reading a message reads those before it. */
export const readDirectMessage = async (c: C): Promise<Response> => {
  const message = await messageAt(c)
  if (isRefusal(message)) return detail(c, message)
  const { conversationId, seq } = message
  const read = await carryOut(c, { type: 'read.mark', conversationId, seq }, ReadReply)
  return isRefusal(read) ? detail(c, read) : answer(c, await withReadState(c, message))
}

/** The message that the path names. The documents say 404 where there is none, and 403 where it is between others. */
const messageAt = async (c: C): Promise<Message | Refusal> => {
  const id = idIn(c, 'message_id')
  if (typeof id !== 'number') return id
  const message = await storedMessage(c, id)
  if (!isRefusal(message) || message.code !== 'conversation.not_found') return message
  // That there is such a conversation is no secret, for its number is one of a row; what is in it is, so any message is 403.
  const exists = await conversationExists(openDirectory(c.env), conversationOfMessage(id))
  return refuse(exists ? 'message.not_owner' : 'message.not_found')
}

type ReadState = { userId: number; entry: InboxEntry; members: MemberList['items'] }

const withReadState = async (c: C, message: Message): Promise<object | Refusal> => {
  const { conversationId } = message
  const entry = await carryOut(c, { type: 'entry.get', conversationId }, InboxEntry)
  if (isRefusal(entry)) return entry
  const members = await carryOut(c, { type: 'members.get', conversationId }, MemberList)
  if (isRefusal(members)) return members
  return seenFrom({ userId: c.var.caller.userId, entry, members: members.items }, message)
}

const newestMessages = async (
  c: C,
  query: { by?: 'self' | 'others'; with?: number; skip: number; limit: number },
): Promise<object[] | Refusal> => {
  const { userId } = c.var.caller
  const newest = await hubOf(c.env, userId).newestMessages(query)
  if (isRefusal(newest)) return newest
  const { messages, conversations } = newest
  const byId = new Map(conversations.map((each) => [each.entry.conversation.id, { ...each, userId }]))
  return messages.flatMap((message) => {
    const state = byId.get(message.conversationId)
    return state ? [seenFrom(state, message)] : []
  })
}

/** Read is what the mark of its receiver has passed. */
const seenFrom = ({ userId, entry, members }: ReadState, message: Message): object => {
  const receiverId = receiverOf(message, { userId, entry: () => entry })
  const mark = receiverId === userId ? entry.readSeq : members.find((member) => member.userId === receiverId)?.readSeq
  return shapeOf({ message, receiverId, isRead: message.seq <= (mark ?? 0) })
}

const shapeOf = ({ message, receiverId, isRead }: { message: Message; receiverId: number; isRead: boolean }) => ({
  id: message.id,
  content: wordsOf(message),
  timestamp: naiveMicros(message.createdAt),
  created_at: zuluSeconds(message.createdAt),
  sender_id: message.senderId,
  receiver_id: receiverId,
  is_read: isRead,
})
