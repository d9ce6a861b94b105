import * as z from 'zod'
import { ClientId, ConversationId, MessageId, Rev, Seq, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { numberParam, PageLimit } from './page.ts'
import { Base64, nameLine, SafeText, Timestamp } from './text.ts'

export const TextContent = z.strictObject({
  kind: z.literal('text'),
  text: SafeText.min(1).max(LIMITS.textLength),
})

/** Encrypted by the clients; the server stores and forwards it unopened, byte for byte. */
export const SealedContent = z.strictObject({
  kind: z.literal('sealed'),
  nonce: Base64(1_024),
  ciphertext: Base64(LIMITS.sealedLength).min(1),
  authTag: Base64(1_024),
  associatedData: Base64(16_384),
})

export const Content = z.discriminatedUnion('kind', [TextContent, SealedContent])
export type Content = z.infer<typeof Content>

/** A file sent along, which clients keep and find by `fileId`: the server stores no files, and does not look at what this names. */
export const Attachment = z.strictObject({ fileId: SafeText.min(1).max(64), name: nameLine(255) })
export type Attachment = z.infer<typeof Attachment>

export const Reaction = z.object({ emoji: z.string(), userIds: z.array(UserId) })
export type Reaction = z.infer<typeof Reaction>

/** A message in its present state. `rev` is the revision of its last change; deleted ones keep their place with `content: null`. */
export const Message = z.object({
  id: MessageId,
  conversationId: ConversationId,
  seq: Seq,
  rev: Rev,
  senderId: UserId,
  clientId: z.string(),
  createdAt: Timestamp,
  editedAt: Timestamp.nullable(),
  deletedAt: Timestamp.nullable(),
  content: Content.nullable(),
  replyTo: MessageId.nullable(),
  attachments: z.array(Attachment),
  mentions: z.array(UserId),
  reactions: z.array(Reaction),
  pinnedAt: Timestamp.nullable(),
})
export type Message = z.infer<typeof Message>

/** A message as one line of the inbox: text is cut, sealed bytes are left to the conversation, and so are attachments and reactions. */
export const MessagePreview = Message.pick({
  id: true,
  seq: true,
  senderId: true,
  createdAt: true,
  editedAt: true,
  deletedAt: true,
}).extend({
  /** Null where the message was deleted. */
  content: z
    .discriminatedUnion('kind', [
      z.object({ kind: z.literal('text'), text: z.string().max(LIMITS.previewLength) }),
      z.object({ kind: z.literal('sealed') }),
    ])
    .nullable(),
})
export type MessagePreview = z.infer<typeof MessagePreview>

/** `POST /v1/conversations/{id}/messages`, and what `message.send` carries beside the conversation. */
export const NewMessage = z.strictObject({
  clientId: ClientId,
  content: Content,
  replyTo: MessageId.optional(),
  attachments: z.array(Attachment).max(LIMITS.attachmentsPerMessage).optional(),
  mentions: z.array(UserId).max(LIMITS.mentionsPerMessage).optional(),
})
export type NewMessage = z.infer<typeof NewMessage>

/** `PATCH /v1/messages/{id}` */
export const EditMessage = z.strictObject({ content: Content })

/** `GET /v1/conversations/{id}/messages`, newest first; `before` and `after` are exclusive and count in `seq`. */
export const HistoryQuery = z.object({
  before: numberParam(Seq).optional(),
  after: numberParam(Seq).optional(),
  limit: PageLimit,
})
export type HistoryQuery = z.infer<typeof HistoryQuery>

/** A page of history as it stood at revision `rev` of log `epoch`. `nextCursor` goes into `before` (or `after`, if that was asked). */
export const HistoryPage = z.object({
  items: z.array(Message),
  nextCursor: z.string().nullable(),
  epoch: z.string(),
  rev: Rev,
})
export type HistoryPage = z.infer<typeof HistoryPage>
