import { createPrivateKey } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { SignJWT } from 'jose'
import { ServerProcess } from '../harness/server.ts'
import { memoryOf, processorClock } from './process.ts'
import type { Causerie, CauserieOptions, Person } from './scenario.ts'

const DAY_MS = 24 * 60 * 60_000
/** No password fits it: nobody of these signs in, for their sessions are there. */
const NO_PASSWORD = '$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'

/** The production bundle under bare `workerd serve`, on data of its own. */
export const startCauserie = async (options: CauserieOptions & { folder: string; port: number }): Promise<Causerie> => {
  const { folder, port, people: count = 0 } = options
  mkdirSync(folder, { recursive: true })
  const server = await ServerProcess.prepare({ folder, port })
  const people = await settle(folder, count)
  await server.start()
  const endWithUs = (): void => void server.kill()
  // Before its folder is thrown away.
  process.prependOnceListener('exit', endWithUs)
  let clock = processorClock(pidOf(server))
  return {
    name: 'causerie',
    url: server.url,
    folder,
    people,
    get pid() {
      return pidOf(server)
    },
    cpuMs: () => clock(),
    memory: () => memoryOf(pidOf(server)),
    async restart(meanwhile) {
      await server.kill()
      await meanwhile?.()
      await server.start()
      clock = processorClock(pidOf(server))
    },
    async stop() {
      process.off('exit', endWithUs)
      await server.kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const pidOf = ({ pid }: ServerProcess): number => {
  if (pid === null) throw new Error('The server does not run.')
  return pid
}

/** Puts people into the directory, each with a session, as if they had signed up and in. */
const settle = async (folder: string, count: number): Promise<Person[]> => {
  if (count === 0) return []
  const now = Date.now()
  const expiresAt = now + DAY_MS
  const db = new DatabaseSync(databaseIn(join(folder, 'state', 'v3', 'd1')))
  const numbers = `WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`
  db.exec(`
    ${numbers}
    INSERT INTO users (id, username, username_key, email, email_key, display_name, display_name_key, password_hash, is_admin, created_at)
    SELECT n, 'person' || n, 'person' || n, 'person' || n || '@example.org', 'person' || n || '@example.org',
      'Person ' || n, 'person ' || n, '${NO_PASSWORD}', 0, ${now} FROM numbers;
    ${numbers}
    INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at)
    SELECT 'session-' || n, n, ${now}, ${now}, ${expiresAt} FROM numbers;
  `)
  db.close()
  const sign = signer(folder, { now, expiresAt })
  return Promise.all(
    Array.from({ length: count }, async (_, i) => ({
      id: i + 1,
      username: `person${i + 1}`,
      token: await sign(i + 1),
    })),
  )
}

const databaseIn = (folder: string): string => {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find(
    (name) => name.endsWith('.sqlite') && !name.endsWith('metadata.sqlite'),
  )
  if (found === undefined) throw new Error(`There is no database in ${folder}`)
  return join(folder, found)
}

/** Signs as the server does, for a longer time. */
const signer = (folder: string, times: { now: number; expiresAt: number }): ((userId: number) => Promise<string>) => {
  const secrets = readFileSync(join(folder, 'secrets'), 'utf8')
  const [jwk] = JSON.parse(/^SIGNING_KEYS='(.*)'$/m.exec(secrets)?.[1] ?? '[]') as [{ kid: string }]
  const key = createPrivateKey({ key: jwk, format: 'jwk' })
  return (userId) =>
    new SignJWT({ sid: `session-${userId}` })
      .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: jwk.kid })
      .setSubject(String(userId))
      .setIssuer('causerie')
      .setAudience('causerie-api')
      .setIssuedAt(Math.floor(times.now / 1000))
      .setExpirationTime(Math.floor(times.expiresAt / 1000))
      .setJti(`person-${userId}`)
      .sign(key)
}
