// All that a deployment holds, as one file: npm run backup -- <file, or folder>. CAUSERIE_URL and BACKUP_TOKEN say of which.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import type { BackedUpConversations, BackupPage, Snapshot } from '../src/protocol/backup.ts'
import { fail } from './account.ts'
import { type Line, writeBackup } from './backup-file.ts'
import { Deployment, Refused } from './deployment.ts'

const TRIES = 5

/** The pages of a list, from the first to the last. */
async function* pages<Page extends { nextCursor: string | null }>(server: Deployment, path: string) {
  for (let cursor: string | null = '0'; cursor !== null;) {
    const { body }: { body: Page } = await server.ask<Page>('GET', `${path}?cursor=${cursor}`)
    yield body
    cursor = body.nextCursor
  }
}

/**
 * The conversations, and the directory after them: of everybody who is in a conversation that was read there is an account then, and of
 * who ended it meanwhile nothing comes back.
 */
async function* everything(server: Deployment): AsyncGenerator<Line> {
  for await (const { items } of pages<BackedUpConversations>(server, '/v1/backup/conversations')) {
    for (const conversation of items) {
      for await (const page of pages<BackupPage>(server, `/v1/backup/conversations/${conversation}`))
        for (const item of page.items) yield { conversation, ...item }
    }
  }
  for (const item of await directory(server)) yield item
}

/** Read whole before a line of it is written: where somebody ends an account meanwhile, it must be copied anew. */
const directory = async (server: Deployment): Promise<Line[]> => {
  for (let tries = 1; ; tries += 1) {
    const { body: snapshot } = await server.ask<Snapshot>('POST', '/v1/backup/snapshots')
    const path = `/v1/backup/snapshots/${snapshot.id}`
    try {
      const lines: Line[] = []
      for await (const page of pages<BackupPage>(server, path)) lines.push(...page.items)
      await server.ask('DELETE', path)
      return lines
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== 'snapshot.not_found' || tries === TRIES) throw error
    }
  }
}

const backUp = async (target: string): Promise<string> => {
  const isFolder = target.endsWith('/') || (existsSync(target) && statSync(target).isDirectory())
  const file = isFolder ? join(target, `causerie-${new Date().toISOString().replaceAll(':', '-')}.ndjson`) : target
  if (!isFolder && existsSync(file)) throw new Error(`${file} is there already.`)
  mkdirSync(dirname(file), { recursive: true })
  return `${await writeBackup(file, everything(new Deployment(process.env)))} rows in ${file}`
}

const [target] = parseArgs({ allowPositionals: true }).positionals
if (target === undefined) fail('Usage: CAUSERIE_URL=… BACKUP_TOKEN=… npm run backup -- <file, or folder>')
else console.log(await backUp(target).catch((error: Error) => fail(error.message)))
