import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Conversation, UserHub } from '../../src/index.ts'

/** What the platform would bill. A row of the directory counts like a row of an object: both have the same price. */
export type Bill = { requests: number; rows: number; rowsRead: number }

/** Not calls: the constructor, and what the platform tells of sockets. */
const NOT_CALLED = new Set(['constructor', 'webSocketMessage', 'webSocketClose', 'webSocketError'])

/**
 * Counts what the platform would bill: calls to Durable Objects, rows read, and rows written (each index entry, and each setting or
 * deleting of an alarm, is one). Tests and objects share an isolate, so the platform's own classes can be listened to.
 */
export const metered = async (work: () => Promise<void>): Promise<Bill> => {
  const bill: Bill = { requests: 0, rows: 0, rowsRead: 0 }
  const cursors: SqlStorageCursor<never>[] = []
  const undo: (() => void)[] = []
  const listen = <T extends object>(target: T, name: keyof T, heard: (result: unknown) => void): void => {
    const original = target[name] as (...args: unknown[]) => unknown
    const own = Object.getOwnPropertyDescriptor(target, name)
    Object.defineProperty(target, name, {
      configurable: true,
      writable: true,
      value(this: unknown, ...args: unknown[]) {
        const result = original.apply(this, args)
        heard(result)
        return result
      },
    })
    undo.push(() => (own ? Object.defineProperty(target, name, own) : Reflect.deleteProperty(target, name)))
  }
  const stub = env.USER_HUB.getByName('999999999')
  await runInDurableObject(stub, (_, state) => {
    const storage = Object.getPrototypeOf(state.storage) as DurableObjectStorage
    const sql = Object.getPrototypeOf(state.storage.sql) as SqlStorage
    // What a cursor read shows when it was read to its end.
    listen(sql, 'exec', (cursor) => cursors.push(cursor as SqlStorageCursor<never>))
    listen(storage, 'setAlarm', () => (bill.rows += 1))
    listen(storage, 'deleteAlarm', () => (bill.rows += 1))
  })
  const answers: Promise<void>[] = []
  listen(directorySession(), '_send', (sent) => {
    const counted = (sent as Promise<D1Result | D1Result[]>).then((answer) => {
      for (const { meta } of [answer].flat()) {
        bill.rows += meta.rows_written
        bill.rowsRead += meta.rows_read
      }
    })
    answers.push(counted.catch(() => undefined))
  })
  for (const { prototype } of [Conversation, UserHub]) {
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (!NOT_CALLED.has(name)) listen(prototype, name as keyof typeof prototype, () => (bill.requests += 1))
    }
  }
  // Twenty incoming frames are billed as one request.
  listen(UserHub.prototype, 'webSocketMessage', () => (bill.requests += 1 / 20))
  try {
    await work()
    await Promise.all(answers)
  } finally {
    for (const restore of undo.reverse()) restore()
  }
  for (const cursor of cursors) {
    bill.rows += cursor.rowsWritten
    bill.rowsRead += cursor.rowsRead
  }
  return bill
}

/** What all statements of the directory pass through, on their own or in a batch. */
const directorySession = (): { _send(): unknown } => Object.getPrototypeOf(env.DIRECTORY.withSession())
