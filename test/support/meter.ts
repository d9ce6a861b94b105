import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Conversation, UserHub } from '../../src/index.ts'

export type Bill = { requests: number; rows: number }

/**
 * Counts what the platform would bill: calls to Durable Objects, and rows written (each index entry, and each setting or deleting of an
 * alarm, is one). Tests and objects share an isolate, so the platform's own classes can be listened to.
 */
export const metered = async (work: () => Promise<void>): Promise<Bill> => {
  const bill: Bill = { requests: 0, rows: 0 }
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
    listen(sql, 'exec', (cursor) => (bill.rows += (cursor as SqlStorageCursor<never>).rowsWritten))
    listen(storage, 'setAlarm', () => (bill.rows += 1))
    listen(storage, 'deleteAlarm', () => (bill.rows += 1))
  })
  const count = () => (bill.requests += 1)
  for (const name of ['submit', 'entryFor', 'catchUpFor', 'create', 'alarm'] as const)
    listen(Conversation.prototype, name, count)
  for (const name of ['deliver', 'deliverCatchUp', 'join', 'leave', 'meet', 'order', 'inbox', 'fetch'] as const)
    listen(UserHub.prototype, name, count)
  // Twenty incoming frames are billed as one request.
  listen(UserHub.prototype, 'webSocketMessage', () => (bill.requests += 1 / 20))
  try {
    await work()
  } finally {
    for (const restore of undo.reverse()) restore()
  }
  return bill
}
