import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PASSWORD } from '../chaos/person.ts'
import { type Guest, newGuest, openClient, openGroup, randomNetwork } from './guest.ts'
import type { Row, RowContext, Shown } from './row.ts'

type Target = { name: string; path: string; method?: string; json?: object; form?: string; withDevice?: boolean }

const AT_ONCE = 2

/** Someone else's idea of what breaks SQL. */
export const injection: Row = {
  id: 'S16',
  demands: 'sqlmap of level 3 on texts and numbers in path, query, JSON and forms: nothing found, and no 5xx',
  run: async (context) => {
    if (spawnSync('sqlmap', ['--version']).error) return { isGood: null, figure: 'needs sqlmap' }
    const server = await context.server()
    await server.start()
    const front = await putInFront(server.url)
    try {
      return await probe(context, server.url, front)
    } finally {
      front.close()
      await server.kill()
    }
  },
}

const probe = async (context: RowContext, base: string, front: Front): Promise<Shown> => {
  const guest = await newGuest(base)
  const group = await openGroup(base, guest, [await newGuest(base)])
  const client = await openClient(base, guest)
  const said = (await client.say(group, 'first'))?.result?.message.id ?? 0
  client.socket.cut()
  const waiting = targetsOf({ guest, group, message: said })
  const count = waiting.length
  const findings: string[] = []
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const folder = join(context.folder('memory'), 'sqlmap')
      findings.push(...(await sqlmap({ target: next, url: front.url, token: guest.token, folder })))
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return told(`${count} routes`, front.statuses, findings)
}

/** What one of the two that look for holes came to. */
export const told = (what: string, statuses: Map<number, number>, findings: string[]): Shown => {
  const answers = [...statuses].toSorted(([a], [b]) => a - b)
  const total = answers.reduce((sum, [, times]) => sum + times, 0)
  const faults = answers.reduce((sum, [status, times]) => sum + (status >= 500 ? times : 0), 0)
  const figure =
    `${what}, ${total} requests (${answers.map(([status, times]) => `${times} × ${status}`).join(', ')}): ` +
    `${findings.length} findings, ${faults} × 5xx` +
    findings.map((finding) => `\n     ${finding}`).join('')
  return { isGood: findings.length + faults === 0 && total > 0, figure }
}

/** Of every kind of value that reaches a statement, in each place where a request may have it. `*` is where sqlmap writes. */
export const targetsOf = ({ guest, group, message }: { guest: Guest; group: number; message: number }): Target[] => [
  { name: 'search of people', path: `/v1/users?query=${guest.name}&limit=5` },
  { name: 'people by ids', path: `/v1/users?ids=${guest.id}` },
  { name: 'a page of the inbox', path: '/v1/conversations?cursor=1.1&limit=5' },
  { name: 'a person', path: `/v1/users/${guest.id}*` },
  { name: 'a conversation', path: `/v1/conversations/${group}*` },
  { name: 'history', path: `/v1/conversations/${group}/messages?before=9&limit=5` },
  { name: 'changes', path: `/v1/conversations/${group}/changes?since=0&limit=5` },
  { name: 'a message', path: `/v1/messages/${message}*` },
  { name: 'a reaction', method: 'PUT', path: `/v1/messages/${message}/reactions/%F0%9F%91%8D*` },
  { name: 'events', path: '/v1/events?from=2030-01-01T00:00:00Z&limit=5' },
  { name: 'a calendar', path: '/v1/events/1*.ics' },
  { name: 'a session', method: 'DELETE', path: '/v1/auth/sessions/abc*' },
  {
    name: 'signing in',
    method: 'POST',
    path: '/v1/auth/login',
    json: { login: guest.name, password: PASSWORD },
    withDevice: true,
  },
  { name: 'refreshing', method: 'POST', path: '/v1/auth/refresh', json: { refreshToken: 'abc' } },
  { name: 'the profile', method: 'PATCH', path: '/v1/me', json: { displayName: 'x' } },
  { name: 'a title', method: 'PATCH', path: `/v1/conversations/${group}`, json: { title: 'x' } },
  {
    name: 'a message to be',
    method: 'POST',
    path: `/v1/conversations/${group}/messages`,
    json: { clientId: 'x', content: { kind: 'text', text: 'x' }, replyTo: message },
  },
  {
    name: 'an event to be',
    method: 'POST',
    path: '/v1/events',
    json: { title: 'x', startsAt: '2030-01-01T00:00:00Z' },
  },
  { name: 'a form', method: 'POST', path: '/login', form: `username=${guest.name}&password=x` },
]

type Run = { target: Target; url: string; token: string; folder: string }

/** What it says that can be injected. */
const sqlmap = async ({ target, url, token, folder }: Run): Promise<string[]> => {
  const { name, path, method = 'GET', json, form, withDevice } = target
  const data = json === undefined ? form : JSON.stringify(json)
  const args = [
    '-u',
    url + path,
    `--method=${method}`,
    '--batch',
    '--level=3',
    '--risk=2',
    '--dbms=SQLite',
    `--output-dir=${folder}`,
    '--disable-coloring',
    '--flush-session',
    '--time-sec=2',
    '--threads=4',
    '--keep-alive',
    '--skip-waf',
    // A refusal is an answer like another.
    '--ignore-code=*',
    `--headers=Authorization: Bearer ${token}${json === undefined ? '' : '\\nContent-Type: application/json'}`,
    ...(data === undefined ? [] : [`--data=${data}`]),
    ...(withDevice ? [] : ['--skip=user-agent,referer,host']),
  ]
  const child = spawn('sqlmap', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const output: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk))
  await once(child, 'close')
  const text = Buffer.concat(output).toString()
  const found = text
    .split('\n')
    .filter((each: string) => /^Parameter: |is vulnerable|appears to be .* injectable/.test(each))
  // It says so itself when it has tried everything.
  const isWhole = /all tested parameters do not appear to be injectable/.test(text)
  return [...found, ...(isWhole || found.length > 0 ? [] : [`it did not come to an end: ${text.slice(-400)}`])].map(
    (line) => `${name}: ${line}`,
  )
}

type Front = { url: string; statuses: Map<number, number>; close: () => void }

/** Between the two: counts the answers, and gives each request a network of its own, for those of one are slowed down. */
export const putInFront = async (base: string): Promise<Front> => {
  const statuses = new Map<number, number>()
  const server: Server = createServer((asked, answer) => {
    const { method, url, headers } = asked
    const onward = { method, path: url, headers: { ...headers, 'cf-connecting-ip': randomNetwork() } }
    const sent = request(base, onward, (response) => {
      const { statusCode = 0 } = response
      statuses.set(statusCode, (statuses.get(statusCode) ?? 0) + 1)
      answer.writeHead(statusCode, response.headers)
      response.pipe(answer)
    })
    sent.once('error', () => answer.destroy())
    asked.pipe(sent)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, statuses, close: () => server.close() }
}
