import { type SQL, sql } from 'drizzle-orm'
import { getTableConfig, type SQLiteColumn, type SQLiteTable } from 'drizzle-orm/sqlite-core'
import * as z from 'zod'
import type { BackupRow } from '../protocol/backup.ts'
import { issuesOf, refuse, type Refusal } from '../protocol/errors.ts'
import { SafeText } from '../protocol/text.ts'

type Options = {
  /** Columns that a backup leaves out, and what stands there in a row that is loaded. */
  afresh?: Record<string, () => string | number>
  /** What a column holds, where its type does not say it; of a column of JSON, what is in it. */
  holds?: Record<string, z.ZodType>
  /** Which rows are meant, if not all. */
  only?: SQL
}

/** The rows of one table as a backup has them, and the statements that read and write them: in D1 and in the storage of an object. */
export class RowSet {
  readonly name: string
  readonly #table: SQLiteTable
  readonly #key: string[]
  /** Those that a backup has. */
  readonly columns: string[]
  readonly #afresh: Record<string, () => string | number>
  readonly #only: SQL
  readonly #rows: z.ZodType<BackupRow[]>

  constructor(table: SQLiteTable, { afresh = {}, holds = {}, only = sql`1` }: Options = {}) {
    const { name, columns, primaryKeys } = getTableConfig(table)
    const kept = columns.filter((column) => !(column.name in afresh))
    const shape = Object.fromEntries(kept.map((column) => [column.name, valueOf(column, holds[column.name])]))
    this.name = name
    this.#table = table
    this.#key = (primaryKeys[0]?.columns ?? columns.filter(({ primary }) => primary)).map((column) => column.name)
    this.columns = kept.map((column) => column.name)
    this.#afresh = afresh
    this.#only = only
    this.#rows = z.array(z.strictObject(shape) as z.ZodType<BackupRow>)
  }

  /** The rows that came, if each is one of this table. */
  parse(rows: BackupRow[]): BackupRow[] | Refusal {
    const parsed = this.#rows.safeParse(rows)
    return parsed.success ? parsed.data : refuse('request.invalid', { issues: issuesOf(parsed.error) })
  }

  /** Selects a row as a text of JSON. The platform lets a function have 32 arguments, so no table may have more than 16 columns. */
  get line(): SQL {
    return sql`json_object(${list(this.columns.flatMap((name) => [quoted(name), sql.identifier(name)]))})`
  }

  /** Where the rows are, in their order. */
  from(condition: SQL = sql`1`): SQL {
    return sql`FROM ${this.#table} WHERE ${this.#only} AND ${condition} ORDER BY ${this.#keyColumns}`
  }

  /** Writes these rows, if nothing stands where they begin or behind it; else none. */
  insert(rows: BackupRow[]): SQL {
    const stored = rows.map((row) => ({ ...row, ...this.#newValues() }))
    const names = [...this.columns, ...Object.keys(this.#afresh)]
    const values = names.map((name) => sql`json_extract(value, ${quoted(`$.${name}`)})`)
    return sql`INSERT INTO ${this.#table} (${list(names.map((name) => sql.identifier(name)))})
      SELECT ${list(values)} FROM json_each(${JSON.stringify(stored)}) WHERE NOT EXISTS
      (SELECT 1 FROM ${this.#table} WHERE ${this.#only} AND (${this.#keyColumns}) >= (${this.#keyOf(rows[0])}))`
  }

  /** Selects what stands from the first of these rows to the last, for `areJust`. */
  within(rows: BackupRow[]): SQL {
    const [first, last] = [this.#keyOf(rows[0]), this.#keyOf(rows.at(-1))]
    return sql`SELECT ${this.line} AS line ${this.from(sql`(${this.#keyColumns}) BETWEEN (${first}) AND (${last})`)}`
  }

  areJust(rows: BackupRow[], stored: { line: string }[]): boolean {
    const valuesIn = (row: BackupRow) => this.columns.map((name) => row[name])
    const found = stored.map(({ line }) => valuesIn(JSON.parse(line) as BackupRow))
    return JSON.stringify(found) === JSON.stringify(rows.map(valuesIn))
  }

  get #keyColumns(): SQL {
    return list(this.#key.map((name) => sql.identifier(name)))
  }

  #keyOf(row: BackupRow = {}): SQL {
    return list(this.#key.map((name) => sql`${row[name]}`))
  }

  #newValues(): BackupRow {
    return Object.fromEntries(Object.entries(this.#afresh).map(([name, make]) => [name, make()]))
  }
}

/** Whether the database refused it because something else stands there, or because what it refers to does not. */
export const isConflict = (error: unknown): boolean =>
  error instanceof Error && [error, error.cause].some((each) => String(each).includes('SQLITE_CONSTRAINT'))

const list = (parts: (SQL | ReturnType<typeof sql.identifier>)[]): SQL => sql.join(parts, sql`, `)

/** A name of our own schema as a text. */
const quoted = (name: string): SQL => sql.raw(`'${name}'`)

/** Of the years 0 to 9999: a time outside them cannot be told as the contract writes one. */
const TIME = z.int().min(Date.parse('0000-01-01T00:00:00.000Z')).max(Date.parse('9999-12-31T23:59:59.999Z'))

/** What a column holds as it is stored. A backup that was made before there was the column gets what the column begins with. */
const valueOf = (column: SQLiteColumn, holds: z.ZodType | undefined): z.ZodType => {
  const { notNull, default: initial } = column
  const value = notNull ? filledValue(column, holds) : filledValue(column, holds).nullable()
  if (initial !== undefined) return value.default(column.mapToDriverValue(initial))
  return notNull ? value : value.default(null)
}

const filledValue = ({ dataType, name, enumValues }: SQLiteColumn, holds: z.ZodType | undefined): z.ZodType => {
  if (dataType === 'number') return holds ?? numberIn(name)
  if (dataType === 'boolean') return z.literal([0, 1])
  if (dataType === 'json') return SafeText.refine((text) => isJsonOf(text, holds), 'must be JSON of its form')
  return holds ?? (enumValues?.length ? z.enum(enumValues) : SafeText)
}

const numberIn = (name: string): z.ZodType => {
  if (name.endsWith('_at')) return TIME
  return /(?:^|_)(?:id|by)$/.test(name) ? z.int().positive() : z.int().min(0)
}

const isJsonOf = (text: string, holds: z.ZodType = z.unknown()): boolean => {
  try {
    return holds.safeParse(JSON.parse(text)).success
  } catch {
    return false
  }
}
