import { index, integer, sqliteTable, text, unique } from 'drizzle-orm/sqlite-core'

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
  (table) => [unique('conversations_by_client_id').on(table.createdBy, table.clientId)],
)
