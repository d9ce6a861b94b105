import { spawnSync } from 'node:child_process'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../scripts/wrangler.ts'
import { copyProject } from '../harness/project-copy.ts'

/** One more step for each schema: a column on the largest table, filled, and an index on it. */
const STEPS = {
  conversation: step('messages', 'seq'),
  hub: step('inbox', 'conversation_id'),
  directory: step('users', 'id'),
}

/** A copy of the project as its next release may look: the same code with one more generated migration in each schema. */
export const makeNextSchema = (folder: string): string => {
  copyProject(folder)
  for (const [schema, sql] of Object.entries(STEPS)) {
    const made = spawnSync(join(root, 'node_modules/.bin/drizzle-kit'), ['generate', '--custom', '--name=next'], {
      cwd: folder,
      env: { ...process.env, SCHEMA: schema },
      encoding: 'utf8',
    })
    const into = join(folder, 'migrations', schema)
    const file = readdirSync(into).find((name) => name.endsWith('_next.sql'))
    if (file === undefined) throw new Error(`No migration was made.\n${made.stdout}${made.stderr}`)
    writeFileSync(join(into, file), sql)
  }
  return folder
}

function step(table: string, column: string): string {
  return [
    `ALTER TABLE ${table} ADD next_note integer;`,
    `UPDATE ${table} SET next_note = ${column};`,
    `CREATE INDEX ${table}_by_next_note ON ${table} (next_note);`,
  ].join('--> statement-breakpoint\n')
}
