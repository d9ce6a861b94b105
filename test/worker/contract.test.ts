import { env, exports } from 'cloudflare:workers'
import { beforeAll, expect, test } from 'vitest'
import * as z from 'zod'
import type { OpenApi } from '../../src/contract/openapi.ts'
import { openApiPath } from '../../src/contract/operations.ts'
import { DIALECT_ROUTES } from '../../src/dialects/contract.ts'
import { appointment } from '../../src/directory/administrators.ts'
import { ROUTES } from '../../src/http/contract.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { BackupPage } from '../../src/protocol/backup.ts'
import { messageIdOf } from '../../src/protocol/ids.ts'
import { BACKUP_TOKEN } from '../support/backup.ts'
import { readerOf } from '../support/contract.ts'
import { openDirect, pair, text } from '../support/people.ts'
import { ask, PASSWORD, randomAddress, signUp } from '../support/rest.ts'
import { servedRoutes } from '../support/routes.ts'

let openApi: OpenApi

beforeAll(async () => {
  openApi = (await ask<OpenApi>('GET', '/openapi.json')).body
})

test('[DOC1] every route of the running app is in the contract, and no other', () => {
  const described = Object.entries(openApi.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )

  expect(Object.keys({ ...ROUTES, ...DIALECT_ROUTES }).toSorted()).toEqual(servedRoutes())
  expect(described.toSorted()).toEqual(servedRoutes().map(openApiPath).toSorted())
})

type Call = {
  who?: Pick<SignedIn, 'accessToken'>
  at?: Record<string, string | number>
  query?: string
  json?: unknown
}
type Answered = { status: number; body: unknown }

/** Calls a route and holds the answer against the contract: its status, its body to the last field, or its code. */
const call = async (route: string, { who, at = {}, query = '', json }: Call = {}): Promise<Answered> => {
  const [method = '', path = ''] = route.split(' ')
  const described = openApi.paths[openApiPath(path)]?.[method.toLowerCase()]
  const url = openApiPath(path).replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(at[name] ?? ''))
  const headers = new Headers({ 'cf-connecting-ip': randomAddress() })
  if (who) headers.set('authorization', `Bearer ${who.accessToken}`)
  if (json !== undefined) headers.set('content-type', 'application/json')
  const body = json === undefined ? null : JSON.stringify(json)
  const response = await exports.default.fetch(
    new Request(`https://causerie.test${url}${query}`, { method, headers, body }),
  )

  const { status } = response
  const said = await response.text()
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
  const promised = described?.responses[String(status)]
  expect(promised, `${route} answers ${status} ${said}`).toBeDefined()
  const { content } = promised ?? {}
  expect(said === '' ? [] : [type], route).toEqual(Object.keys(content ?? {}))
  const schema = content?.[type]?.schema
  if (!schema || !type.endsWith('json')) return { status, body: said }
  const answer: unknown = JSON.parse(said)
  const read = readerOf(schema, openApi).safeParse(answer)
  expect(read.error?.issues, `${route} ${said}`).toBeUndefined()
  const own = ROUTES[route]?.[1][status]
  if (own instanceof z.ZodType) expect(own.parse(answer), route).toEqual(answer)
  return { status, body: answer }
}

test('[DOC2] every native route answers as the contract says, to its owner and to a stranger', async () => {
  const { alice, bob, conversationId } = await pair()
  const [carol, mallory] = [await signUp(), await signUp()]
  const calls: [route: string, given: Call][] = []
  const done = async <Body>(route: string, given: Call = {}): Promise<Body> => {
    calls.push([route, given])
    const { status, body } = await call(route, given)
    expect(status, `${route} ${JSON.stringify(body)}`).toBeLessThan(400)
    return body as Body
  }
  type Made = { id: number }

  const name = `dora${crypto.randomUUID().slice(0, 8)}`
  const json = { username: name, email: `${name}@example.org`, password: PASSWORD }
  const dora = await done<SignedIn>('POST /v1/auth/register', { json })
  const second = await done<SignedIn>('POST /v1/auth/login', { json: { login: name, password: PASSWORD } })
  await done('POST /v1/auth/refresh', { json: { refreshToken: second.refreshToken } })
  await done('GET /v1/auth/sessions', { who: dora })
  await done('DELETE /v1/auth/sessions/:id', { who: dora, at: { id: second.sessionId } })
  await done('POST /v1/auth/ticket', { who: alice })
  await done('GET /v1/me', { who: alice })
  await done('PATCH /v1/me', { who: alice, json: { displayName: 'Alice' } })
  await done('GET /v1/users', { who: alice, query: `?query=${name}` })
  await done('GET /v1/users', { who: alice, query: `?ids=${bob.user.id},${carol.user.id}` })
  await done('GET /v1/users/:id', { who: alice, at: { id: bob.user.id } })

  const userId = alice.user.id
  const asked = async (who: SignedIn) =>
    (await done<{ request: Made }>('POST /v1/friend-requests', { who, json: { userId } })).request
  await asked(bob)
  const again = await asked(bob)
  await done('GET /v1/friend-requests', { who: alice })
  await done('POST /v1/friend-requests/:id/accept', { who: alice, at: again })
  await done('GET /v1/friends', { who: alice })
  await done('DELETE /v1/friends/:userId', { who: alice, at: { userId: bob.user.id } })
  await done('POST /v1/friend-requests/:id/decline', { who: alice, at: await asked(carol) })
  await done('DELETE /v1/friend-requests/:id', { who: carol, at: await asked(carol) })
  await done('PUT /v1/blocks/:userId', { who: alice, at: { userId: dora.user.id } })
  await done('GET /v1/blocks', { who: alice })
  await done('DELETE /v1/blocks/:userId', { who: alice, at: { userId: dora.user.id } })

  const group = { kind: 'group', title: 'Picnic', memberIds: [bob.user.id], clientId: 'once' }
  const { conversation } = await done<{ conversation: Made }>('POST /v1/conversations', { who: alice, json: group })
  await done('POST /v1/conversations', { who: alice, json: { kind: 'direct', userId: bob.user.id } })
  await done('GET /v1/conversations', { who: alice })
  const at = { id: conversation.id }
  await done('GET /v1/conversations/:id', { who: alice, at })
  await done('PATCH /v1/conversations/:id', { who: alice, at, json: { title: 'Dinner' } })
  await done('GET /v1/conversations/:id/members', { who: alice, at })
  await done('POST /v1/conversations/:id/members', { who: alice, at, json: { userIds: [dora.user.id] } })
  const doraThere = { ...at, userId: dora.user.id }
  await done('PATCH /v1/conversations/:id/members/:userId', { who: alice, at: doraThere, json: { role: 'admin' } })
  await done('DELETE /v1/conversations/:id/members/:userId', { who: alice, at: doraThere })
  const invited = { userId: carol.user.id, conversationId: conversation.id, message: 'Come!' }
  const invitation = await done<Made>('POST /v1/invitations', { who: alice, json: invited })
  await done('GET /v1/invitations', { who: carol })
  await done('POST /v1/invitations/:id/accept', { who: carol, at: invitation })
  const other = await done<Made>('POST /v1/invitations', { who: alice, json: { userId: dora.user.id } })
  await done('POST /v1/invitations/:id/decline', { who: dora, at: other })

  const words = { clientId: 'said', content: text('bonjour'), mentions: [bob.user.id] }
  const { id } = await done<Made>('POST /v1/conversations/:id/messages', { who: alice, at, json: words })
  await done('POST /v1/conversations/:id/messages', { who: alice, at, json: words })
  await done('GET /v1/conversations/:id/messages', { who: alice, at, query: '?limit=10' })
  await done('GET /v1/conversations/:id/changes', { who: alice, at, query: '?since=0' })
  await done('PUT /v1/conversations/:id/read', { who: bob, at, json: { seq: 1 } })
  await done('GET /v1/messages/:id', { who: bob, at: { id } })
  await done('PATCH /v1/messages/:id', { who: alice, at: { id }, json: { content: text('bonsoir') } })
  await done('PUT /v1/messages/:id/reactions/:emoji', { who: bob, at: { id, emoji: '👍' } })
  await done('DELETE /v1/messages/:id/reactions/:emoji', { who: bob, at: { id, emoji: '👍' } })
  await done('PUT /v1/messages/:id/pin', { who: alice, at: { id } })
  await done('DELETE /v1/messages/:id/pin', { who: alice, at: { id } })
  await done('DELETE /v1/messages/:id', { who: alice, at: { id } })

  const plan = { title: `Ball of ${name}`, startsAt: '2030-01-01T20:00:00.000Z' }
  const event = await done<Made>('POST /v1/events', { who: alice, json: plan })
  await done('GET /v1/events', { who: alice, query: '?limit=5' })
  await done('GET /v1/events/:id', { who: bob, at: event })
  await done('GET /v1/events/:file{.+\\.ics}', { who: bob, at: { file: event.id } })
  await done('PATCH /v1/events/:id', { who: alice, at: event, json: { location: 'the barn' } })
  await done('PUT /v1/events/:id/rsvp', { who: bob, at: event, json: { answer: 'yes' } })
  await done('DELETE /v1/events/:id/rsvp', { who: bob, at: event })

  for (const route of ['/health', '/.well-known/jwks.json', '/openapi.json', '/asyncapi.json', '/docs']) {
    await done(`GET ${route}`)
  }
  await env.DIRECTORY.prepare(appointment(alice.user.username, true)).run()
  await done('GET /metrics', { who: alice })
  const restored = { who: alice, at, json: { time: new Date().toISOString() } }
  const who = { accessToken: BACKUP_TOKEN }
  const copy = await done<{ id: string }>('POST /v1/backup/snapshots', { who })
  const rowsOf = ({ items }: BackupPage, table: string) => ({
    table,
    rows: items.flatMap((item) => (item.table === table ? [item.row] : [])),
  })
  const directory = await done<BackupPage>('GET /v1/backup/snapshots/:id', { who, at: copy })
  await done('POST /v1/backup/rows', { who, json: rowsOf(directory, 'users') })
  await done('DELETE /v1/backup/snapshots/:id', { who, at: copy })
  await done('GET /v1/backup/conversations', { who })
  const page = await done<BackupPage>('GET /v1/backup/conversations/:id', { who, at })
  await done('POST /v1/backup/conversations/:id/rows', { who, at, json: rowsOf(page, 'members') })
  // The local platform keeps no history.
  expect((await call('POST /v1/admin/conversations/:id/restore', restored)).status).toBe(409)
  expect((await call('GET /v1/socket')).status).toBe(426)

  // The same by one whose things these are not, and by nobody.
  for (const [route, { who, ...given }] of calls) {
    await call(route, { ...given, who: mallory })
    if (who) expect((await call(route, given)).status, route).toBe(401)
  }
  expect(await openDirect(alice, bob)).toBe(conversationId)

  // What ends something.
  await done('DELETE /v1/events/:id', { who: alice, at: event })
  await done('DELETE /v1/conversations/:id', { who: alice, at })
  const passwords = { currentPassword: PASSWORD, newPassword: 'another horse battery' }
  await done('PUT /v1/me/password', { who: carol, json: passwords })
  await done('POST /v1/auth/logout', { who: carol })
  await done('DELETE /v1/me', { who: dora, json: { password: PASSWORD } })
  const apart = ['GET /v1/socket', 'POST /v1/admin/conversations/:id/restore']
  const native = Object.keys(ROUTES).filter((route) => !apart.includes(route))
  expect(native.filter((route) => !calls.some(([called]) => called === route))).toEqual([])
}, 60_000)

test('[DOC3] every refusal has a code that the contract lists for its route', async () => {
  const who = await signUp()
  const ids = { nobody: 99_999, 'no number': 'x', 'too large': '9'.repeat(17), message: messageIdOf(99_999, 1) }
  const last = ['POST /v1/auth/logout']

  for (const route of Object.keys(ROUTES).filter((each) => each.includes(' /v1/') && !last.includes(each))) {
    for (const id of Object.values(ids)) {
      const at = { id, userId: id, file: id, emoji: '👍' }
      const takesBody = /^(?:POST|PUT|PATCH) /.test(route)
      const { status, body } = await call(route, { who, at, ...(takesBody && { json: { userIds: [id], seq: 1 } }) })
      expect(status, `${route} ${JSON.stringify(body)}`).toBeLessThan(500)
    }
    expect(await call(route, { who, at: { id: 1, userId: 1, file: 1, emoji: 'x' }, query: '?limit=0' })).toBeDefined()
  }
})

test('[DOC5] the page for people names every route and runs nothing', async () => {
  const response = await exports.default.fetch(new Request('https://causerie.test/docs'))
  const page = await response.text()

  expect(response.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; style-src 'self'; img-src 'self';/,
  )
  expect(page).not.toMatch(/<script|javascript:|\son\w+=|style=|https?:/i)
  expect(Object.keys(openApi.paths).filter((path) => !page.includes(`<code>${path}</code>`))).toEqual([])
  const ids = new Set([...page.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))
  const links = [...page.matchAll(/ href="#([^"]+)"/g)].map(([, id]) => id)
  expect(links.filter((id) => !ids.has(id))).toEqual([])
})
