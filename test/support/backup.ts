import { abortAllDurableObjects, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import {
  type BackedUpConversations,
  type BackupPage,
  type BackupRow,
  DIRECTORY_TABLES,
  type Loaded,
  type Snapshot,
} from '../../src/protocol/backup.ts'
import type { Problem } from '../../src/protocol/errors.ts'
import { ask, type Reply } from './rest.ts'

/** As vitest.config.ts sets it. */
export const BACKUP_TOKEN = 'a-token-that-is-long-enough-to-be-one'

export type Line = { conversation?: number; table: string; row: BackupRow }

const read = async <Body>(path: string): Promise<Body> => (await ask<Body>('GET', path, { token: BACKUP_TOKEN })).body

const allPages = async (path: string): Promise<BackupPage['items']> => {
  const items: BackupPage['items'] = []
  for (let cursor: string | null = '0'; cursor !== null;) {
    const page: BackupPage = await read(`${path}?cursor=${cursor}`)
    items.push(...page.items)
    cursor = page.nextCursor
  }
  return items
}

export const backUpConversations = async (): Promise<Line[]> => {
  const { items } = await read<BackedUpConversations>('/v1/backup/conversations')
  const lines = items.map(async (conversation) =>
    (await allPages(`/v1/backup/conversations/${conversation}`)).map((item) => ({ conversation, ...item })),
  )
  return (await Promise.all(lines)).flat()
}

export const backUpDirectory = async (): Promise<Line[]> => {
  const { body } = await ask<Snapshot>('POST', '/v1/backup/snapshots', { token: BACKUP_TOKEN })
  const lines = await allPages(`/v1/backup/snapshots/${body.id}`)
  await ask('DELETE', `/v1/backup/snapshots/${body.id}`, { token: BACKUP_TOKEN })
  return lines
}

/** All that the deployment holds, as `npm run backup` reads it. */
export const backUp = async (): Promise<Line[]> => [...(await backUpConversations()), ...(await backUpDirectory())]

/** Rows of one table, as `npm run restore` puts them. */
export const load = <Body = Loaded & Problem>(lines: Line[]): Promise<Reply<Body>> => {
  const { conversation, table } = lines[0] ?? { table: '' }
  const where = conversation === undefined ? '' : `/conversations/${conversation}`
  const json = { table, rows: lines.map(({ row }) => row) }
  return ask<Body>('POST', `/v1/backup${where}/rows`, { token: BACKUP_TOKEN, json })
}

/** Puts a backup back, the directory first; answers what came of each table. */
export const restore = async (lines: Line[]): Promise<Reply<Loaded & Problem>[]> => {
  const tables = [...Map.groupBy(lines, ({ conversation = 0, table }) => `${conversation} ${table}`).values()]
  const answers = []
  for (const part of tables.toSorted(([one], [other]) => Number(isOfOne(one)) - Number(isOfOne(other)))) {
    answers.push(await load(part))
  }
  return answers
}

const isOfOne = (line?: Line): boolean => line?.conversation !== undefined

/** Makes the deployment as new. */
export const empty = async (): Promise<void> => {
  const ids = async (table: string) =>
    (await env.DIRECTORY.prepare(`SELECT id FROM ${table}`).all<{ id: number }>()).results.map(({ id }) => id)
  const [conversationIds, userIds] = [await ids('conversations'), await ids('users')]
  // What is under way there must not come back to it.
  await abortAllDurableObjects()
  const hubs = userIds.map((id) => hubOf(env, id))
  for (const stub of [...conversationIds.map((id) => conversationOf(env, id)), ...hubs]) {
    await runInDurableObject(stub, async (_, { storage }) => {
      await storage.deleteAlarm()
      await storage.deleteAll()
    })
  }
  await abortAllDurableObjects()
  for (const table of DIRECTORY_TABLES.toReversed()) {
    const only = table === 'sqlite_sequence' ? " WHERE name != 'd1_migrations'" : ''
    await env.DIRECTORY.prepare(`DELETE FROM ${table}${only}`).run()
  }
}
