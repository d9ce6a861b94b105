import { sql } from 'drizzle-orm'
import { index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import type { ConversationKind, Role } from '../protocol/conversation.ts'
import type { Attachment, Content, Reaction } from '../protocol/message.ts'

/** What a restoration has still to do: to begin a new log, and to tell `former` members that they are out. */
export type Renewal = { isDue: boolean; former: number[] }

/** One row: the conversation itself. `rev` is that of its last own change. */
export const conversations = sqliteTable('conversation', {
  id: integer().primaryKey(),
  kind: text().$type<ConversationKind>().notNull(),
  title: text(),
  createdBy: integer('created_by').notNull(),
  createdAt: integer('created_at').notNull(),
  epoch: text().notNull(),
  readReceipts: integer('read_receipts', { mode: 'boolean' }).notNull(),
  deletedAt: integer('deleted_at'),
  rev: integer().notNull(),
  /** Null where nothing is left to do. */
  renewal: text({ mode: 'json' }).$type<Renewal>(),
})

/** Everybody who is or was in it: a row stays after its member left, so that `rev` never goes back. */
export const members = sqliteTable('members', {
  userId: integer('user_id').primaryKey(),
  role: text().$type<Role>().notNull(),
  joinedAt: integer('joined_at').notNull(),
  leftAt: integer('left_at'),
  readSeq: integer('read_seq').notNull(),
  rev: integer().notNull(),
  /** The member's hub has no socket: do not call it until it wakes. */
  asleep: integer({ mode: 'boolean' }).notNull(),
  /** Which sleep the hub last woke from, so that a late "asleep" cannot undo a wake. */
  nap: integer().notNull(),
  /** The member's hub knows that the member joined, or left. */
  told: integer({ mode: 'boolean' }).notNull(),
  /** In a direct conversation: this member has blocked the other. A copy of what the directory says. */
  blocks: integer({ mode: 'boolean' }).notNull().default(false),
})

/** The part of a message that its author wrote. */
export type MessageBody = {
  content: Content
  replyTo?: number
  attachments?: Attachment[]
  mentions?: number[]
}

/**
 * `rev` is the revision that made the message. It grows with `seq`, so the primary key finds it and it needs no index:
 * every index on this table would be another row written, and paid, per message. `changedRev` is that of the last change.
 */
export const messages = sqliteTable(
  'messages',
  {
    seq: integer().primaryKey(),
    rev: integer().notNull(),
    changedRev: integer('changed_rev'),
    senderId: integer('sender_id').notNull(),
    clientId: text('client_id').notNull(),
    createdAt: integer('created_at').notNull(),
    editedAt: integer('edited_at'),
    deletedAt: integer('deleted_at'),
    pinnedAt: integer('pinned_at'),
    body: text({ mode: 'json' }).$type<MessageBody>(),
    reactions: text({ mode: 'json' }).$type<Reaction[]>(),
  },
  (table) => [
    uniqueIndex('messages_by_client_id').on(table.senderId, table.clientId),
    index('messages_by_change')
      .on(table.changedRev)
      .where(sql`changed_rev IS NOT NULL`),
  ],
)

export type ConversationRow = typeof conversations.$inferSelect
export type MemberRow = typeof members.$inferSelect
export type MessageRow = typeof messages.$inferSelect
