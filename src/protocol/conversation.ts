import * as z from 'zod'
import { ClientId, ConversationId, Rev, Seq, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { Message, MessagePreview } from './message.ts'
import { numberParam, pageOf } from './page.ts'
import { nameLine, Timestamp } from './text.ts'

export const Role = z.enum(['owner', 'admin', 'member'])
export type Role = z.infer<typeof Role>

export const ConversationKind = z.enum(['direct', 'group'])
export type ConversationKind = z.infer<typeof ConversationKind>

/** What the members share beside the messages. */
export const Conversation = z.object({
  id: ConversationId,
  kind: ConversationKind,
  /** Null for a direct conversation: each side shows the other's name. */
  title: z.string().nullable(),
  createdBy: UserId,
  createdAt: Timestamp,
  /** False once the group has ever had more than 100 members: then a read mark is told to its owner's devices only. */
  readReceipts: z.boolean(),
})
export type Conversation = z.infer<typeof Conversation>

/** `leftAt` is set for somebody who left or was removed. `readSeq` is null where it is not shared with the viewer. */
export const Member = z.object({
  userId: UserId,
  role: Role,
  joinedAt: Timestamp,
  leftAt: Timestamp.nullable(),
  readSeq: Seq.nullable(),
})
export type Member = z.infer<typeof Member>

/** One line of the inbox: where a conversation stands, seen by one member. */
export const InboxEntry = z.object({
  conversation: Conversation,
  epoch: z.string(),
  /** The head revision: what a client that has everything has applied. */
  rev: Rev,
  /** The highest `seq`. */
  seq: Seq,
  role: Role,
  readSeq: Seq,
  /** Messages of others above `readSeq` that are not deleted; stays at 1,000 above 1,000. */
  unread: z.int().min(0).max(LIMITS.unreadCount),
  lastMessage: MessagePreview.nullable(),
  memberCount: z.int(),
  /** The members, while there are at most 100; else empty. */
  memberIds: z.array(UserId),
})
export type InboxEntry = z.infer<typeof InboxEntry>

export const InboxPage = pageOf(InboxEntry)
export type InboxPage = z.infer<typeof InboxPage>

/**
 * `GET /v1/conversations`, the last active first. `cursor` is a place in that order, as `nextCursor` or `hello` named it: what becomes
 * active while one pages moves to the front.
 */
export const InboxQuery = z.object({
  cursor: z
    .string()
    .regex(/^\d{1,15}-\d{1,15}$/, 'must be as it was given')
    .optional(),
  limit: numberParam(z.int().min(1).max(LIMITS.pageSize)).default(LIMITS.pageSize),
})
export type InboxQuery = z.infer<typeof InboxQuery>

const Title = nameLine(100)

/** `POST /v1/conversations`. A direct one is found if it exists; a group with a `clientId` is made once. */
export const NewConversation = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('direct'), userId: UserId }),
  z.strictObject({
    kind: z.literal('group'),
    title: Title,
    memberIds: z.array(UserId).max(LIMITS.idsPerRequest).default([]),
    clientId: ClientId.optional(),
  }),
])
export type NewConversation = z.input<typeof NewConversation>

/** `PATCH /v1/conversations/{id}` */
export const UpdateConversation = z.strictObject({ title: Title })

/** `POST /v1/conversations/{id}/members` */
export const AddMembers = z.strictObject({ userIds: z.array(UserId).min(1).max(LIMITS.idsPerRequest) })

/** `PATCH /v1/conversations/{id}/members/{userId}`. Making another the owner makes the owner an admin. */
export const UpdateMember = z.strictObject({ role: Role })

export const MemberList = z.object({ items: z.array(Member), nextCursor: z.null(), epoch: z.string(), rev: Rev })
export type MemberList = z.infer<typeof MemberList>

/** `PUT /v1/conversations/{id}/read`. Forward only; a mark above the last message is brought down to it. */
export const MarkRead = z.strictObject({ seq: Seq })

/** `GET /v1/conversations/{id}/changes` */
export const ChangesQuery = z.object({
  since: numberParam(Rev).default(0),
  limit: numberParam(z.int().min(1).max(LIMITS.pageSize)).default(LIMITS.pageSize),
})

/**
 * The present state of what changed above `since` up to `rev`. While `more` is true, ask again with `since: rev`.
 * If `epoch` is not the one that the client knows, its copy is of another log: drop it and read anew.
 */
export const Changes = z.object({
  conversationId: ConversationId,
  epoch: z.string(),
  since: Rev,
  rev: Rev,
  more: z.boolean(),
  conversation: Conversation.nullable(),
  members: z.array(Member),
  messages: z.array(Message),
})
export type Changes = z.infer<typeof Changes>
