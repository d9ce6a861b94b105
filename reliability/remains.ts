import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Where a word is still found in the data of a server. */
export type Remains = {
  files: number
  rows: number
  /** In rows that a query reads: `table.column: value`, each with how often. */
  live: Map<string, number>
  /** In the files as they lie there, the log that is written ahead among them: bytes that no query reads any more, and those that one does. */
  inFiles: number
  /** The same after everything in those logs went into the databases, and each was written anew without its free pages. */
  afterCheckpoint: number
  afterVacuum: number
}

/** Looks through a copy, so that nothing is changed. The server must not run. */
export const remainsOf = (input: { state: string; copy: string; words: string[] }): Remains => {
  const { state, copy, words } = input
  cpSync(state, copy, { recursive: true })
  const inFiles = occurrences(copy, words)
  const remains: Remains = { files: 0, rows: 0, live: new Map(), inFiles, afterCheckpoint: 0, afterVacuum: 0 }
  const databases = databasesIn(copy)
  remains.files = databases.length
  for (const path of databases) {
    const database = new DatabaseSync(path)
    for (const { place, value } of valuesOf(database)) {
      remains.rows += 1
      if (!words.some((word) => holds(value, word))) continue
      const where = `${relative(copy, path).split('/').at(-2)} ${place}`
      remains.live.set(where, (remains.live.get(where) ?? 0) + 1)
    }
    database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
  }
  remains.afterCheckpoint = occurrences(copy, words)
  for (const path of databases) {
    const database = new DatabaseSync(path)
    database.exec('VACUUM; PRAGMA wal_checkpoint(TRUNCATE)')
    database.close()
  }
  remains.afterVacuum = occurrences(copy, words)
  return remains
}

/** The passwords as the directory keeps them. The server must not run. */
export const storedHashes = ({ state, copy }: { state: string; copy: string }): string[] => {
  cpSync(state, copy, { recursive: true })
  return databasesIn(copy).flatMap((path) => {
    const database = new DatabaseSync(path)
    const values = [...valuesOf(database)].filter(({ place }) => place === 'users.password_hash')
    database.close()
    return values.map(({ value }) => String(value))
  })
}

function* valuesOf(database: DatabaseSync): Generator<{ place: string; value: unknown }> {
  const tables = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND sql IS NOT NULL`).all()
  for (const { name } of tables) {
    // The numbers of some are larger than a double holds.
    const query = database.prepare(`SELECT * FROM "${String(name)}"`)
    query.setReadBigInts(true)
    for (const row of query.iterate()) {
      for (const [column, value] of Object.entries(row)) yield { place: `${String(name)}.${column}`, value }
    }
  }
}

const holds = (value: unknown, word: string): boolean => {
  if (typeof value === 'string') return value.toLowerCase().includes(word)
  return value instanceof Uint8Array && Buffer.from(value).toString('latin1').toLowerCase().includes(bytesOf(word))
}

const occurrences = (folder: string, words: string[]): number => {
  let found = 0
  for (const path of filesIn(folder)) {
    const bytes = readFileSync(path, 'latin1').toLowerCase()
    for (const word of words) found += bytes.split(bytesOf(word)).length - 1
  }
  return found
}

/** The bytes of a word, a letter each, as a file is read that may hold anything. */
const bytesOf = (word: string): string => Buffer.from(word).toString('latin1').toLowerCase()

const databasesIn = (folder: string): string[] => filesIn(folder).filter((path) => path.endsWith('.sqlite'))

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
