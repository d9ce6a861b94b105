import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, expect, test } from 'vitest'
import type { Answer } from '../../fuzz/client.ts'
import { lackOf, type Spoilt } from '../../fuzz/enough.ts'
import type { Request } from '../../fuzz/inputs.ts'
import { changedIn, Storage } from '../../fuzz/storage.ts'
import { faultOf } from '../../fuzz/verdict.ts'
import { ERRORS } from '../../src/protocol/errors.ts'

const asked: Request = {
  kind: 'request',
  route: {
    kind: 'route',
    name: 'GET /v1/me',
    method: 'GET',
    path: '/v1/me',
    params: [],
    query: [],
    body: null,
    isNative: true,
    schemas: {},
  },
  method: 'GET',
  url: '/v1/me',
  bearer: 'own',
  type: null,
  body: null,
}
const problem = (code: keyof typeof ERRORS, change: object = {}) => {
  const [status, title] = ERRORS[code]
  return JSON.stringify({ type: `urn:causerie:error:${code}`, title, detail: title, status, code, ...change })
}
const answer = (change: Partial<Answer>): Answer => ({
  status: 404,
  headers: { 'content-type': 'application/problem+json' },
  text: problem('user.not_found'),
  ms: 1,
  failed: null,
  ...change,
})
const verdict = (change: Partial<Answer>): string | null => faultOf(asked, answer(change), 1_000)

test('a refusal in its proper form is no fault, nor is being busy with a time to come back', () => {
  expect(verdict({})).toBeNull()
  expect(verdict({ status: 200, text: '{"id":1}', headers: {} })).toBeNull()
  const busy = { 'content-type': 'application/problem+json', 'retry-after': '1' }
  expect(verdict({ status: 503, headers: busy, text: problem('server.unavailable') })).toBeNull()
})

test.each<[string, Partial<Answer>]>([
  ['no answer', { failed: 'socket hang up' }],
  ['an answer too late', { ms: 1_001 }],
  ['a status of 500', { status: 500, text: problem('server.fault') }],
  ['being busy without a time to come back', { status: 503, text: problem('server.unavailable') }],
  ['a stack', { text: problem('user.not_found', { title: 'x\n    at verify (index.js:1:1)' }) }],
  ['a line of a source', { text: problem('user.not_found', { title: '/srv/src/index.ts:10' }) }],
  ['a statement', { text: problem('user.not_found', { title: 'Failed query: SELECT "id" FROM users' }) }],
  ['the words of the database', { text: problem('user.not_found', { title: 'SQLITE_CONSTRAINT' }) }],
  ['the name of an error', { status: 200, text: '{"x":"TypeError: x is undefined"}' }],
  ['a problem of another status', { text: problem('token.invalid') }],
  ['a problem that is none', { text: '{"code":"nonsense","status":404,"title":"","type":""}' }],
  ['no word of why', { headers: {}, text: '' }],
])('%s is a fault', (_, change) => {
  expect(verdict(change)).toEqual(expect.any(String))
})

test('what an answer only repeats gives nothing away', () => {
  const told = { ...asked, body: '{"displayName":"TypeError"}' }

  expect(faultOf(told, answer({ status: 200, text: '{"displayName":"TypeError"}' }), 1_000)).toBeNull()
})

const route = (name: string, spoilt: number): Spoilt => ({ name, kind: 'route', spoilt })
const frame = (name: string, spoilt: number): Spoilt => ({ name, kind: 'frame', spoilt })

test('ten thousand spoilt inputs of either kind, and some to each route and frame, are enough', () => {
  expect(lackOf([route('GET /v1/me', 9_999), route('GET /health', 1), frame('native typing.start', 10_000)])).toEqual(
    [],
  )
})

test.each<[string, Spoilt[], string]>([
  ['requests', [route('a', 9_999), frame('b', 20_000)], 'only 9999 spoilt inputs to all routes together, not 10000'],
  ['frames', [route('a', 20_000), frame('b', 9_999)], 'only 9999 spoilt inputs to all frames together, not 10000'],
  [
    'for two of them',
    [route('a', 0), route('c', 10_000), frame('b', 0), frame('d', 10_000)],
    'no spoilt input to a, b',
  ],
])('too little that is spoilt is a finding: %s', (_, targets, what) => {
  expect(lackOf(targets)).toEqual([what])
})

const folder = mkdtempSync(join(tmpdir(), 'causerie-held-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('whatever is written is seen, but for the notes that the server keeps for itself', () => {
  mkdirSync(join(folder, 'state', 'd1'), { recursive: true })
  const database = new DatabaseSync(join(folder, 'state', 'd1', 'one.sqlite'))
  database.exec(`PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER, name TEXT); INSERT INTO users VALUES (1, 'a');
    CREATE TABLE login_attempts (key TEXT); CREATE TABLE sessions (id TEXT, last_used_at INTEGER);`)
  const storage = new Storage(folder)
  const after = (sql: string): string[] => {
    const before = storage.read()
    database.exec(sql)
    return changedIn(before, storage.read())
  }

  expect(after("INSERT INTO users VALUES (2, 'b')")).toEqual(['users of one.sqlite'])
  expect(after("UPDATE users SET name = 'c' WHERE id = 2")).toEqual(['users of one.sqlite'])
  expect(after("INSERT INTO login_attempts VALUES ('a')")).toEqual([])
  expect(after("INSERT INTO sessions VALUES ('s', 1)")).toEqual(['sessions of one.sqlite'])
  expect(after('UPDATE sessions SET last_used_at = 2')).toEqual([])
  expect(after('DELETE FROM users')).toEqual(['users of one.sqlite'])
  expect(after('SELECT * FROM users')).toEqual([])
  database.close()
})
