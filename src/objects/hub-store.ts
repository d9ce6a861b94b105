import { eq, gt, lt, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/durable-sqlite'
import { DAY_MS } from '../core/time.ts'
import type { InboxEntry } from '../protocol/conversation.ts'
import type { Left } from './batch.ts'
import { circle, type CircleRelation, endedSessions, inbox, type InboxRow, parted, tickets } from './hub-schema.ts'

/** The rows of one hub. Every call is synchronous. */
export class HubStore {
  readonly #db

  constructor(storage: DurableObjectStorage) {
    this.#db = drizzle(storage)
  }

  /** The flags of every inbox row, without the entries, but for the log that each is of. */
  flags(): (Omit<InboxRow, 'entry'> & { epoch: string })[] {
    const { conversationId, stale, asleep, nap, heard } = inbox
    const epoch = sql<string>`json_extract(${inbox.entry}, '$.epoch')`
    return this.#db.select({ conversationId, epoch, stale, asleep, nap, heard }).from(inbox).all()
  }

  entry(conversationId: number): InboxEntry | undefined {
    return this.#db.select({ entry: inbox.entry }).from(inbox).where(eq(inbox.conversationId, conversationId)).get()
      ?.entry
  }

  putInbox(row: InboxRow): void {
    this.#db.insert(inbox).values(row).onConflictDoUpdate({ target: inbox.conversationId, set: row }).run()
  }

  updateInbox(conversationId: number, change: Partial<InboxRow>): void {
    this.#db.update(inbox).set(change).where(eq(inbox.conversationId, conversationId)).run()
  }

  deleteInbox(conversationId: number): void {
    this.#db.delete(inbox).where(eq(inbox.conversationId, conversationId)).run()
  }

  /** Conversations that the user is no longer in. */
  parted(): number[] {
    const rows = this.#db.select().from(parted).all()
    return rows.map(({ conversationId }) => conversationId)
  }

  /** When the user left, as far as that is known. */
  left(conversationId: number): Left {
    const row = this.#db.select().from(parted).where(eq(parted.conversationId, conversationId)).get()
    return row?.epoch && row.rev !== null ? { epoch: row.epoch, rev: row.rev } : null
  }

  putParted(conversationId: number, left: Left): void {
    const row = { conversationId, epoch: left?.epoch ?? null, rev: left?.rev ?? null }
    this.#db.insert(parted).values(row).onConflictDoUpdate({ target: parted.conversationId, set: row }).run()
  }

  deleteParted(conversationId: number): void {
    this.#db.delete(parted).where(eq(parted.conversationId, conversationId)).run()
  }

  circle(): Map<number, CircleRelation> {
    const rows = this.#db.select().from(circle).all()
    return new Map(rows.map(({ userId, relation }) => [userId, relation]))
  }

  putInCircle(userId: number, relation: CircleRelation): void {
    const row = { userId, relation }
    this.#db.insert(circle).values(row).onConflictDoUpdate({ target: circle.userId, set: row }).run()
  }

  leaveCircle(userId: number): void {
    this.#db.delete(circle).where(eq(circle.userId, userId)).run()
  }

  /** Keeps a ticket and forgets those that ran out. */
  putTicket(row: typeof tickets.$inferInsert, now: number): void {
    this.#db.delete(tickets).where(lt(tickets.expiresAt, now)).run()
    this.#db.insert(tickets).values(row).run()
  }

  /** Takes a ticket: it works once, in time, and not after its session ended. Answers whose session it is of. */
  takeTicket(hash: string, now: number): string | null {
    const row = this.#db.delete(tickets).where(eq(tickets.hash, hash)).returning().get()
    return !row || row.expiresAt < now || this.hasEnded(row.sessionId) ? null : row.sessionId
  }

  hasEnded(sessionId: string): boolean {
    return this.#db.select().from(endedSessions).where(eq(endedSessions.sessionId, sessionId)).get() !== undefined
  }

  /** Remembers that a session ended, for as long as a request that began before may still be on its way. */
  endSession(sessionId: string, now: number): void {
    this.#db
      .delete(endedSessions)
      .where(lt(endedSessions.endedAt, now - DAY_MS))
      .run()
    this.#db.insert(endedSessions).values({ sessionId, endedAt: now }).onConflictDoNothing().run()
    this.#db.delete(tickets).where(eq(tickets.sessionId, sessionId)).run()
  }

  /** The sessions that hold a ticket now. */
  ticketSessions(now: number): string[] {
    const rows = this.#db.select({ id: tickets.sessionId }).from(tickets).where(gt(tickets.expiresAt, now)).all()
    return rows.map((row) => row.id)
  }
}
