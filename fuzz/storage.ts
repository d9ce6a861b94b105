import { createHash } from 'node:crypto'
import { copyFileSync, existsSync, globSync, rmSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** What is kept for the server's own sake: a refusal may well leave a note there (that a guess was wrong, or a token used again). */
const NOTES =
  /^(?:_cf_|_mf_|sqlite_|__drizzle|d1_)|^(?:login_attempts|refresh_tokens|tickets|ended_sessions|circle|metrics)$/
/** Copies and notes in tables that are more than that. */
const NOTED: Record<string, string[]> = {
  inbox: ['entry', 'stale', 'asleep', 'nap', 'heard'],
  members: ['asleep', 'nap', 'told'],
  sessions: ['last_used_at', 'expires_at'],
}

/** How often a file is copied that is written meanwhile. */
const MAX_TRIES = 10

/** What each table holds, as a number for it; tables that hold nothing are left out. */
export type Held = Record<string, string>

/** All that the server holds on disk, read past the server: nothing is written without being seen here, whosever it is. */
export class Storage {
  readonly #folder: string
  readonly #copy: string
  readonly #known = new Map<string, { stamp: string; held: Held }>()

  constructor(folder: string) {
    this.#folder = join(folder, 'state')
    this.#copy = join(folder, 'copy.sqlite')
  }

  read(): Held {
    const files = globSync('**/*.sqlite', { cwd: this.#folder })
    return Object.assign({}, ...files.map((file) => this.#heldIn(join(this.#folder, file)))) as Held
  }

  #heldIn(file: string): Held {
    for (let tries = 0; ; tries += 1) {
      const stamp = stampOfBoth(file)
      const known = this.#known.get(file)
      if (known?.stamp === stamp) return known.held
      try {
        const held = this.#readFile(file)
        this.#known.set(file, { stamp, held })
        return held
      } catch (error) {
        // Written while it was copied, the two parts need not fit.
        if (tries === MAX_TRIES || stampOfBoth(file) === stamp) throw error
      }
    }
  }

  /** A copy is read, so that the server's locks are its own. */
  #readFile(file: string): Held {
    for (const part of ['', '-wal', '-shm']) rmSync(this.#copy + part, { force: true })
    for (const part of ['', '-wal']) if (existsSync(file + part)) copyFileSync(file + part, this.#copy + part)
    const database = new DatabaseSync(this.#copy)
    try {
      const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all() as { name: string }[]
      const held: Held = {}
      for (const { name } of tables.filter((each) => !NOTES.test(each.name))) {
        // They are deleted some time after their conversation was.
        if (name === 'messages' && isOfDeleted(database)) continue
        const rows = [...database.prepare(`SELECT * FROM "${name}"`).iterate()].map((row) =>
          JSON.stringify(Object.entries(row).filter(([column]) => !NOTED[name]?.includes(column))),
        )
        if (rows.length > 0)
          held[`${name} of ${basename(file)}`] = createHash('sha256').update(rows.join('\n')).digest('hex')
      }
      return held
    } finally {
      database.close()
    }
  }
}

const isOfDeleted = (database: DatabaseSync): boolean =>
  database.prepare('SELECT 1 FROM conversation WHERE deleted_at IS NOT NULL').get() !== undefined

/** The tables that are not as they were. */
export const changedIn = (before: Held, after: Held): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((table) => before[table] !== after[table])

const stampOfBoth = (file: string): string => [file, `${file}-wal`].map(stampOf).join(' ')

const stampOf = (file: string): string => {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
  return stat ? `${stat.mtimeNs} ${stat.size}` : ''
}
