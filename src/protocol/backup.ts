import * as z from 'zod'
import { ConversationId } from './ids.ts'
import { numberParam, pageOf } from './page.ts'

/** A row as it is stored: the values of the columns, by their names. */
export const BackupRow = z.record(z.string(), z.union([z.string(), z.int(), z.null()]))
export type BackupRow = z.infer<typeof BackupRow>

/** A part of a backup, in its order. */
export const BackupPage = pageOf(z.object({ table: z.string(), row: BackupRow }))
export type BackupPage = z.infer<typeof BackupPage>

/** A backup goes on behind the row with this number. */
export const BackupQuery = z.object({ cursor: numberParam(z.int()).default(0) })

/** The directory as it was at one moment, until it is deleted or somebody takes another. */
export const Snapshot = z.object({ id: z.uuid() })
export type Snapshot = z.infer<typeof Snapshot>

/** The conversations that there are to back up, by their numbers. */
export const BackedUpConversations = pageOf(ConversationId)
export type BackedUpConversations = z.infer<typeof BackedUpConversations>

const ROWS_AT_ONCE = 1_000

const rowsOf = <Table extends string>(tables: readonly Table[]) =>
  z.strictObject({ table: z.enum(tables), rows: z.array(BackupRow).min(1).max(ROWS_AT_ONCE) })

/** The tables of a backup that are of nobody's conversation, each behind those that it refers to. */
export const DIRECTORY_TABLES = [
  'sqlite_sequence',
  'users',
  'sessions',
  'refresh_tokens',
  'conversations',
  'friendships',
  'friend_requests',
  'blocks',
  'invitations',
  'events',
  'rsvps',
] as const
export type DirectoryTable = (typeof DIRECTORY_TABLES)[number]

/** The tables of one conversation. With its own row, the last, the conversation is there. */
export const CONVERSATION_TABLES = ['messages', 'members', 'conversation'] as const
export type ConversationTable = (typeof CONVERSATION_TABLES)[number]

/** `POST /v1/backup/rows`: rows of one table, in their order, behind all that are there. */
export const LoadDirectoryRows = rowsOf(DIRECTORY_TABLES)
export type LoadDirectoryRows = z.infer<typeof LoadDirectoryRows>

/** `POST /v1/backup/conversations/{id}/rows` */
export const LoadConversationRows = rowsOf(CONVERSATION_TABLES)
export type LoadConversationRows = z.infer<typeof LoadConversationRows>

/** How many rows were written: none where all of them were there already. */
export const Loaded = z.object({ added: z.int() })
export type Loaded = z.infer<typeof Loaded>
