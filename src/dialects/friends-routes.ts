import * as z from 'zod'
import { openDirectory } from '../directory/directory.ts'
import { openDirect } from '../directory/conversations.ts'
import { acceptFriendRequest, askToBeFriends, requestBetween } from '../directory/friends.ts'
import { accountByLogin } from '../directory/users.ts'
import { hubOf } from '../objects/stubs.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { ConversationId } from '../protocol/ids.ts'
import { LIMITS } from '../protocol/limits.ts'
import { type Message, TextContent } from '../protocol/message.ts'
import { Username } from '../protocol/user.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { type C, checked, detail, fieldsIn, WholeNumber } from './fastapi.ts'
import { carryOut, change, storedMessage } from './orders.ts'
import { naiveMicros, newPostedId, wordsOf } from './words.ts'

/**
 * The REST routes of document 002. It names them and not what they take: the fields may come as JSON, as a form or in the query, and
 * a person under the names that the document's frames use, by id or by username.
 */

type Fields = Record<string, unknown>

/** What stands where a message is nothing but media. */
const MEDIA_WORDS = '\u{1F4CE}'

const Medium = WholeNumber.pipe(z.int().min(0))
/** A form with one of them has no list. */
const Media = z.union([z.array(Medium).max(LIMITS.attachmentsPerMessage), Medium.transform((id) => [id])])
const NewMessageFields = z.object({
  content: z.union([TextContent.shape.text, z.literal('')]).nullish(),
  media_ids: Media.nullish(),
})
const NewMessage = NewMessageFields.transform(({ content, media_ids }) => {
  const media = media_ids ?? []
  return { text: content || (media.length > 0 ? MEDIA_WORDS : ''), media }
}).refine(({ text }) => text !== '', { path: ['content'], message: 'Field required' })

const PERSON = ['receiver_id', 'other_user_id', 'friend_id', 'user_id']
const NAME = ['username', 'receiver_username', 'friend_username']
const ASKER = ['sender_id', ...PERSON]
const ASKER_NAME = ['sender_username', ...NAME]
const REQUEST = ['request_id', 'friend_request_id']

/** Any one of these fields will do. */
const anyOf = (ids: string[], names: string[] = []): z.ZodObject<Record<string, z.ZodOptional<z.ZodType>>> =>
  z.object({
    ...Object.fromEntries(ids.map((name) => [name, WholeNumber.optional()])),
    ...Object.fromEntries(names.map((name) => [name, z.string().optional()])),
  })

/** What these routes take, in a body or in the query, for those who read the contract. */
export const TAKES = {
  message: anyOf(['conversation_id', ...PERSON], NAME).extend(NewMessageFields.shape),
  messageId: z.object({ message_id: WholeNumber }),
  conversation: z.object({ conversation_id: WholeNumber }),
  person: anyOf(PERSON, NAME),
  request: anyOf([...REQUEST, ...ASKER], ASKER_NAME),
}

export const sendMessage = async (c: C): Promise<Response> => {
  const fields = await fieldsOf(c)
  if (isRefusal(fields)) return detail(c, fields)
  const message = checked(NewMessage, fields, 'body')
  if (isRefusal(message)) return detail(c, message)
  const conversationId = await conversationFor(c, fields)
  if (typeof conversationId !== 'number') return detail(c, conversationId)
  const sent = await change(c, {
    type: 'message.send',
    conversationId,
    clientId: newPostedId(),
    content: { kind: 'text', text: message.text },
    attachments: message.media.map((id) => ({ fileId: String(id), name: `media ${id}` })),
  })
  return isRefusal(sent) ? detail(c, sent) : c.json(shapeOf(sent))
}

export const deleteMessage = async (c: C): Promise<Response> => {
  const fields = await fieldsOf(c)
  if (isRefusal(fields)) return detail(c, fields)
  const messageId = numberIn(fields, ['message_id'])
  if (typeof messageId !== 'number') return detail(c, messageId)
  const message = await storedMessage(c, messageId)
  if (isRefusal(message)) return detail(c, message)
  const deleted = await change(c, { type: 'message.delete', messageId })
  return isRefusal(deleted) ? detail(c, deleted) : c.json({ message: 'Message deleted', message_id: messageId })
}

export const createConversation = async (c: C): Promise<Response> => {
  const fields = await fieldsOf(c)
  if (isRefusal(fields)) return detail(c, fields)
  const otherId = await personIn(c, fields)
  if (typeof otherId !== 'number') return detail(c, otherId)
  const opened = await openDirect(directoryContext(c), { userId: c.var.caller.userId, otherId })
  if (isRefusal(opened)) return detail(c, opened)
  return c.json({ conversation_id: opened.entry.conversation.id, other_user_id: otherId })
}

export const deleteConversation = async (c: C): Promise<Response> => {
  const fields = await fieldsOf(c)
  if (isRefusal(fields)) return detail(c, fields)
  const conversationId = conversationIn(fields)
  if (typeof conversationId !== 'number') return detail(c, conversationId)
  const closed = await carryOut(c, { type: 'conversation.delete', conversationId }, z.object({}))
  if (isRefusal(closed)) return detail(c, closed)
  return c.json({ message: 'Conversation deleted', conversation_id: conversationId })
}

export const sendFriendRequest = async (c: C): Promise<Response> => {
  const fields = await fieldsOf(c)
  if (isRefusal(fields)) return detail(c, fields)
  const otherId = await personIn(c, fields)
  if (typeof otherId !== 'number') return detail(c, otherId)
  const asked = await askToBeFriends(directoryContext(c), { userId: c.var.caller.userId, otherId })
  if (isRefusal(asked)) return detail(c, asked)
  const { outcome } = asked
  return outcome.state === 'friends'
    ? c.json({ status: 'accepted', ...friendShape(outcome.friend.user) })
    : c.json({ status: 'pending', request_id: outcome.request.id, receiver_id: otherId })
}

export const acceptRequest = async (c: C): Promise<Response> => {
  const fields = await fieldsOf(c)
  if (isRefusal(fields)) return detail(c, fields)
  const requestId = await requestIn(c, fields)
  if (typeof requestId !== 'number') return detail(c, requestId)
  const friend = await acceptFriendRequest(directoryContext(c), { userId: c.var.caller.userId, requestId })
  return isRefusal(friend) ? detail(c, friend) : c.json({ status: 'accepted', ...friendShape(friend.user) })
}

/** A message as the document's frame of a message posted by REST has it. */
export const shapeOf = (message: Message) => ({
  conversation_id: message.conversationId,
  message_id: message.id,
  sender_id: message.senderId,
  content: message.attachments.length > 0 && wordsOf(message) === MEDIA_WORDS ? '' : wordsOf(message),
  created_at: naiveMicros(message.createdAt),
  // Files that were sent along elsewhere have no number here.
  media_ids: message.attachments.flatMap(({ fileId }) => (/^\d{1,15}$/.test(fileId) ? [Number(fileId)] : [])),
})

const friendShape = (friend: { id: number; username: string }) => ({
  friend_id: friend.id,
  friend_username: friend.username,
})

const fieldsOf = async (c: C): Promise<Fields | Refusal> => {
  const { byteLength } = await c.req.raw.clone().arrayBuffer()
  const body = byteLength === 0 ? {} : await fieldsIn(c, ['media_ids'])
  const media = c.req.queries('media_ids')
  return isRefusal(body) ? body : { ...c.req.query(), ...(media && { media_ids: media }), ...body }
}

/** A conversation that is named, or else the one with somebody. */
const conversationFor = async (c: C, fields: Fields): Promise<number | Refusal> => {
  if (first(fields, ['conversation_id']) !== undefined) return conversationIn(fields)
  const hub = hubOf(c.env, c.var.caller.userId)
  // To look for somebody by name costs something too, also where there is nobody of that name.
  const refusal = first(fields, PERSON) === undefined ? await hub.charge() : null
  if (refusal) return refusal
  const otherId = await personIn(c, fields)
  return typeof otherId === 'number' ? hub.conversationWith(otherId) : otherId
}

const conversationIn = (fields: Fields): number | Refusal => {
  const id = numberIn(fields, ['conversation_id'])
  return typeof id !== 'number' || ConversationId.safeParse(id).success ? id : refuse('conversation.not_found')
}

/** A request by its number, or the one that somebody made. */
const requestIn = async (c: C, fields: Fields): Promise<number | Refusal> => {
  if (first(fields, REQUEST) !== undefined) return numberIn(fields, REQUEST)
  const asker = await personIn(c, fields, ASKER, ASKER_NAME)
  if (typeof asker !== 'number') return asker
  const open = await requestBetween(openDirectory(c.env), { fromId: asker, toId: c.var.caller.userId })
  return isRefusal(open) ? open : open.id
}

const personIn = async (c: C, fields: Fields, ids = PERSON, names = NAME): Promise<number | Refusal> => {
  const name = first(fields, names)
  if (first(fields, ids) !== undefined || name === undefined) return numberIn(fields, ids)
  // An address is not for looking people up.
  const username = Username.safeParse(name)
  const account = username.success ? await accountByLogin(openDirectory(c.env), username.data) : undefined
  return account ? account.id : refuse('user.not_found')
}

const numberIn = (fields: Fields, names: string[]): number | Refusal => {
  const number = WholeNumber.safeParse(first(fields, names))
  if (number.success) return number.data
  return refuse('request.invalid', { issues: [{ path: `body.${names[0]}`, message: 'must be a whole number' }] })
}

/** The first of these fields that is there. */
const first = (fields: Fields, names: string[]): unknown =>
  names.map((name) => fields[name]).find((value) => value !== undefined && value !== null)
