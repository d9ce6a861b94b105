import { env, exports } from 'cloudflare:workers'
import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { expect, test, vi } from 'vitest'
import { openDirectory } from '../../src/directory/directory.ts'
import { usersByIds } from '../../src/directory/users.ts'
import { onError } from '../../src/http/failure.ts'
import app from '../../src/index.ts'
import { pair } from '../support/people.ts'
import { ask, newName, PASSWORD, signUp, statusOf } from '../support/rest.ts'
import { servedRoutes } from '../support/routes.ts'

const count = async () => (await env.DIRECTORY.prepare('SELECT COUNT(*) AS n FROM users').first<{ n: number }>())?.n
const good = () => {
  const username = newName('hostile')
  return { username, email: `${username}@example.org`, password: PASSWORD }
}
const json = { 'content-type': 'application/json' }
const bytes = (text: string) => new TextEncoder().encode(text)
const bodies: [string, () => { raw: BodyInit; headers?: Record<string, string> }, string][] = [
  ['half a body', () => ({ raw: JSON.stringify(good()).slice(0, -1), headers: json }), 'request.malformed'],
  ['no body', () => ({ raw: '', headers: json }), 'request.malformed'],
  ['invalid UTF-8', () => ({ raw: new Uint8Array([0x22, 0xff, 0xfe, 0x22]), headers: json }), 'request.malformed'],
  ['a form', () => ({ raw: new URLSearchParams(good()) }), 'request.media_type'],
  ['no type', () => ({ raw: bytes(JSON.stringify(good())) }), 'request.media_type'],
  ['a near type', () => ({ raw: '{}', headers: { 'content-type': 'application/jsonp' } }), 'request.media_type'],
  ['null', () => ({ raw: 'null', headers: json }), 'request.invalid'],
  ['a list', () => ({ raw: '[]', headers: json }), 'request.invalid'],
  ['a refusal of ours', () => ({ raw: '{"ok":false,"code":"session.revoked"}', headers: json }), 'request.invalid'],
  ['a deep one', () => ({ raw: '['.repeat(100_000) + ']'.repeat(100_000), headers: json }), 'request.invalid'],
  [
    '__proto__',
    () => ({ raw: `{"__proto__":{"isAdmin":true},${JSON.stringify(good()).slice(1)}`, headers: json }),
    'request.invalid',
  ],
  [
    'constructor',
    () => ({ raw: JSON.stringify({ ...good(), constructor: { prototype: { x: 1 } } }), headers: json }),
    'request.invalid',
  ],
  ['a privilege', () => ({ raw: JSON.stringify({ ...good(), isAdmin: true }), headers: json }), 'request.invalid'],
  ['a number as a name', () => ({ raw: JSON.stringify({ ...good(), username: 7 }), headers: json }), 'request.invalid'],
  [
    'an object as a password',
    () => ({ raw: JSON.stringify({ ...good(), password: { $ne: '' } }), headers: json }),
    'request.invalid',
  ],
  [
    'a lone surrogate in a name',
    () => ({ raw: JSON.stringify({ ...good(), displayName: 'x\uD800' }), headers: json }),
    'request.invalid',
  ],
  [
    'a lone surrogate in a password',
    () => ({ raw: JSON.stringify({ ...good(), password: `${PASSWORD}\uDC00` }), headers: json }),
    'request.invalid',
  ],
  [
    'NUL in a name',
    () => ({ raw: JSON.stringify({ ...good(), displayName: 'x\0y' }), headers: json }),
    'request.invalid',
  ],
  [
    'NUL in a username',
    () => ({ raw: JSON.stringify({ ...good(), username: 'x\0y' }), headers: json }),
    'request.invalid',
  ],
  [
    'an override in a name',
    () => ({ raw: JSON.stringify({ ...good(), displayName: 'x\u202Ey' }), headers: json }),
    'request.invalid',
  ],
  [
    'a short password',
    () => ({ raw: JSON.stringify({ ...good(), password: 'short' }), headers: json }),
    'request.invalid',
  ],
  [
    'a long password',
    () => ({ raw: JSON.stringify({ ...good(), password: 'x'.repeat(257) }), headers: json }),
    'request.invalid',
  ],
  ['256 KiB and a byte', () => ({ raw: ' '.repeat(256 * 1024 + 1), headers: json }), 'request.too_large'],
  ['256 KiB in two-byte letters', () => ({ raw: 'é'.repeat(128 * 1024 + 1), headers: json }), 'request.too_large'],
  [
    'a length that lies',
    () => ({ raw: ' '.repeat(300_000), headers: { ...json, 'content-length': '2' } }),
    'request.too_large',
  ],
]

test.each(bodies)('[REST1] %s is refused, and nothing is written', async (_, make, code) => {
  const before = await count()
  const reply = await ask('POST', '/v1/auth/register', make())

  expect(reply.body.code).toBe(code)
  expect(reply.status).toBeLessThan(500)
  expect(reply.headers.get('content-type')).toBe('application/problem+json')
  expect(await count()).toBe(before)
  expect(Object.prototype).not.toHaveProperty('isAdmin')
})

test('[REST1] a body may come in chunks, without a length', async () => {
  const chunks = (text: string, times: number) =>
    new ReadableStream({
      start(controller) {
        for (let i = 0; i < times; i++) controller.enqueue(new TextEncoder().encode(text))
        controller.close()
      },
    })
  const small = await ask('POST', '/v1/auth/register', { raw: chunks(JSON.stringify(good()), 1), headers: json })
  const large = await ask('POST', '/v1/auth/register', { raw: chunks(' '.repeat(1_000), 300), headers: json })

  expect(small.status).toBe(201)
  expect(large).toMatchObject({ status: 413, body: { code: 'request.too_large', detail: expect.any(String) } })
})

test('[REST2] what does not exist is a JSON 404, and a wrong method a 405 that says which are right', async () => {
  expect(await ask('GET', '/v1/nothing')).toMatchObject({ status: 404, body: { code: 'route.not_found' } })
  const wrong = await ask('DELETE', '/v1/auth/login')
  expect(wrong).toMatchObject({ status: 405, body: { code: 'route.method' } })
  expect(wrong.headers.get('allow')).toBe('POST')
  expect((await ask('POST', '/v1/me')).headers.get('allow')).toBe('GET, PATCH, DELETE')
  for (const path of ['//', '/v1//me', '/%', '/%ff', `/${'x'.repeat(5_000)}`]) {
    expect((await ask('GET', path)).status, path).toBe(404)
  }
})

test('[REST3] every answer carries the security headers', async () => {
  const { accessToken: token } = await signUp()
  const replies = [
    await ask('GET', '/health'),
    await ask('GET', '/v1/me', { token }),
    await ask('GET', '/v1/me'),
    await ask('GET', '/v1/nothing'),
    await ask('POST', '/v1/auth/register', { raw: ' '.repeat(300_000), headers: json }),
    await ask('POST', '/v1/auth/logout', { token }),
  ]

  expect(await statusOf(token)).toBe(401)
  for (const { headers } of replies) {
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
    expect(headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}/)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  }
})

test('[REST3] so does that of every route, of the documents too, to whoever asks', async () => {
  const bare: string[] = []
  for (const route of servedRoutes()) {
    const [method = '', path = ''] = route.split(' ')
    const url = `https://causerie.test${path.replaceAll(/:\w+(\{[^}]*\})?/g, '1')}`
    const { headers } = await exports.default.fetch(new Request(url, { method }))
    const isCarried =
      headers.get('x-content-type-options') === 'nosniff' &&
      headers.get('referrer-policy') === 'no-referrer' &&
      headers.has('strict-transport-security') &&
      headers.has('content-security-policy') &&
      headers.has('x-request-id')
    if (!isCarried) bare.push(route)
  }

  expect(servedRoutes().length).toBeGreaterThan(100)
  expect(bare).toEqual([])
})

test('[REST4] pages of other origins read nothing', async () => {
  const own = 'https://causerie.test'
  const allowed = async (origin: string, method = 'GET') =>
    (await ask(method, '/health', { headers: { origin } })).headers.get('access-control-allow-origin')

  expect(await allowed(own)).toBe(own)
  const foreign = [
    'https://evil.example',
    'null',
    'http://causerie.test',
    'https://causerie.test.evil.example',
    'https://causerie.test:8443',
    'https://CAUSERIE.test',
  ]
  for (const origin of foreign) {
    expect(await allowed(origin), origin).toBeNull()
    expect(await allowed(origin, 'OPTIONS'), origin).toBeNull()
  }
})

test.each([
  ['a bug', new TypeError('x is not a function'), 500],
  ['a statement of ours that the database refuses', new Error('D1_ERROR: no such table: x: SQLITE_ERROR'), 500],
  ['a database out of reach', new Error('D1_ERROR: Network connection lost.'), 503],
  ['a database without room', new Error('database or disk is full: SQLITE_FULL'), 503],
  ['a failure inside the platform', new Error('internal error; reference = aucvfcvmvdjrotepqhnto4va'), 503],
  ['an object that restarts', Object.assign(new Error('reset'), { durableObjectReset: true }), 503],
  ['an object with too much to do', Object.assign(new Error('too many at once'), { overloaded: true }), 503],
])('[REST5] %s is logged with its place, and the answer gives nothing away', async (_, error, status) => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  const failing = new Hono().use(requestId()).get('/:token', () => {
    throw error
  })
  failing.onError(onError)
  const response = await failing.request('/secret-token')

  expect(response.status).toBe(status)
  expect(response.headers.has('retry-after')).toBe(status === 503)
  expect(await response.text()).not.toContain(error.message)
  expect(JSON.parse(String(log.mock.calls[0]?.[0]))).toMatchObject({ route: '/:token', message: error.message })
  expect(String(log.mock.calls[0]?.[0])).not.toContain('secret-token')
  log.mockRestore()
})

test('[REST6] what a request began is done, also where nobody waits for its answer', async () => {
  const { alice, bob, conversationId } = await pair()
  const kept: Promise<unknown>[] = []
  const context = { waitUntil: (work: Promise<unknown>) => void kept.push(work), passThroughOnException: () => {} }
  const blocking = new Request(`https://causerie.test/v1/blocks/${bob.user.id}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${alice.accessToken}` },
  })

  // The platform stops a request whose client has gone at whatever it awaits, but for what it was asked to wait for.
  const answer = app.fetch(blocking, env, context as unknown as ExecutionContext)
  await kept[0]
  const sent = await ask('POST', `/v1/conversations/${conversationId}/messages`, {
    token: bob.accessToken,
    json: { clientId: 'late', content: { kind: 'text', text: 'too late' } },
  })

  expect(kept.length).toBeGreaterThan(0)
  expect(sent).toMatchObject({ status: 403, body: { code: 'conversation.blocked' } })
  expect((await answer).status).toBe(200)
})

test('[REST5] what a query was asked with is not logged', async () => {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  const failing = new Hono<{ Bindings: Env }>().use(requestId()).get('/', async (c) => {
    await c.env.DIRECTORY.exec('ALTER TABLE users RENAME TO gone')
    try {
      return c.json(await usersByIds(openDirectory(c.env), [424242]))
    } finally {
      await c.env.DIRECTORY.exec('ALTER TABLE gone RENAME TO users')
    }
  })
  failing.onError(onError)
  const response = await failing.request('/', {}, env)

  expect(response.status).toBe(500)
  expect(log.mock.calls.join()).toContain('no such table')
  expect(log.mock.calls.join()).not.toContain('424242')
  log.mockRestore()
})
