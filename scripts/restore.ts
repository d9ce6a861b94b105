// Puts a backup into a new deployment: npm run restore -- <file>. CAUSERIE_URL and BACKUP_TOKEN say into which.
// What broke off goes on with --continue.
import { parseArgs } from 'node:util'
import type { Loaded } from '../src/protocol/backup.ts'
import { fail } from './account.ts'
import { checkBackup, readBackup } from './backup-file.ts'
import { Deployment } from './deployment.ts'

const ROWS_AT_ONCE = 500
const LETTERS_AT_ONCE = 512 * 1024

const { positionals, values } = parseArgs({ allowPositionals: true, options: { continue: { type: 'boolean' } } })
const [file] = positionals

type Page = { conversation: number | undefined; table: string; rows: object[] }

/** The rows of the directory, or those of the conversations, as many at once as one request takes. */
async function* pagesOf(path: string, part: 'directory' | 'conversations'): AsyncGenerator<Page> {
  let page: Page = { conversation: undefined, table: '', rows: [] }
  let letters = 0
  for await (const { conversation, table, row } of readBackup(path)) {
    if ((conversation === undefined) !== (part === 'directory')) continue
    const size = JSON.stringify(row).length
    const isOther = page.conversation !== conversation || page.table !== table
    if (isOther || page.rows.length === ROWS_AT_ONCE || letters + size > LETTERS_AT_ONCE) {
      if (page.rows.length > 0) yield page
      page = { conversation, table, rows: [] }
      letters = 0
    }
    page.rows.push(row)
    letters += size
  }
  if (page.rows.length > 0) yield page
}

const put = async (server: Deployment, { conversation, table, rows }: Page): Promise<void> => {
  const where = conversation === undefined ? '' : `/conversations/${conversation}`
  const { body, isRepeated } = await server.ask<Loaded>('POST', `/v1/backup${where}/rows`, { table, rows })
  if (body.added === 0 && !isRepeated && !values.continue)
    throw new Error('These rows are there already. If an earlier try broke off, go on with --continue.')
}

const restore = async (path: string): Promise<string> => {
  const server = new Deployment(process.env)
  // Before anything is written.
  await checkBackup(path)
  let rows = 0
  for (const part of ['directory', 'conversations'] as const) {
    for await (const page of pagesOf(path, part)) {
      await put(server, page)
      rows += page.rows.length
    }
  }
  return `${rows} rows are restored`
}

if (file === undefined) fail('Usage: CAUSERIE_URL=… BACKUP_TOKEN=… npm run restore -- <file> [--continue]')
else console.log(await restore(file).catch((error: Error) => fail(error.message)))
