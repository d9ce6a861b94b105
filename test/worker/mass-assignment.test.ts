import { env } from 'cloudflare:workers'
import { beforeAll, expect, test } from 'vitest'
import { operationsOf } from '../../src/contract/operations.ts'
import { ROUTES } from '../../src/http/contract.ts'
import app from '../../src/index.ts'
import type { Problem } from '../../src/protocol/errors.ts'
import { addressOf, BODIES, type Given, givenTo } from '../authz/calls.ts'
import { Cast } from '../authz/cast.ts'
import { BACKUP_TOKEN } from '../support/backup.ts'
import { ask } from '../support/rest.ts'

/** What nobody gives themselves, nor what they send, in the spellings of programs that would take it. */
const PRIVILEGED = `
  isAdmin is_admin admin role roles permissions scope isOwner verified id _id ownerId owner_id senderId
  sender_id createdBy sessionId sub by seq rev epoch readSeq memberCount editedAt deletedAt createdAt updatedAt
  lastSeen passwordHash password_hash usernameKey emailVerified expiresAt reactions pinned fromApi constructor
  prototype toString $set x-causerie-session
`
  .trim()
  .split(/\s+/)

type Json = Record<string, unknown>

const operations = operationsOf(app.routes, ROUTES)
/** Every native route that takes a body; one that joins them has a row in the table of rights, and so an example of its body. */
const bodies = operations
  .filter(({ declared }) => declared.json)
  .map(({ method, path }) => `${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
const APART = ['/v1/socket', '/v1/backup/snapshots/{id}']
const queries = operations.filter(({ declared, path }) => declared.query && !APART.includes(path))

let cast: Cast
let given: Given
/** Of the conversation the owner, of the server the administrator: those whose requests are taken but for what is too much. */
const actorOf = (row: string) => (row.includes('/admin/') ? 'administrator' : OWN.test(row) ? 'member' : 'owner')
const isOperators = (row: string) => row.includes('/backup/')
const OWN = / \/v1\/(?:messages|events)\/:id/

beforeAll(async () => {
  cast = await Cast.gather()
}, 60_000)

/** All that the directory holds, and how far the conversations are. */
const state = async (): Promise<string> => {
  const tables = ['users', 'sessions', 'conversations', 'members', 'events', 'invitations', 'friend_requests']
  const rows = await Promise.all(
    tables.map(async (table) => {
      const exists = env.DIRECTORY.prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").bind(table)
      if (!(await exists.first())) return null
      return (await env.DIRECTORY.prepare(`SELECT * FROM ${table}`).all()).results
    }),
  )
  return JSON.stringify([rows, await cast.state()])
}

const send = (row: string, raw: string) => {
  const [method = ''] = row.split(' ')
  const token = isOperators(row) ? BACKUP_TOKEN : cast.token(actorOf(row))
  const headers = { 'content-type': 'application/json' }
  return ask<Problem | null>(method, addressOf(row, given), { ...(token !== undefined && { token }), raw, headers })
}

/** A text in which this object, and every one inside it or in a list of it, has the field: one text for each. */
const withField = (body: unknown, field: string): string[] => {
  const inside = Object.entries(body as Json).flatMap(([name, value]) => {
    const put = (text: string) =>
      JSON.stringify({ ...(body as Json), [name]: 0 }).replace(`"${name}":0`, () => `"${name}":${text}`)
    if (Array.isArray(value))
      return value.filter(isObject).flatMap((item) => withField(item, field).map((text) => put(`[${text}]`)))
    return isObject(value) ? withField(value, field).map(put) : []
  })
  return [
    JSON.stringify(body).replace('{', () => `{${field}${Object.keys(body as Json).length > 0 ? ',' : ''}`),
    ...inside,
  ]
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

test.each(bodies)('[BAD6] %s takes no field beyond its own, however it is written', async (row) => {
  given = await givenTo(cast, actorOf(row), row)
  const body = BODIES[row]?.(given)
  if (!body) throw new Error(`Nobody said what ${row} is sent.`)
  const own = new Set(Object.keys(body))
  const extra = PRIVILEGED.filter((field) => !own.has(field)).flatMap((field) => [`"${field}":1`, `"${field}":true`])
  const polluting = ['"__proto__":{"isAdmin":true}', '"constructor":{"prototype":{"isAdmin":true}}']
  const twice = ['"isAdmin":1,"isAdmin":1', '"__proto__":{},"__proto__":{"isAdmin":true}']
  const before = await state()

  for (const field of [...extra, ...polluting, ...twice]) {
    for (const text of withField(body, field)) {
      expect(await send(row, text), text).toMatchObject({ status: 400, body: { code: 'request.invalid' } })
    }
  }

  expect(extra.length).toBeGreaterThanOrEqual(60)
  expect(await state()).toBe(before)
  expect({}).not.toHaveProperty('isAdmin')
})

test.each(bodies)(
  '[BAD6] of a field that %s gets twice the last counts, and nothing of the first is left',
  async (row) => {
    given = await givenTo(cast, actorOf(row), row)
    const body = BODIES[row]?.(given) ?? {}
    const before = await state()

    for (const field of Object.keys(body)) {
      const text = `${JSON.stringify(body).slice(0, -1)},"${field}":{"$ne":null}}`
      expect(await send(row, text), text).toMatchObject({ status: 400, body: { code: 'request.invalid' } })
    }

    expect(await state()).toBe(before)
  },
)

test('[BAD6] in a query a field beyond its own does nothing, and one that comes twice is as if it had come once', async () => {
  given = await givenTo(cast, 'owner', 'GET')
  const before = await state()

  for (const { method, path } of queries) {
    const token = isOperators(path) ? BACKUP_TOKEN : (cast.token('owner') ?? '')
    const address = addressOf(`${method} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`, given)
    const answerTo = async (query: string) => {
      const { status, body } = await ask<unknown>(method, `${address}?${query}`, { token })
      return { status, body }
    }
    const once = await answerTo('limit=1')
    expect(once.status, address).toBe(200)
    const others = [...PRIVILEGED, '__proto__', '__proto__[isAdmin]', 'limit[]', 'userId']
    const queriesLikeIt = [
      ...others.map((field) => `limit=1&${encodeURIComponent(field)}=1`),
      'limit=1&limit=100',
      'limit=1&limit=x',
      'limit=1&limit=1',
    ]
    for (const query of queriesLikeIt) expect(await answerTo(query), `${address}?${query}`).toEqual(once)
  }

  expect(queries.length).toBeGreaterThan(4)
  expect(await state()).toBe(before)
})

/** Their clients may send more than a document says, so what is too much is not refused: it must do nothing. */
const documentBodies = Object.keys(BODIES).filter((row) => !/ \/v1\//.test(row) && !(`${row} (their own)` in BODIES))
const speakerOf = (row: string) => {
  if (row.includes('/admin/')) return 'administrator'
  if (row.includes('/delete_conversation')) return 'owner'
  return /\(to member\)|POST \/(?:messages|create_conversation|me\/send_friend_request)$/.test(row)
    ? 'stranger'
    : 'member'
}

/** What a person would see of it: numbers but one's own are of the moment, and so are texts. */
const looks = (value: unknown, self: number): unknown => {
  if (value === self) return 'oneself'
  if (typeof value === 'number' || typeof value === 'string') return typeof value
  if (Array.isArray(value)) return value.map((each) => looks(each, self))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, looks(each, self)]))
}

test.each(documentBodies)('[BAD6] a field that no document has changes nothing of what %s does', async (row) => {
  const administrators = () => env.DIRECTORY.prepare('SELECT count(*) AS n FROM users WHERE is_admin = 1').first('n')
  const perform = async (extra: Json) => {
    cast = await Cast.gather()
    const actor = speakerOf(row)
    given = await givenTo(cast, actor, row)
    const before = await administrators()
    const raw = JSON.stringify({ ...extra, ...BODIES[row]?.(given) })
    const headers = { 'content-type': 'application/json' }
    const token = cast.token(actor) ?? ''
    const { status, body } = await ask<unknown>(row.split(' ')[0] ?? '', addressOf(row, given), { token, raw, headers })
    return { status, looks: looks(body, given.self), appointed: Number(await administrators()) - Number(before) }
  }
  const own = new Set(Object.keys(BODIES[row]?.(given) ?? {}))
  const extra = Object.fromEntries(PRIVILEGED.filter((field) => !own.has(field)).map((field) => [field, 1]))

  const plain = await perform({})
  expect(await perform({ ...extra, ['__proto__']: { isAdmin: true } })).toEqual({ ...plain, appointed: 0 })
})
