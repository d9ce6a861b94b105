// A new key for access tokens: npm run rotate-keys. Tokens of the key before it stay good, unless with --at-once.
// With --remote it is the server on the edge, and --url says where that is.
import { spawnSync } from 'node:child_process'
import type { JsonWebKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { CONFIG, fail, writeConfig } from './account.ts'
import { rotatedKeys } from './secrets.ts'
import { environment, root, wrangler } from './wrangler.ts'

const { values } = parseArgs({
  options: { 'at-once': { type: 'boolean' }, remote: { type: 'boolean' }, url: { type: 'string' } },
})

/** The public half of the key that signs now, from the server itself: nobody can read a secret back. */
const published = async (): Promise<JsonWebKey[]> => {
  const url = values.url ?? (values.remote ? fail('Say where the server is: --url https://…') : 'http://localhost:8787')
  const response = await fetch(new URL('/.well-known/jwks.json', url)).catch(() => null)
  if (!response?.ok) return fail(`${url} does not answer, and only the server knows its key. Start it, or give --url.`)
  const { keys } = (await response.json()) as { keys: JsonWebKey[] }
  return keys.slice(0, 1)
}

const putLocally = (keys: string): void => {
  const file = join(root, '.dev.vars')
  const vars = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    vars.replace(/^SIGNING_KEYS=.*$/m, () => `SIGNING_KEYS='${keys}'`),
  )
}

const putRemotely = (keys: string): void => {
  if (!writeConfig()) fail('Nothing is deployed on this account: npm run deploy')
  const { status, output } = spawnSync(
    wrangler.command,
    [...wrangler.args, 'secret', 'put', 'SIGNING_KEYS', '--config', CONFIG],
    { cwd: root, env: environment, encoding: 'utf8', input: keys },
  )
  if (status !== 0) fail(output.join(''))
}

const keys = rotatedKeys(values['at-once'] ? [] : await published())
if (values.remote) putRemotely(keys)
else putLocally(keys)
console.log(
  values['at-once']
    ? 'A new key signs, and every access token until now is refused. Clients renew theirs; those of one token sign in again.'
    : 'A new key signs, and the one before it verifies. The one before that is retired.',
)
if (!values.remote) console.log('The server reads its keys when it starts: start it anew.')
