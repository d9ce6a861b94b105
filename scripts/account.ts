import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { environment, root, wrangler } from './wrangler.ts'

export const DATABASE = 'causerie-directory'

/** A copy of wrangler.toml that knows this account's database; git ignores it. */
export const CONFIG = 'wrangler.deploy.toml'

/** Makes that copy; whether it could, for the account may have no such database yet. */
export const writeConfig = (): boolean => {
  if (!run('whoami', '--json').ok) fail('Sign in first: npx wrangler login (or set CLOUDFLARE_API_TOKEN).')
  const databases = JSON.parse(must('d1', 'list', '--json')) as { name: string; uuid: string }[]
  const id = databases.find(({ name }) => name === DATABASE)?.uuid
  if (id === undefined) return false
  const config = readFileSync(join(root, 'wrangler.toml'), 'utf8')
  writeFileSync(join(root, CONFIG), config.replace(/^database_id = .*$/m, `database_id = "${id}"`))
  return true
}

export const must = (...args: string[]): string => {
  const { ok, output } = run(...args)
  return ok ? output : fail(output)
}

/** What it printed is what it said, or else why it failed. */
export const run = (...args: string[]): { ok: boolean; output: string } => {
  console.log(`$ wrangler ${args.join(' ')}`)
  const { status, stdout, stderr } = spawnSync(wrangler.command, [...wrangler.args, ...args], {
    cwd: root,
    env: environment,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return { ok: status === 0, output: status === 0 ? stdout : `${stdout}${stderr}` }
}

export const fail = (reason: string): never => {
  console.error(reason)
  process.exit(1)
}
