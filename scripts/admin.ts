// Who is an administrator: npm run admin -- promote <email or username>, or demote. With --remote, of the server on the edge;
// with --persist-to, of the one here that keeps its data there.
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { appointment } from '../src/directory/administrators.ts'
import { CONFIG, writeConfig } from './account.ts'
import { prepare } from './prepare.ts'
import { readFlags } from './server.ts'
import { environment, root, wrangler } from './wrangler.ts'

const flags = process.argv.slice(2)
const { positionals, values } = parseArgs({
  args: flags,
  options: { remote: { type: 'boolean' }, 'persist-to': { type: 'string' } },
  allowPositionals: true,
})
const [verb, login] = positionals

const set = (name: string, isAdmin: boolean): string | undefined => {
  const { state } = readFlags(flags)
  if (!values.remote) prepare(state)
  else if (!writeConfig()) throw new Error('Nothing is deployed on this account: npm run deploy')
  const where = values.remote ? ['--remote', '--config', CONFIG] : ['--local', '--persist-to', state]
  const args = ['d1', 'execute', 'DIRECTORY', ...where, '--json', '--command', appointment(name, isAdmin)]
  const { status, stdout, stderr } = spawnSync(wrangler.command, [...wrangler.args, ...args], {
    cwd: root,
    env: environment,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`The directory could not be reached.\n${stdout}${stderr}`)
  const [answer] = JSON.parse(stdout) as { results: { username: string }[] }[]
  return answer?.results[0]?.username
}

if ((verb !== 'promote' && verb !== 'demote') || login === undefined) {
  console.error('Usage: npm run admin -- promote|demote <email or username> [--remote, or --persist-to <folder>]')
  process.exitCode = 2
} else {
  const username = set(login, verb === 'promote')
  if (username === undefined) {
    console.error(`There is no account ${login}.`)
    process.exitCode = 1
  } else console.log(`${username} is ${verb === 'promote' ? 'now' : 'no longer'} an administrator.`)
}
