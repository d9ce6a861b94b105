import * as z from 'zod'
import { Changes, Conversation, InboxEntry, Member } from './conversation.ts'
import { type CommandType, FrameId } from './commands.ts'
import { FrameError } from './errors.ts'
import { CalendarEvent } from './calendar.ts'
import { Friend, FriendRequest } from './friend.ts'
import { ConversationId, MessageId, Rev, Seq, UserId } from './ids.ts'
import { Invitation } from './invitation.ts'
import { Message, Reaction } from './message.ts'
import { Presence } from './user.ts'

/** Changes of a conversation: each takes the next `rev`, so a hole in the numbers is a change that was missed. */
const revised = { conversationId: ConversationId, rev: Rev }

const MessageCreated = z.object({ type: z.literal('message.created'), ...revised, message: Message })
const MessageUpdated = z.object({ type: z.literal('message.updated'), ...revised, message: Message })
const MessageDeleted = z.object({ type: z.literal('message.deleted'), ...revised, message: Message })
const ReactionChanged = z.object({
  type: z.literal('reaction.changed'),
  ...revised,
  messageId: MessageId,
  reactions: z.array(Reaction),
  userId: UserId,
  emoji: z.string(),
  added: z.boolean(),
})
const ReadChanged = z.object({ type: z.literal('read.changed'), ...revised, userId: UserId, seq: Seq })
const MemberChanged = z.object({ type: z.literal('member.changed'), ...revised, member: Member })
const ConversationUpdated = z.object({
  type: z.literal('conversation.updated'),
  ...revised,
  conversation: Conversation,
})

/** An event that has a place in its conversation's log. */
export const ConversationEvent = z.discriminatedUnion('type', [
  MessageCreated,
  MessageUpdated,
  MessageDeleted,
  ReactionChanged,
  ReadChanged,
  MemberChanged,
  ConversationUpdated,
])
export type ConversationEvent = z.infer<typeof ConversationEvent>

/** The caller is now a member: here is all that an inbox shows of it. */
const ConversationCreated = z.object({
  type: z.literal('conversation.created'),
  conversationId: ConversationId,
  entry: InboxEntry,
})
/** The caller is no longer a member, or the conversation is gone. */
const ConversationDeleted = z.object({ type: z.literal('conversation.deleted'), conversationId: ConversationId })
/** Where a conversation stands now; a client that is behind `rev` pulls. Sent when the server cannot know what the client lacks. */
const ConversationHead = z.object({
  type: z.literal('conversation.head'),
  conversationId: ConversationId,
  entry: InboxEntry,
})
const TypingChanged = z.object({
  type: z.literal('typing.changed'),
  conversationId: ConversationId,
  userId: UserId,
  typing: z.boolean(),
})
const PresenceChanged = z.object({ type: z.literal('presence.changed'), ...Presence.shape })

/** Changes in the directory. They have no revision: after a reconnect a client reads the lists again. */
const FriendRequested = z.object({ type: z.literal('friend.requested'), request: FriendRequest })
const FriendRequestClosed = z.object({ type: z.literal('friend.request_closed'), requestId: z.int() })
const FriendAdded = z.object({
  type: z.literal('friend.added'),
  friend: Friend,
  requestId: z.int().nullable(),
  /** Who said yes: the other one had asked. */
  acceptedBy: UserId,
})
const FriendRemoved = z.object({ type: z.literal('friend.removed'), userId: UserId })
const InvitationCreated = z.object({ type: z.literal('invitation.created'), invitation: Invitation })
const InvitationAnswered = z.object({ type: z.literal('invitation.answered'), invitation: Invitation })
const EventChanged = z.object({ type: z.literal('event.changed'), event: CalendarEvent })
const EventDeleted = z.object({ type: z.literal('event.deleted'), eventId: z.int() })

/** An event about people and plans, which the directory keeps. */
export const DirectoryEvent = z.discriminatedUnion('type', [
  FriendRequested,
  FriendRequestClosed,
  FriendAdded,
  FriendRemoved,
  InvitationCreated,
  InvitationAnswered,
  EventChanged,
  EventDeleted,
])
export type DirectoryEvent = z.infer<typeof DirectoryEvent>

const SessionRevoked = z.object({ type: z.literal('session.revoked') })

/** The first frame on every socket. `conversations` holds those that differ from what the client said it has. */
const Hello = z.object({
  type: z.literal('hello'),
  protocol: z.string(),
  userId: UserId,
  sessionId: z.string(),
  serverTime: z.string(),
  conversations: z.array(InboxEntry),
  /** Where to read on at `GET /v1/conversations`, if not all of them fit into a frame. */
  nextCursor: z.string().nullable(),
  /** Ids of conversations that the client named and that the user is no longer a member of. */
  gone: z.array(ConversationId),
  /**
   * Who, of friends and of those that share a conversation with the user, is known to be online. Who else is comes as `presence.changed`
   * in a moment.
   */
  online: z.array(UserId),
})
export type Hello = z.infer<typeof Hello>

const ReplyOk = z.object({ type: z.literal('reply'), id: FrameId, ok: z.literal(true), result: z.unknown() })
/** `id` is null where the frame was so broken that it had none. */
const ReplyRefused = z.object({
  type: z.literal('reply'),
  id: FrameId.nullable(),
  ok: z.literal(false),
  error: FrameError,
})
export const Reply = z.discriminatedUnion('ok', [ReplyOk, ReplyRefused])
export type Reply = z.infer<typeof Reply>

export const ServerEvent = z.discriminatedUnion('type', [
  ...ConversationEvent.options,
  ConversationCreated,
  ConversationDeleted,
  ConversationHead,
  TypingChanged,
  PresenceChanged,
  ...DirectoryEvent.options,
  SessionRevoked,
  Hello,
])
export type ServerEvent = z.infer<typeof ServerEvent>
export type EventType = ServerEvent['type']
export type EventOf<Type extends EventType> = Extract<ServerEvent, { type: Type }>

/** What is told at one moment comes as one frame: the events in their order. */
export const Together = z.array(ServerEvent).min(2)

export const ServerFrame = z.union([ServerEvent, Reply])
export type ServerFrame = z.infer<typeof ServerFrame>

/** What `message.send`, `.edit`, `.delete` and the reaction and pin commands answer. */
export const MessageReply = z.object({ message: Message, repeated: z.boolean() })
export type MessageReply = z.infer<typeof MessageReply>

/** What `read.mark` answers: where the mark stands now. */
export const ReadReply = z.object({ seq: Seq, unread: z.int() })
export type ReadReply = z.infer<typeof ReadReply>

export const PresenceReply = z.object({ items: z.array(Presence) })
export type PresenceReply = z.infer<typeof PresenceReply>

const Nothing = z.object({})

/** What each command is answered. */
export const REPLIES = {
  'message.send': MessageReply,
  'message.edit': MessageReply,
  'message.delete': MessageReply,
  'reaction.add': MessageReply,
  'reaction.remove': MessageReply,
  'pin.add': MessageReply,
  'pin.remove': MessageReply,
  'read.mark': ReadReply,
  'typing.start': Nothing,
  'typing.stop': Nothing,
  'changes.get': Changes,
  'presence.get': PresenceReply,
} satisfies Record<CommandType, z.ZodType>
export type ReplyTo<Type extends CommandType> = z.infer<(typeof REPLIES)[Type]>
