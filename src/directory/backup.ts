import { and, asc, eq, gt, sql } from 'drizzle-orm'
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'
import {
  type BackedUpConversations,
  type BackupPage,
  DIRECTORY_TABLES,
  type DirectoryTable,
  type Loaded,
  type LoadDirectoryRows,
  type Snapshot,
} from '../protocol/backup.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { ConversationId } from '../protocol/ids.ts'
import type { Directory } from './directory.ts'
import { isConflict, RowSet } from './row-set.ts'
import {
  blocks,
  conversations,
  events,
  friendRequests,
  friendships,
  invitations,
  refreshTokens,
  rsvps,
  sessions,
  snapshot,
  users,
} from './schema.ts'

const ROWS_IN_PAGE = 500
const IDS_IN_PAGE = 1_000

/** Which numbers were given out, so that none is given twice. SQLite makes a row with the first row of a table. */
const NUMBERED = ['conversations', 'events', 'friend_requests', 'invitations', 'users'] as const
const sequence = sqliteTable('sqlite_sequence', {
  name: text({ enum: NUMBERED }).primaryKey(),
  seq: integer().notNull(),
})
const ofOurs = sql`name IN (SELECT value FROM json_each(${JSON.stringify(NUMBERED)}))`

/** What a backup keeps of the directory. What it leaves out is in docs/operations.md, and a test wants every table in one of the two. */
export const KEPT: Record<DirectoryTable, RowSet> = {
  sqlite_sequence: new RowSet(sequence, { only: ofOurs }),
  users: new RowSet(users),
  sessions: new RowSet(sessions),
  refresh_tokens: new RowSet(refreshTokens),
  conversations: new RowSet(conversations, { holds: { id: ConversationId } }),
  friendships: new RowSet(friendships),
  friend_requests: new RowSet(friendRequests),
  blocks: new RowSet(blocks),
  invitations: new RowSet(invitations, { holds: { conversation_id: ConversationId } }),
  events: new RowSet(events),
  rsvps: new RowSet(rsvps),
}

/** Copies the directory as it is at this moment, in place of an earlier copy: to be read page by page while the directory goes on. */
export const takeSnapshot = async (db: Directory): Promise<Snapshot> => {
  const id = crypto.randomUUID()
  const copies = DIRECTORY_TABLES.map((table) =>
    db.insert(snapshot).select(sql`SELECT NULL, ${id}, ${table}, ${KEPT[table].line} ${KEPT[table].from()}`),
  )
  await db.batch([db.delete(snapshot), ...copies])
  return { id }
}

/** A part of the copy, behind the row with this number. */
export const readSnapshot = async (
  db: Directory,
  { id, cursor }: { id: string; cursor: number },
): Promise<BackupPage | Refusal> => {
  const rows = await db
    .select()
    .from(snapshot)
    .where(and(eq(snapshot.taken, id), gt(snapshot.position, cursor)))
    .orderBy(asc(snapshot.position))
    .limit(ROWS_IN_PAGE + 1)
  const page = rows.slice(0, ROWS_IN_PAGE)
  const last = page.at(-1)
  // Even of an empty directory nobody asks behind the last row.
  if (!last) return refuse('snapshot.not_found')
  return {
    items: page.map(({ table, line }) => ({ table, row: JSON.parse(line) })),
    nextCursor: rows.length > page.length ? String(last.position) : null,
  }
}

/** Deletes the copy. */
export const dropSnapshot = async (db: Directory, id: string): Promise<void> => {
  await db.delete(snapshot).where(eq(snapshot.taken, id))
}

/** The conversations behind this one. */
export const conversationsAfter = async (db: Directory, cursor: number): Promise<BackedUpConversations> => {
  const found = await db
    .select({ id: conversations.id })
    .from(conversations)
    .where(gt(conversations.id, cursor))
    .orderBy(asc(conversations.id))
    .limit(IDS_IN_PAGE)
  const items = found.map(({ id }) => id)
  return { items, nextCursor: items.length < IDS_IN_PAGE ? null : String(items.at(-1)) }
}

/** Takes rows of a backup: all of them, or none. */
export const loadDirectory = async (
  db: Directory,
  { table, rows: input }: LoadDirectoryRows,
): Promise<Loaded | Refusal> => {
  const set = KEPT[table]
  const rows = set.parse(input)
  if (isRefusal(rows)) return rows
  try {
    const { meta } = await db.run(set.insert(rows))
    if (meta.changes > 0) return { added: rows.length }
  } catch (error) {
    if (!isConflict(error)) throw error
  }
  return set.areJust(rows, await db.all(set.within(rows))) ? { added: 0 } : refuse('backup.occupied')
}
