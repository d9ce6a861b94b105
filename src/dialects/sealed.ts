import { Hono } from 'hono'
import * as z from 'zod'
import { openDirectory } from '../directory/directory.ts'
import { usersByIds } from '../directory/users.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { ConversationId, messageIdOf } from '../protocol/ids.ts'
import { LIMITS } from '../protocol/limits.ts'
import { type Content, HistoryPage, type Message, SealedContent } from '../protocol/message.ts'
import type { Dialect, DialectEnv } from './dialect.ts'
import { bodyIn, type C, detail, fieldsIn, idIn, queryIn, signedIn, slashed, WholeNumber } from './fastapi.ts'
import { carryOut, change } from './orders.ts'
import { newPostedId } from './words.ts'

export const NewSealed = z.object({
  ...SealedContent.omit({ kind: true }).shape,
  conversationId: WholeNumber,
  associatedData: SealedContent.shape.associatedData.nullish().transform((value) => value ?? ''),
})
const MAX_LISTED = 500
const MAX_CHARACTERS = 8 * 1024 * 1024
export const SealedPage = z.object({
  limit: WholeNumber.pipe(z.int().min(1)).default(LIMITS.defaultPageSize),
  before: WholeNumber.optional(),
})

/** Document 001: messages that the clients encrypt, pushed at `/ws?token=`. */
export const sealed: Dialect = {
  name: 'sealed',
  socket: '/ws',
  close: { badToken: 1008, fault: 1011 },

  hears: null,

  encode: (event) => (event.type === 'message.created' ? [{ type: 'newMessage', ...shapeOf(event.message) }] : []),

  answer: () => [],

  routes: new Hono<DialectEnv>()
    .on('POST', slashed('/messages'), signedIn, async (c, next) => {
      const fields = await fieldsIn(c)
      return 'conversationId' in fields ? post(c) : next()
    })
    .on('GET', slashed('/conversations/:conv_id/messages'), signedIn, (c) => list(c)),
}

const post = async (c: C): Promise<Response> => {
  const message = await bodyIn(c, NewSealed)
  if (isRefusal(message)) return detail(c, message)
  const { conversationId, ...fields } = message
  const content = { kind: 'sealed' as const, ...fields }
  const known = ConversationId.safeParse(conversationId).success
  const sent = known
    ? await change(c, { type: 'message.send', conversationId, clientId: newPostedId(), content })
    : refuse('conversation.not_found')
  return isRefusal(sent) ? forbidden(c, sent) : c.json({ messageId: sent.id, timestamp: sent.createdAt }, 201)
}

/** The newest first, with the names of who sent them. */
const list = async (c: C): Promise<Response> => {
  const conversationId = idIn(c, 'conv_id')
  if (typeof conversationId !== 'number') return detail(c, conversationId)
  const page = queryIn(c, SealedPage)
  if (isRefusal(page)) return detail(c, page)
  const messages = await history(c, conversationId, page)
  if (isRefusal(messages)) return forbidden(c, messages)
  const senders = await usersByIds(openDirectory(c.env), [...new Set(messages.map((message) => message.senderId))])
  const names = new Map(senders.map((user) => [user.id, user.username]))
  return c.json(
    messages.map((message) => ({
      id: message.id,
      ...shapeOf(message),
      senderUsername: names.get(message.senderId) ?? '',
      sender: { id: message.senderId, username: names.get(message.senderId) ?? '' },
    })),
  )
}

/** Deleted messages are not there, and do not count. */
const history = async (
  c: C,
  conversationId: number,
  page: z.output<typeof SealedPage>,
): Promise<Message[] | Refusal> => {
  if (!ConversationId.safeParse(conversationId).success) return refuse('conversation.not_found')
  const limit = Math.min(page.limit, MAX_LISTED)
  const found: Message[] = []
  let before = page.before === undefined ? undefined : seqBelow(conversationId, page.before)
  for (let characters = 0; found.length < limit && characters < MAX_CHARACTERS;) {
    const asked = Math.min(limit - found.length, LIMITS.pageSize)
    const read = await carryOut(c, { type: 'history.get', conversationId, before, limit: asked }, HistoryPage)
    if (isRefusal(read)) return read
    found.push(...read.items.filter((message) => message.content !== null))
    if (read.nextCursor === null) break
    before = Number(read.nextCursor)
    characters += JSON.stringify(read.items).length
  }
  return found
}

/** What `id < before` means in this conversation. */
const seqBelow = (conversationId: number, before: number): number =>
  Math.max(0, before - messageIdOf(conversationId, 0))

/** Who takes no part is told no more than that, whether there is such a conversation or not. */
const forbidden = (c: C, refusal: Refusal): Response =>
  refusal.code === 'conversation.not_found'
    ? c.json({ detail: 'You take no part in this conversation.' }, 403)
    : detail(c, refusal)

const shapeOf = ({ id, conversationId, senderId, createdAt, content }: Message) => ({
  messageId: id,
  conversationId,
  senderId,
  timestamp: createdAt,
  ...(content && sealedFieldsOf(content)),
})

/**
 * A message as its four sealed fields. One that was written in the clear has no nonce and no tag, and its text, in base64, in the place
 * of the ciphertext: a client can tell it by that, and it is not lost.
 */
const sealedFieldsOf = (content: Content) => {
  if (content.kind === 'sealed') {
    const { nonce, ciphertext, authTag, associatedData } = content
    return { nonce, ciphertext, authTag, associatedData }
  }
  const bytes = new TextEncoder().encode(content.text)
  const ciphertext = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  return { nonce: '', ciphertext, authTag: '', associatedData: '' }
}
