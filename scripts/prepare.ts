import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newSecrets } from './secrets.ts'
import { environment, root, wrangler } from './wrangler.ts'

/** Makes what a server on this machine needs and does not have yet: its secrets, and the directory's tables in this state folder. */
export const prepare = (state: string): void => {
  makeSecrets()
  migrateDirectory(state)
}

/** Once: who signed in stays signed in over restarts. */
const makeSecrets = (): void => {
  const file = join(root, '.dev.vars')
  if (existsSync(file)) return
  const lines = Object.entries(newSecrets()).map(([name, value]) => `${name}='${value}'\n`)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
  console.log('Made secrets for this machine: .dev.vars')
}

/** wrangler takes seconds to find that nothing is to be done, so what was done is noted beside the database. */
const migrateDirectory = (state: string): void => {
  const note = join(state, 'v3/d1/applied-migrations')
  const migrations = readdirSync(join(root, 'migrations/directory')).filter((file) => file.endsWith('.sql'))
  const wanted = migrations.toSorted().join('\n')
  if (existsSync(note) && readFileSync(note, 'utf8') === wanted) return
  console.log('Setting up the database …')
  const args = [...wrangler.args, 'd1', 'migrations', 'apply', 'DIRECTORY', '--local', '--persist-to', state]
  const { status, output } = spawnSync(wrangler.command, args, { cwd: root, env: environment, encoding: 'utf8' })
  if (status !== 0) throw new Error(`The database could not be set up.\n${output.join('')}`)
  writeFileSync(note, wanted)
}
