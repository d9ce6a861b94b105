import { and, desc, eq, gt, gte, isNull, lt, type SQL, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/durable-sqlite'
import { LIMITS } from '../protocol/limits.ts'
import type { HistoryQuery, Reaction } from '../protocol/message.ts'
import { fitting } from './call-size.ts'
import { readFitting, type Sized } from './read-fitting.ts'
import {
  type ConversationRow,
  conversations,
  type MemberRow,
  members,
  type MessageBody,
  type MessageRow,
  messages,
} from './conversation-schema.ts'

export type NewMessageRow = {
  seq: number
  rev: number
  senderId: number
  clientId: string
  createdAt: number
  body: MessageBody
}

export type MessageChange = {
  changedRev?: number
  clientId?: string
  body?: MessageBody | null
  reactions?: Reaction[] | null
  editedAt?: number
  deletedAt?: number
  pinnedAt?: number | null
}

/** A revision at which a message was made, or changed last. */
export type MessageRevision = { rev: number; row: MessageRow }

/** The rows of one conversation. Every call is synchronous, so what happens between two awaits is one atomic write. */
export class ConversationStore {
  readonly #db
  readonly #insert
  readonly #byClientId

  constructor(storage: DurableObjectStorage) {
    this.#db = drizzle(storage)
    // The hot path: prepared once per wake, not built per message.
    this.#insert = this.#db
      .insert(messages)
      .values({
        seq: sql.placeholder('seq'),
        rev: sql.placeholder('rev'),
        senderId: sql.placeholder('senderId'),
        clientId: sql.placeholder('clientId'),
        createdAt: sql.placeholder('createdAt'),
        body: sql.placeholder('body'),
      })
      .onConflictDoNothing({ target: [messages.senderId, messages.clientId] })
      .returning({ seq: messages.seq })
      .prepare()
    this.#byClientId = this.#db
      .select()
      .from(messages)
      .where(
        and(eq(messages.senderId, sql.placeholder('senderId')), eq(messages.clientId, sql.placeholder('clientId'))),
      )
      .prepare()
  }

  conversation(): ConversationRow | undefined {
    return this.#db.select().from(conversations).get()
  }

  insertConversation(row: ConversationRow): void {
    this.#db.insert(conversations).values(row).run()
  }

  updateConversation(change: Partial<ConversationRow>): void {
    this.#db.update(conversations).set(change).run()
  }

  members(): MemberRow[] {
    return this.#db.select().from(members).all()
  }

  putMember(row: MemberRow): void {
    this.#db.insert(members).values(row).onConflictDoUpdate({ target: members.userId, set: row }).run()
  }

  /** False where the sender has a message of this client id already. */
  insertMessage(row: NewMessageRow): boolean {
    return this.#insert.get(row) !== undefined
  }

  changeMessage(seq: number, change: MessageChange): void {
    this.#db.update(messages).set(change).where(eq(messages.seq, seq)).run()
  }

  message(seq: number): MessageRow | undefined {
    return this.#db.select().from(messages).where(eq(messages.seq, seq)).get()
  }

  messageByClientId(senderId: number, clientId: string): MessageRow | undefined {
    return this.#byClientId.get({ senderId, clientId })
  }

  /** At most `limit` messages of one sender, deleted ones too, that still have the client id which the sender chose. */
  messagesBy(senderId: number, limit: number): MessageRow[] {
    const isTheirs = and(eq(messages.senderId, senderId), gte(messages.clientId, ABOVE_ERASED))
    return this.#db.select().from(messages).where(isTheirs).limit(limit).all()
  }

  /** At most `limit` messages that this user reacted to. */
  messagesReactedBy(userId: number, limit: number): MessageRow[] {
    const hasReacted = sql`${messages.reactions} IS NOT NULL AND EXISTS (
      SELECT 1 FROM json_each(${messages.reactions}) AS reaction, json_each(reaction.value, '$.userIds') AS user
      WHERE user.value = ${userId})`
    return this.#db.select().from(messages).where(hasReacted).limit(limit).all()
  }

  /** Deletes the rows of the oldest messages, so many of them at most. */
  deleteOldest(limit: number): void {
    this.#db
      .delete(messages)
      .where(lt(messages.seq, sql`(SELECT min(seq) FROM messages) + ${limit}`))
      .run()
  }

  lastMessage(): MessageRow | undefined {
    return this.#db.select().from(messages).orderBy(desc(messages.seq)).limit(1).get()
  }

  /** The highest revision that changed a message after it was made. */
  lastChange(): number {
    const row = this.#db
      .select({ rev: messages.changedRev })
      .from(messages)
      .where(sql`changed_rev IS NOT NULL`)
      .orderBy(desc(messages.changedRev))
      .limit(1)
      .get()
    return row?.rev ?? 0
  }

  /** At most `limit`, newest first; with `after` the oldest ones above it, still newest first. */
  history(query: HistoryQuery): { rows: MessageRow[]; more: boolean } {
    const { before, after, limit } = query
    const range = and(
      before === undefined ? undefined : lt(messages.seq, before),
      after === undefined ? undefined : gt(messages.seq, after),
    )
    const upward = after !== undefined && before === undefined
    const beyond = ({ seq }: MessageRow) => (upward ? gt(messages.seq, seq) : lt(messages.seq, seq))
    const found = readFitting(limit + 1, (last, count) =>
      this.#db
        .select()
        .from(messages)
        .where(and(range, last && beyond(last)))
        .orderBy(upward ? messages.seq : desc(messages.seq))
        .limit(count)
        .all(),
    )
    const rows = pageOf(found, limit)
    return { rows: upward ? rows.toReversed() : rows, more: found.length > rows.length }
  }

  /** Messages of others above `readSeq`, deleted ones left out, counted up to the limit. */
  unread(userId: number, readSeq: number): number {
    const rows = this.#db.values<[number]>(
      sql`SELECT count(*) FROM (SELECT 1 FROM messages WHERE seq > ${readSeq} AND sender_id <> ${userId} AND deleted_at IS NULL LIMIT ${LIMITS.unreadCount})`,
    )
    return rows[0]?.[0] ?? 0
  }

  /** At most `limit` messages whose last change is above `since`, in the order of that change. */
  changedMessages(since: number, limit: number): { rows: MessageRow[]; more: boolean } {
    const made = this.#made(since, sql`changed_rev IS NULL`, limit + 1)
    const found = [...made, ...this.#changed(since, limit + 1)].toSorted((a, b) => revOf(a.row) - revOf(b.row))
    const rows = pageOf(found, limit)
    return { rows, more: found.length > rows.length }
  }

  /** At most `limit` revisions of messages above `since`: where messages that are there still were made, and where they changed last. */
  revisionsAbove(since: number, limit: number): { revisions: MessageRevision[]; more: boolean } {
    const made = this.#made(since, isNull(messages.deletedAt), limit + 1)
    const revisions = [
      ...made.map(({ row, characters }) => ({ rev: row.rev, row, characters })),
      ...this.#changed(since, limit + 1).map(({ row, characters }) => ({ rev: revOf(row), row, characters })),
    ].toSorted((a, b) => a.rev - b.rev)
    const page = fitting(revisions.slice(0, limit), ({ characters }) => characters)
    return { revisions: page, more: revisions.length > page.length }
  }

  /**
   * A revision at which the log stood before `time`. While the clock was behind, messages took the time of the one before them: so of those
   * that have the last time before `time`, none is taken for made then.
   */
  revBefore(time: number): number {
    const last = this.#lastBefore(time)
    return last ? (this.#lastBefore(last.createdAt)?.rev ?? 0) : 0
  }

  #lastBefore(time: number): { rev: number; createdAt: number } | undefined {
    return this.#db
      .select({ rev: messages.rev, createdAt: messages.createdAt })
      .from(messages)
      .where(lt(messages.createdAt, time))
      .orderBy(desc(messages.seq))
      .limit(1)
      .get()
  }

  /** Messages that were made above `since`, the oldest first. */
  #made(since: number, condition: SQL, limit: number): Sized[] {
    const from = this.#lastSeqAt(since)
    return readFitting(limit, (last, count) =>
      this.#db
        .select()
        .from(messages)
        .where(and(gt(messages.seq, last?.seq ?? from), condition))
        .orderBy(messages.seq)
        .limit(count)
        .all(),
    )
  }

  /** Messages whose last change after they were made is above `since`, in the order of that change. */
  #changed(since: number, limit: number): Sized[] {
    return readFitting(limit, (last, count) =>
      this.#db
        .select()
        .from(messages)
        .where(gt(messages.changedRev, last?.changedRev ?? since))
        .orderBy(messages.changedRev)
        .limit(count)
        .all(),
    )
  }

  /**
   * The last message that existed at revision `rev`. Each message took a revision of its own: so no more messages came later than there were
   * later revisions, and what is left to bisect does not grow with the history.
   */
  #lastSeqAt(rev: number): number {
    const last = this.lastMessage()
    if (!last) return 0
    let low = Math.max(0, last.seq - Math.max(0, last.rev - rev))
    let high = Math.min(last.seq, rev)
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if ((this.message(middle)?.rev ?? 0) <= rev) low = middle
      else high = middle - 1
    }
    return low
  }
}

/** A client id that no client can choose: it stands in the place of one that is not to be kept. */
export const erasedClientId = (seq: number): string => `#${seq}`

/** The first text behind all of those. */
const ABOVE_ERASED = '$'

/** At most `limit` of them, and fewer where they are large. */
const pageOf = (found: Sized[], limit: number): MessageRow[] =>
  fitting(found.slice(0, limit), ({ characters }) => characters).map(({ row }) => row)

/** The revision of a message's last change. */
export const revOf = (row: MessageRow): number => row.changedRev ?? row.rev
