import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import type { InboxEntry } from '../protocol/conversation.ts'

/**
 * The conversations of this user. `entry` is what the inbox showed when it was last written and is true only while `stale`
 * is false: the first event after that makes the row stale once, and those that follow write nothing. A stale one holds nothing that
 * anybody said, for no event would take it out.
 */
export const inbox = sqliteTable('inbox', {
  conversationId: integer('conversation_id').primaryKey(),
  entry: text({ mode: 'json' }).$type<InboxEntry>().notNull(),
  stale: integer({ mode: 'boolean' }).notNull(),
  /** The conversation was told that nobody is here, and does not call until it is woken. */
  asleep: integer({ mode: 'boolean' }).notNull(),
  nap: integer().notNull(),
  /** The revision that the sockets had been told when this was written; newer notes are in their attachments. Null while asleep. */
  heard: integer(),
})

/**
 * Conversations that this user was in and is no more: what was said there is erased with the account. `rev` is when that was, as far as it is
 * known, and `epoch` the log that counts it: by this a call that tells of the joining, and comes late, is told from a new joining.
 */
export const parted = sqliteTable('parted', {
  conversationId: integer('conversation_id').primaryKey(),
  epoch: text(),
  rev: integer(),
})

/** One-time tickets for sockets, by hash. */
export const tickets = sqliteTable('tickets', {
  hash: text().primaryKey(),
  sessionId: text('session_id').notNull(),
  expiresAt: integer('expires_at').notNull(),
})

/** Auth sessions that ended while a ticket of theirs might still be on its way. */
export const endedSessions = sqliteTable('ended_sessions', {
  sessionId: text('session_id').primaryKey(),
  endedAt: integer('ended_at').notNull(),
})

/** A copy of what the directory says of the people whom this user knows: friends, and those hidden by a block of either side. */
export const circle = sqliteTable('circle', {
  userId: integer('user_id').primaryKey(),
  relation: text('standing', { enum: ['friend', 'hidden'] }).notNull(),
})

export type CircleRelation = (typeof circle.$inferSelect)['relation']
export type InboxRow = typeof inbox.$inferSelect
