import { readFileSync } from 'node:fs'
import { is } from 'drizzle-orm'
import { getTableConfig, SQLiteTable } from 'drizzle-orm/sqlite-core'
import { expect, test } from 'vitest'
import { KEPT as DIRECTORY } from '../../src/directory/backup.ts'
import * as directory from '../../src/directory/schema.ts'
import { KEPT as CONVERSATION } from '../../src/objects/backup.ts'
import * as conversation from '../../src/objects/conversation-schema.ts'
import * as hub from '../../src/objects/hub-schema.ts'
import { CONVERSATION_TABLES, DIRECTORY_TABLES } from '../../src/protocol/backup.ts'

const DOC = readFileSync('docs/operations.md', 'utf8')
/** What docs/operations.md says that a backup leaves out: tables of the directory, of a hub, and columns of a conversation. */
const LEFT_OUT = [...DOC.matchAll(/^\| `([\w.]+)` +\|/gm)].map(([, name = '']) => name)

const tablesOf = (schema: object) => Object.values(schema).filter((each): each is SQLiteTable => is(each, SQLiteTable))
const namesIn = (schema: object): string[] => tablesOf(schema).map((table) => getTableConfig(table).name)
const columnsIn = (schema: object): string[] =>
  tablesOf(schema).flatMap((table) => {
    const { name, columns } = getTableConfig(table)
    return columns.map((column) => `${name}.${column.name}`)
  })

test('every table of the directory is in a backup, or named as left out, and not both', () => {
  const kept: string[] = DIRECTORY_TABLES.filter((name) => name !== 'sqlite_sequence')

  expect(Object.keys(DIRECTORY)).toEqual([...DIRECTORY_TABLES])
  expect(namesIn(directory).filter((name) => kept.includes(name) === LEFT_OUT.includes(name))).toEqual([])
  expect(kept.filter((name) => !namesIn(directory).includes(name))).toEqual([])
})

test('every column of a conversation is in a backup, or named as left out, and not both', () => {
  const kept = CONVERSATION_TABLES.flatMap((name) => CONVERSATION[name].columns.map((column) => `${name}.${column}`))

  expect(columnsIn(conversation).filter((name) => kept.includes(name) === LEFT_OUT.includes(name))).toEqual([])
})

test('nothing that a hub holds is in a backup, and every table of it is named as left out', () => {
  expect(namesIn(hub).filter((name) => !LEFT_OUT.includes(`hub.${name}`))).toEqual([])
})

test('every table is narrow enough to be read as lines', () => {
  // Of a function of SQL the platform lets 32 arguments through, and a column is two.
  const widths = [...Object.values(DIRECTORY), ...Object.values(CONVERSATION)].map(({ columns }) => columns.length)

  expect(Math.max(...widths)).toBeLessThanOrEqual(16)
})
