import * as z from 'zod'
import { ConversationId, MessageId, Rev, Seq, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { Emoji } from './emoji.ts'
import { Content, NewMessage } from './message.ts'

/** What a client may ask over the socket, and what REST asks of the same code. One schema per frame type. */

const MessageSend = z.strictObject({
  type: z.literal('message.send'),
  conversationId: ConversationId,
  ...NewMessage.shape,
})
const MessageEdit = z.strictObject({ type: z.literal('message.edit'), messageId: MessageId, content: Content })
const MessageDelete = z.strictObject({ type: z.literal('message.delete'), messageId: MessageId })
const ReactionAdd = z.strictObject({ type: z.literal('reaction.add'), messageId: MessageId, emoji: Emoji })
const ReactionRemove = z.strictObject({ type: z.literal('reaction.remove'), messageId: MessageId, emoji: Emoji })
const PinAdd = z.strictObject({ type: z.literal('pin.add'), messageId: MessageId })
const PinRemove = z.strictObject({ type: z.literal('pin.remove'), messageId: MessageId })
const ReadMark = z.strictObject({ type: z.literal('read.mark'), conversationId: ConversationId, seq: Seq })
const TypingStart = z.strictObject({ type: z.literal('typing.start'), conversationId: ConversationId })
const TypingStop = z.strictObject({ type: z.literal('typing.stop'), conversationId: ConversationId })
const ChangesGet = z.strictObject({
  type: z.literal('changes.get'),
  conversationId: ConversationId,
  since: Rev,
  limit: z.int().min(1).max(LIMITS.pageSize).default(LIMITS.pageSize),
})
const PresenceGet = z.strictObject({
  type: z.literal('presence.get'),
  userIds: z.array(UserId).max(LIMITS.idsPerRequest),
})

/** Commands to one conversation, changes and reads, which its object performs in the order in which one sender sent them. */
export const ConversationCommand = z.discriminatedUnion('type', [
  MessageSend,
  MessageEdit,
  MessageDelete,
  ReactionAdd,
  ReactionRemove,
  PinAdd,
  PinRemove,
  ReadMark,
  TypingStart,
  TypingStop,
  ChangesGet,
])
export type ConversationCommand = z.infer<typeof ConversationCommand>

export const Command = z.discriminatedUnion('type', [...ConversationCommand.options, PresenceGet])
export type Command = z.infer<typeof Command>
export type CommandType = Command['type']
export type CommandOf<Type extends CommandType> = Extract<Command, { type: Type }>

/** Every frame from a client is a command with an `id` of the client's choosing, which the reply repeats. */
export const FrameId = z.union([z.int(), z.string().max(64)])
export type FrameId = z.infer<typeof FrameId>

export const COMMAND_TYPES = Command.options.map((option) => option.shape.type.value)
