import type { Conversation, Member } from '../protocol/conversation.ts'
import { messageIdOf } from '../protocol/ids.ts'
import type { Message } from '../protocol/message.ts'
import type { ConversationRow, MemberRow, MessageRow } from './conversation-schema.ts'
import { revOf } from './conversation-store.ts'

/** Rows as clients see them. */

export const isoOf = (time: number): string => new Date(time).toISOString()
const isoOrNull = (time: number | null): string | null => (time === null ? null : isoOf(time))

export const messageView = (conversationId: number, row: MessageRow): Message => ({
  id: messageIdOf(conversationId, row.seq),
  conversationId,
  seq: row.seq,
  rev: revOf(row),
  senderId: row.senderId,
  clientId: row.clientId,
  createdAt: isoOf(row.createdAt),
  editedAt: isoOrNull(row.editedAt),
  deletedAt: isoOrNull(row.deletedAt),
  content: row.body?.content ?? null,
  replyTo: row.body?.replyTo ?? null,
  attachments: row.body?.attachments ?? [],
  mentions: row.body?.mentions ?? [],
  reactions: row.reactions ?? [],
  pinnedAt: isoOrNull(row.pinnedAt),
})

/** `showRead` is false where the viewer is not told this member's read mark. */
export const memberView = (row: MemberRow, showRead: boolean): Member => ({
  userId: row.userId,
  role: row.role,
  joinedAt: isoOf(row.joinedAt),
  leftAt: isoOrNull(row.leftAt),
  readSeq: showRead ? row.readSeq : null,
})

export const conversationView = (row: ConversationRow): Conversation => ({
  id: row.id,
  kind: row.kind,
  title: row.title,
  createdBy: row.createdBy,
  createdAt: isoOf(row.createdAt),
  readReceipts: row.readReceipts,
})
