import { createExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import app from '../../src/index.ts'
import type { SignedIn, Ticket } from '../../src/protocol/auth.ts'
import { CLOSE } from '../../src/protocol/socket.ts'
import { ask, PASSWORD, randomAddress, signUp } from '../support/rest.ts'

const OWN = 'https://causerie.test'
const LISTED = ['https://chat.example', 'https://app.example:8443']
/** As somebody may write it in a configuration. */
const ALLOWED_ORIGINS = ` ${LISTED.join('  ')} `

/** What is not the server's own origin and not listed, however much it looks like one of them. */
const foreign = [
  'null',
  'NULL',
  '',
  '*',
  'undefined',
  'https://evil.example',
  ...[OWN, ...LISTED].flatMap((good) => {
    const { protocol, host, hostname, port } = new URL(good)
    const origin = (name: string) => `${protocol}//${name}`
    return [
      origin(`sub.${host}`),
      origin(`evil${host}`),
      origin(`${hostname}.evil.example`),
      origin(`evil.example?${host}`),
      origin(`evil.example#${host}`),
      origin(`evil.example/${host}`),
      origin(`${host}@evil.example`),
      origin(`user:password@${host}`),
      origin(`${hostname}:${port === '8443' ? '8444' : '8443'}`),
      origin(`${hostname}:0443`),
      origin(`${hostname}.`),
      origin(hostname.replace('.', '')),
      // As browsers write a name with a letter that only looks like an a.
      new URL(origin(host.replace('a', '\u0430'))).origin,
      origin(hostname.replace('a', '%61')),
      good.toUpperCase(),
      good.replace('https', 'HTTPS'),
      good.replace('https', 'http'),
      good.replace('https', 'wss'),
      good.replace('https:', ''),
      host,
      `${good}/`,
      `${good},${good}`,
      `${good} https://evil.example`,
      `https://evil.example ${good}`,
      `blob:${good}`,
      good.slice(0, -1),
    ]
  }),
]

type Init = { method?: string; body?: string; headers: Record<string, string> }

const call = async (path: string, init: Init): Promise<Response> => {
  const headers = { 'cf-connecting-ip': randomAddress(), ...init.headers }
  return app.request(`${OWN}${path}`, { ...init, headers }, { ...env, ALLOWED_ORIGINS }, createExecutionContext())
}

/** How the socket is closed; null where it stays open. */
const closingOf = async (path: string, headers: Record<string, string>): Promise<number | null> => {
  const { webSocket } = await call(path, { headers: { upgrade: 'websocket', ...headers } })
  if (!webSocket) throw new Error('no socket')
  const first = new Promise<number | null>((resolve) => {
    webSocket.addEventListener('close', ({ code }) => resolve(code))
    webSocket.addEventListener('message', () => resolve(null))
  })
  webSocket.accept()
  const code = await first
  if (code === null) webSocket.close()
  return code
}

const ticketFor = async ({ accessToken }: SignedIn) =>
  (await ask<Ticket>('POST', '/v1/auth/ticket', { token: accessToken })).body.ticket

test('[CONN5] no origin that only resembles an allowed one opens a socket, whatever it brings', async () => {
  const alice = await signUp()
  const ticket = await ticketFor(alice)
  const proofs: [path: string, headers: Record<string, string>][] = [
    ['/v1/socket', { 'sec-websocket-protocol': `causerie.v1, ticket.${ticket}` }],
    [`/v1/socket?ticket=${ticket}`, {}],
    ['/v1/socket', { authorization: `Bearer ${alice.accessToken}` }],
    ['/v1/socket', {}],
  ]

  for (const origin of foreign) {
    for (const [path, headers] of proofs) {
      expect(await closingOf(path, { ...headers, origin }), origin).toBe(CLOSE.originRefused)
    }
  }

  expect(new Set(foreign).size).toBeGreaterThanOrEqual(80)
  for (const origin of [OWN, ...LISTED]) {
    expect(await closingOf(`/v1/socket?ticket=${await ticketFor(alice)}`, { origin }), origin).toBeNull()
  }
})

test('[CONN5] who sends no origin brings a ticket or a token', async () => {
  const alice = await signUp()

  expect(await closingOf('/v1/socket', {})).toBe(CLOSE.ticketInvalid)
  expect(await closingOf(`/v1/socket?ticket=${await ticketFor(alice)}`, {})).toBeNull()
  expect(await closingOf('/v1/socket', { authorization: `Bearer ${alice.accessToken}` })).toBeNull()
})

test('[CONN5] without a token the sockets of the documents take nobody, of whatever origin', async () => {
  for (const path of ['/messages/ws', '/ws', '/ws/x', '/messages/ws?token=', '/ws?token=x']) {
    for (const origin of [OWN, ...LISTED, ...foreign]) {
      expect(await closingOf(path, { origin }), `${path} ${origin}`).toBeGreaterThan(1000)
    }
  }
})

test('[REST4] no origin that only resembles an allowed one reads an answer, and none acts through a cookie', async () => {
  const { user, accessToken, refreshToken } = await signUp()
  const bearer = { authorization: `Bearer ${accessToken}` }
  const json = (body: object) => ({ body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })
  const preflight = (method: string) => ({
    method: 'OPTIONS',
    headers: { 'access-control-request-method': method, 'access-control-request-headers': 'authorization' },
  })
  const calls: [path: string, init: Init][] = [
    ['/v1/me', { headers: bearer }],
    ['/v1/me', preflight('PATCH')],
    ['/v1/conversations', { headers: bearer }],
    ['/v1/nothing', { headers: {} }],
    ['/v1/auth/login', { method: 'POST', ...json({ login: user.username, password: 'wrong horse battery' }) }],
    ['/messages', { headers: bearer }],
    ['/messages', preflight('POST')],
    ['/openapi.json', { headers: {} }],
  ]
  const sharing = async (path: string, init: Init, origin: string) => {
    const { headers } = await call(path, { ...init, headers: { ...init.headers, origin } })
    expect(headers.get('set-cookie')).toBeNull()
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    return headers.get('access-control-allow-origin')
  }

  for (const [path, init] of calls.filter(([path]) => path !== '/v1/auth/login')) {
    for (const origin of foreign) expect(await sharing(path, init, origin), `${path} ${origin}`).toBeNull()
  }

  for (const [path, init] of calls) {
    for (const origin of [OWN, ...LISTED]) expect(await sharing(path, init, origin), path).toBe(origin)
  }
  // What signs in says so in its body alone, so that no page acts for who happens to be signed in.
  for (const [path, body] of [
    ['/v1/auth/login', { login: user.username, password: PASSWORD }],
    ['/v1/auth/refresh', { refreshToken }],
  ] as const) {
    const answer = await call(path, { method: 'POST', ...json(body) })
    expect([answer.status, answer.headers.get('set-cookie')], path).toEqual([200, null])
  }
  expect((await call('/v1/me', { headers: { cookie: `session=${accessToken}; token=${accessToken}` } })).status).toBe(
    401,
  )
})
