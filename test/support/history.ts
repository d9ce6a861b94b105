import { runInDurableObject } from 'cloudflare:test'
import { vi } from 'vitest'
import { conversationOf } from '../../src/objects/stubs.ts'

type Row = Record<string, SqlStorageValue>
type Tables = Map<string, Row[]>

/**
 * Stands in for the platform's history of objects, which the local runtime does not have: remembers how this conversation is stored now,
 * and puts that back when the object is told to rewind.
 */
export const remember = async (env: Env, conversationId: number): Promise<void> => {
  const stub = conversationOf(env, conversationId)
  await runInDurableObject(stub, (_, { storage }) => {
    const remembered = read(storage)
    const platform = Object.getPrototypeOf(storage) as DurableObjectStorage
    vi.spyOn(platform, 'getBookmarkForTime').mockImplementation(async (time) => `at ${Number(time)}`)
    vi.spyOn(platform, 'onNextSessionRestoreBookmark').mockImplementation(async function (
      this: DurableObjectStorage,
      bookmark: string,
    ) {
      putBack(this, remembered)
      await this.sync()
      return bookmark
    })
  })
}

const read = ({ sql }: DurableObjectStorage): Tables => {
  const tables = sql.exec<{ name: string }>(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
  )
  return new Map([...tables].map(({ name }) => [name, sql.exec<Row>(`SELECT * FROM ${name}`).toArray()]))
}

const putBack = ({ sql }: DurableObjectStorage, tables: Tables): void => {
  for (const [name, rows] of tables) {
    sql.exec(`DELETE FROM ${name}`)
    for (const row of rows) {
      const columns = Object.keys(row)
      const marks = columns.map(() => '?').join()
      sql.exec(`INSERT INTO ${name} (${columns.join()}) VALUES (${marks})`, ...Object.values(row))
    }
  }
}
