import type { DatabaseSync, SQLInputValue } from 'node:sqlite'

export const LIFE_IS_OVER = 'The life of this simulated object is over.'

export type Alarm = { get: () => number | null; set: (time: number | null) => void }

/** The storage of an object as one life of it sees it: a dead life reads and writes nothing. */
export const storageOf = (db: DatabaseSync, alarm: Alarm, isDead: () => boolean): object => {
  const exec = (query: string, ...input: unknown[]) => {
    if (isDead()) throw new Error(LIFE_IS_OVER)
    const statement = db.prepare(query)
    const names = statement.columns().map((column) => String(column.name))
    statement.setReturnArrays(true)
    const bound = input.map((value) => (typeof value === 'boolean' ? Number(value) : (value ?? null)) as SQLInputValue)
    const rows = names.length > 0 ? (statement.all(...bound) as unknown as unknown[][]) : []
    if (names.length === 0) statement.run(...bound)
    const objects = () => rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
    return {
      rowsWritten: 0,
      toArray: objects,
      next: () => ({ value: objects()[0] }),
      raw: () => ({ toArray: () => rows }),
    }
  }
  let depth = 0
  const transactionSync = <Result>(work: () => Result): Result => {
    depth += 1
    exec(`SAVEPOINT s${depth}`)
    try {
      return work()
    } catch (error) {
      exec(`ROLLBACK TO s${depth}`)
      throw error
    } finally {
      exec(`RELEASE s${depth}`)
      depth -= 1
    }
  }
  const setAlarm = (time: number | null) => {
    if (!isDead()) alarm.set(time)
    return Promise.resolve()
  }
  return {
    sql: { exec },
    transactionSync,
    getAlarm: () => Promise.resolve(alarm.get()),
    setAlarm,
    deleteAlarm: () => setAlarm(null),
  }
}
