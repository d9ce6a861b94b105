// `npm run deploy`: makes what the account does not have yet, then puts this version into service. With --dry-run it only says so, with
// --configure it only writes the configuration, and with --at-once no object goes on with the code of before.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CONFIG, DATABASE, fail, must, run, writeConfig } from './account.ts'
import { newSecrets } from './secrets.ts'

// Without the `--` before it, npm takes the flag for its own and only says so here.
const atOnce = process.argv.includes('--at-once') ? ['--durable-objects-code-update-mode', 'immediate'] : []
const isRehearsal = process.argv.includes('--dry-run') || process.env['npm_config_dry_run'] === 'true'

const main = (): void => {
  if (isRehearsal) return rehearse()
  if (process.argv.includes('--configure')) {
    if (!writeConfig()) fail(`The account has no ${DATABASE}.`)
    return
  }
  if (!writeConfig()) {
    must('d1', 'create', DATABASE)
    if (!writeConfig()) fail(`The account does not list ${DATABASE} although it was just made.`)
  }
  const secrets = missingSecrets()
  // Before the code that needs them: a migration only adds, so the version in service goes on.
  must('d1', 'migrations', 'apply', 'DIRECTORY', '--remote', '--config', CONFIG)
  console.log(deploy(secrets))
}

const rehearse = (): void => {
  const steps = [
    ['unless the account has it', `wrangler d1 create ${DATABASE}`],
    ['with the id of that database', `write ${CONFIG}`],
    ['unless the worker has them', `make random ${Object.keys(newSecrets()).join(' and ')}`],
    ['always', `wrangler d1 migrations apply DIRECTORY --remote --config ${CONFIG}`],
    ['always', `wrangler deploy --config ${CONFIG}`],
  ]
  console.log('No account is asked and nothing is changed. A deployment runs:')
  for (const [when, step] of steps) console.log(`  ${when?.padEnd(30)}${step}`)
  console.log('Its bundle:')
  const output = must('deploy', '--dry-run', '--outdir', 'dist/worker')
  console.log(output.match(/^Total Upload.*$/m)?.[0] ?? output)
}

/** New values for the secrets that the worker does not have: one that exists stays, or everybody would be signed out. */
const missingSecrets = (): Record<string, string> => {
  const { ok, output } = run('secret', 'list', '--format', 'json', '--config', CONFIG)
  const isFirst = !ok && /Worker ".*" not found/.test(output)
  if (!ok && !isFirst) fail(output)
  const present = isFirst ? [] : (JSON.parse(output) as { name: string }[]).map(({ name }) => name)
  return Object.fromEntries(Object.entries(newSecrets()).filter(([name]) => !present.includes(name)))
}

const deploy = (secrets: Record<string, string>): string => {
  if (Object.keys(secrets).length === 0) return must('deploy', '--config', CONFIG, ...atOnce)
  const folder = mkdtempSync(join(tmpdir(), 'causerie-'))
  const file = join(folder, 'secrets.json')
  writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 })
  const { ok, output } = run('deploy', '--config', CONFIG, ...atOnce, '--secrets-file', file)
  rmSync(folder, { recursive: true })
  return ok ? output : fail(output)
}

main()
