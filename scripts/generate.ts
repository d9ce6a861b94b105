// Makes what is generated: the migrations of the three schemas, and the types of the worker's bindings.
// With --check it changes nothing, and fails when something is out of date.
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { environment, root, wrangler } from './wrangler.ts'

const SCHEMAS = ['directory', 'conversation', 'hub']
const isChecking = process.argv.includes('--check')

const migrate = (schema: string, migrations: string): SpawnSyncReturns<string> =>
  spawnSync('drizzle-kit', ['generate'], {
    cwd: root,
    env: { ...process.env, SCHEMA: schema, MIGRATIONS: migrations },
    // It asks whether a column was renamed.
    stdio: isChecking ? ['ignore', 'pipe', 'ignore'] : 'inherit',
    encoding: 'utf8',
  })

const checkMigrations = (): boolean => {
  mkdirSync(join(root, '.wrangler'), { recursive: true })
  const copy = mkdtempSync(join(root, '.wrangler/migrations-'))
  try {
    cpSync(join(root, 'migrations'), copy, { recursive: true })
    // It ends with 0 also when it could not ask, so its words are what counts.
    return SCHEMAS.every((schema) => migrate(schema, relative(root, copy)).stdout.includes('No schema changes'))
  } finally {
    rmSync(copy, { recursive: true })
  }
}

const typeBindings = (): boolean => {
  const flags = ['--include-runtime=false', '--strict-vars=false', ...(isChecking ? ['--check'] : [])]
  const { status, stdout, stderr } = spawnSync(wrangler.command, [...wrangler.args, 'types', ...flags], {
    cwd: root,
    env: environment,
    encoding: 'utf8',
  })
  if (status !== 0 && !isChecking) console.error(stdout, stderr)
  return status === 0
}

const stale: string[] = []
const areMigrated = isChecking
  ? checkMigrations()
  : SCHEMAS.every((schema) => migrate(schema, './migrations').status === 0)
if (!areMigrated) stale.push('migrations')
if (!typeBindings()) stale.push('worker-configuration.d.ts')
if (stale.length > 0) {
  console.error(isChecking ? `Out of date: ${stale.join(', ')}. Run: npm run generate` : `Failed: ${stale.join(', ')}`)
  process.exitCode = 1
}
