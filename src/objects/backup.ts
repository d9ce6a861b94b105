import { isNotNull, sql } from 'drizzle-orm'
import { drizzle, type DrizzleSqliteDODatabase } from 'drizzle-orm/durable-sqlite'
import * as z from 'zod'
import { isConflict, RowSet } from '../directory/row-set.ts'
import {
  type BackupPage,
  type BackupRow,
  type ConversationTable,
  type Loaded,
  type LoadConversationRows,
} from '../protocol/backup.ts'
import { ConversationKind, Role } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { ConversationId, MessageId, Seq, UserId } from '../protocol/ids.ts'
import { Attachment, Content, Reaction } from '../protocol/message.ts'
import { fitting } from './call-size.ts'
import { conversations, members, messages, type Renewal } from './conversation-schema.ts'

const MESSAGES_IN_PAGE = 200

/** What the contract could not tell is not taken. */
const Body = z.strictObject({
  content: Content,
  replyTo: MessageId.optional(),
  attachments: z.array(Attachment).optional(),
  mentions: z.array(UserId).optional(),
})
const nothing = () => 0

/**
 * What a backup keeps of a conversation. What is not kept is of this life of it: which log it is, what is left to do of its
 * restoration, and what it knows of the hubs of its members and of who blocks whom.
 */
export const KEPT: Record<ConversationTable, RowSet> = {
  messages: new RowSet(messages, {
    holds: { seq: Seq.positive(), body: Body, reactions: z.array(z.strictObject(Reaction.shape)) },
  }),
  members: new RowSet(members, {
    holds: { role: Role, read_seq: Seq },
    afresh: { asleep: nothing, nap: nothing, told: nothing, blocks: nothing },
  }),
  conversation: new RowSet(conversations, {
    holds: { id: ConversationId, kind: ConversationKind },
    afresh: {
      epoch: () => crypto.randomUUID(),
      renewal: () => JSON.stringify({ isDue: true, former: [] } satisfies Renewal),
    },
  }),
}

/**
 * Messages behind the one of this number, and with the last of them everything else: so that what is read at one moment fits together,
 * and who wrote a message is among the members. Of a conversation that was deleted there are no messages, for they go.
 */
export const pageOf = (storage: DurableObjectStorage, cursor: number): BackupPage => {
  const linesOf = (table: ConversationTable, condition = sql`1`) =>
    drizzle(storage)
      .all<{ line: string }>(sql`SELECT ${KEPT[table].line} AS line ${KEPT[table].from(condition)}`)
      .map(({ line }) => ({ table, row: JSON.parse(line) as BackupRow, size: line.length }))
  const isKept = sql`NOT EXISTS (SELECT 1 FROM ${conversations} WHERE deleted_at IS NOT NULL)`
  const found = linesOf('messages', sql`${isKept} AND seq BETWEEN ${cursor + 1} AND ${cursor + MESSAGES_IN_PAGE + 1}`)
  const page = fitting(found.slice(0, MESSAGES_IN_PAGE), ({ size }) => size)
  const isLast = page.length === found.length
  const rest = isLast ? [...linesOf('members'), ...linesOf('conversation')] : []
  return {
    items: [...page, ...rest].map(({ table, row }) => ({ table, row })),
    nextCursor: isLast ? null : String(cursor + page.length),
  }
}

/** Takes rows of a backup: all of them, or none. Where the conversation is there already, it only looks whether they are. */
export const loadRows = (
  storage: DurableObjectStorage,
  input: LoadConversationRows & { conversationId: number; isThere: boolean },
): Loaded | Refusal => {
  const { table, conversationId, isThere } = input
  const set = KEPT[table]
  const rows = set.parse(input.rows)
  if (isRefusal(rows)) return rows
  const db = drizzle(storage)
  // Of a file that still has them: they were there, and are deleted by now.
  if (table === 'messages' && isThere && isDeleted(db)) return { added: 0 }
  if (table === 'conversation' && (rows.some(({ id }) => id !== conversationId) || !isDense(db)))
    return refuse('request.invalid', { issues: [{ path: 'rows', message: 'not what stands before it' }] })
  try {
    if (!isThere) db.run(set.insert(rows))
    const [wrote] = db.all<{ rows: number }>(sql`SELECT changes() AS rows`)
    if (!isThere && wrote?.rows === rows.length) return { added: rows.length }
  } catch (error) {
    if (!isConflict(error)) throw error
  }
  return set.areJust(rows, db.all(set.within(rows))) ? { added: 0 } : refuse('backup.occupied')
}

const isDeleted = (db: DrizzleSqliteDODatabase): boolean =>
  db.select().from(conversations).where(isNotNull(conversations.deletedAt)).all().length > 0

/** Whether the messages are numbered without a hole. */
const isDense = (db: DrizzleSqliteDODatabase): boolean => {
  const [found] = db.all<{ isDense: number }>(
    sql`SELECT count(*) = coalesce(max(seq), 0) AND coalesce(min(seq), 1) = 1 AS isDense FROM ${messages}`,
  )
  return found?.isDense === 1
}
