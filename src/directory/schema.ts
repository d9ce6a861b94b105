import { sql } from 'drizzle-orm'
import { index, integer, primaryKey, sqliteTable, text, unique, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** Times are milliseconds since 1970; the `…_key` columns hold what names and addresses are compared by. */
export const users = sqliteTable(
  'users',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    username: text().notNull(),
    usernameKey: text('username_key').notNull().unique(),
    email: text().notNull(),
    emailKey: text('email_key').notNull().unique(),
    displayName: text('display_name').notNull(),
    displayNameKey: text('display_name_key').notNull(),
    passwordHash: text('password_hash').notNull(),
    isAdmin: integer('is_admin', { mode: 'boolean' }).notNull(),
    createdAt: integer('created_at').notNull(),
    deletedAt: integer('deleted_at'),
  },
  (table) => [index('users_by_display_name').on(table.displayNameKey)],
)

export const sessions = sqliteTable(
  'sessions',
  {
    id: text().primaryKey(),
    userId: integer('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    device: text(),
    createdAt: integer('created_at').notNull(),
    lastUsedAt: integer('last_used_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    revokedAt: integer('revoked_at'),
  },
  (table) => [index('sessions_by_user').on(table.userId)],
)

/** A spent token stays for a while, so that its second use is recognized. */
export const refreshTokens = sqliteTable(
  'refresh_tokens',
  {
    hash: text().primaryKey(),
    sessionId: text('session_id')
      .notNull()
      .references(() => sessions.id, { onDelete: 'cascade' }),
    createdAt: integer('created_at').notNull(),
    spentAt: integer('spent_at'),
    /** A hash of what the client that spent it named its attempt. */
    attempt: text(),
  },
  (table) => [index('refresh_tokens_by_session').on(table.sessionId)],
)

export const loginAttempts = sqliteTable(
  'login_attempts',
  {
    key: text().primaryKey(),
    windowStart: integer('window_start').notNull(),
    count: integer().notNull(),
  },
  (table) => [index('login_attempts_by_window').on(table.windowStart)],
)

/** That a conversation exists. Everything else about it is in its own object. */
export const conversations = sqliteTable(
  'conversations',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    kind: text({ enum: ['direct', 'group'] }).notNull(),
    /** `3:7`: the two people of a direct conversation, the lower id first. */
    pair: text().unique(),
    createdBy: integer('created_by').notNull(),
    clientId: text('client_id'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    unique('conversations_by_client_id').on(table.createdBy, table.clientId),
    index('conversations_by_creator').on(table.createdBy, table.createdAt),
  ],
)

const user = (column: string) =>
  integer(column)
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' })

/** One row for the two of them, the lower id first. */
export const friendships = sqliteTable(
  'friendships',
  {
    lowId: user('low_id'),
    highId: user('high_id'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.lowId, table.highId] }), index('friendships_by_high').on(table.highId)],
)

/** Open requests only: an answered one is gone. */
export const friendRequests = sqliteTable(
  'friend_requests',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    fromId: user('from_id'),
    toId: user('to_id'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    unique('friend_requests_by_pair').on(table.fromId, table.toId),
    index('friend_requests_by_to').on(table.toId),
  ],
)

export const blocks = sqliteTable(
  'blocks',
  {
    blockerId: user('blocker_id'),
    blockedId: user('blocked_id'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.blockerId, table.blockedId] }),
    index('blocks_by_blocked').on(table.blockedId),
  ],
)

/** Without a conversation it is an invitation into a direct one, whose id comes in when it is accepted. */
export const invitations = sqliteTable(
  'invitations',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    fromId: user('from_id'),
    toId: user('to_id'),
    conversationId: integer('conversation_id'),
    message: text().notNull(),
    status: text({ enum: ['pending', 'accepted', 'declined'] }).notNull(),
    createdAt: integer('created_at').notNull(),
    answeredAt: integer('answered_at'),
  },
  (table) => [
    uniqueIndex('invitations_pending')
      .on(table.fromId, table.toId, table.conversationId)
      .where(sql`status = 'pending'`),
    // To an index no NULL is like another.
    uniqueIndex('invitations_pending_direct')
      .on(table.fromId, table.toId)
      .where(sql`status = 'pending' AND conversation_id IS NULL`),
    index('invitations_by_from').on(table.fromId, table.createdAt),
    index('invitations_by_to').on(table.toId),
  ],
)

export const events = sqliteTable(
  'events',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    title: text().notNull(),
    titleKey: text('title_key').notNull().unique(),
    description: text().notNull(),
    location: text().notNull(),
    startsAt: integer('starts_at').notNull(),
    organizerId: user('organizer_id'),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    index('events_by_start').on(table.startsAt),
    index('events_by_organizer').on(table.organizerId, table.createdAt),
  ],
)

export const rsvps = sqliteTable(
  'rsvps',
  {
    eventId: integer('event_id')
      .notNull()
      .references(() => events.id, { onDelete: 'cascade' }),
    userId: user('user_id'),
    answer: text({ enum: ['yes', 'no', 'maybe'] }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.eventId, table.userId] })],
)

/** One row: what was counted since the server was set up. */
export const metrics = sqliteTable('metrics', {
  id: integer().primaryKey(),
  totals: text({ mode: 'json' }).notNull(),
})

/** The directory as it was at one moment, each row as a line of JSON, while a backup reads it. */
export const snapshot = sqliteTable('snapshot', {
  position: integer().primaryKey(),
  taken: text().notNull(),
  table: text('table_name').notNull(),
  line: text().notNull(),
})
