import * as z from 'zod'

/** 2^26 messages fit in one conversation, and 2^27 conversations stay below 2^53. */
const SEQ_SPAN = 2 ** 26
/** The highest number that a message can have in its conversation. */
export const MAX_SEQ = SEQ_SPAN - 1
const MAX_CONVERSATION_ID = 2 ** 27 - 1

export const UserId = z.int().positive()
export type UserId = z.infer<typeof UserId>

export const ConversationId = z.int().positive().max(MAX_CONVERSATION_ID)
export type ConversationId = z.infer<typeof ConversationId>

/** The place of a message in its conversation: 1, 2, 3 … with no holes. */
export const Seq = z.int().min(0).max(MAX_SEQ)

/** The number of a change in its conversation. A client that has applied revision n lacks exactly the changes above n. */
export const Rev = z.int().min(0)

/** `conversationId * 2^26 + seq`: any message id names its conversation with no look-up. */
export const MessageId = z
  .int()
  .min(SEQ_SPAN + 1)
  .refine((id) => id % SEQ_SPAN !== 0, 'is not a message id')
export type MessageId = z.infer<typeof MessageId>

/** Chosen by the sender, unique per sender: sending it again returns the first message. */
export const ClientId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -')

export const messageIdOf = (conversationId: ConversationId, seq: number): MessageId => conversationId * SEQ_SPAN + seq

export const conversationOfMessage = (id: MessageId): ConversationId => Math.floor(id / SEQ_SPAN)

export const seqOfMessage = (id: MessageId): number => id % SEQ_SPAN
