import Argon2 from '@phi-ag/argon2'
import wasm from '@phi-ag/argon2/argon2.wasm'
import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test, vi } from 'vitest'
import { openDirectory } from '../../src/directory/directory.ts'
import { openSession } from '../../src/directory/sessions.ts'
import { accountByLogin } from '../../src/directory/users.ts'
import { hubOf } from '../../src/objects/stubs.ts'
import { type AuthSession, SignedIn, type Ticket } from '../../src/protocol/auth.ts'
import { CLOSE } from '../../src/protocol/socket.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, newName, PASSWORD, refreshWith, signIn, signUp, statusOf } from '../support/rest.ts'

const rows = async (sql: string, ...values: unknown[]) =>
  (
    await env.DIRECTORY.prepare(sql)
      .bind(...values)
      .all<Record<string, unknown>>()
  ).results

describe('signing up', () => {
  test('[AUTH1] it signs in, and the first account of all is the administrator', async () => {
    const first = await signUp()
    const second = await signUp()

    expect(SignedIn.parse(first)).toEqual(first)
    expect(first.expiresIn).toBe(600)
    expect(await statusOf(first.accessToken)).toBe(200)
    const admins = await rows('SELECT id FROM users WHERE is_admin ORDER BY id')
    expect(admins).toEqual([{ id: first.user.id }])
    expect(second.user.id).toBeGreaterThan(first.user.id)
  })

  test('[AUTH2] a username and an address belong to one account, whatever their case or width', async () => {
    const name = newName('Straße')
    await signUp(newName())
    const json = { username: name, email: `${newName('x')}@example.org`, password: PASSWORD }
    expect((await ask('POST', '/v1/auth/register', { json })).status).toBe(201)

    const sameName = { ...json, username: name.toUpperCase(), email: 'other@example.org' }
    const sameAddress = { ...json, username: newName(), email: json.email.toUpperCase() }
    expect(await ask('POST', '/v1/auth/register', { json: sameName })).toMatchObject({
      status: 409,
      body: { code: 'username.taken' },
    })
    expect(await ask('POST', '/v1/auth/register', { json: sameAddress })).toMatchObject({
      status: 409,
      body: { code: 'email.taken' },
    })
  })

  test('[AUTH2] of twenty who ask for one name at once, one gets it', async () => {
    const username = newName()
    const replies = await Promise.all(
      Array.from({ length: 20 }, () =>
        ask('POST', '/v1/auth/register', { json: { username, email: `${newName()}@example.org`, password: PASSWORD } }),
      ),
    )

    expect(replies.filter(({ status }) => status === 201)).toHaveLength(1)
    expect(replies.filter(({ body }) => body.code === 'username.taken')).toHaveLength(19)
  })

  test('[AUTH3] a common password is refused', async () => {
    const username = newName()
    for (const password of ['Password123', '12345678', `${username}@example.org`]) {
      const json = { username, email: `${username}@example.org`, password }
      expect(await ask('POST', '/v1/auth/register', { json })).toMatchObject({
        status: 400,
        body: { code: 'password.common' },
      })
    }
  })
})

describe('signing in', () => {
  test('[AUTH4] the login is the username or the address, in any case', async () => {
    const { user } = await signUp()

    for (const login of [user.username, user.username.toUpperCase(), user.email, ` ${user.email.toUpperCase()} `]) {
      const reply = await signIn(login)
      expect(reply.status).toBe(200)
      expect(reply.body.user).toEqual(user)
    }
  })

  test('[AUTH5] an unknown account and a wrong password get one answer', async () => {
    const { user } = await signUp()
    const wrong = await signIn(user.username, 'not the password')
    const unknown = await signIn(newName('nobody'), 'not the password')

    expect(wrong).toMatchObject({ status: 401, body: { code: 'auth.invalid_credentials' } })
    expect(unknown.status).toBe(wrong.status)
    expect(unknown.body).toEqual(wrong.body)
    expect(withoutId(unknown.headers)).toEqual(withoutId(wrong.headers))
  })

  test.each(['known', 'unknown'])(
    '[AUTH6] a login of a %s account is guessed at five times in fifteen minutes',
    async (which) => {
      const login = newName()
      const owner = which === 'known' ? await signUp(login) : null
      const guesses = await Promise.all(Array.from({ length: 12 }, (_, i) => signIn(login, `guess ${i}`)))

      expect(guesses.filter(({ status }) => status === 401)).toHaveLength(5)
      expect(guesses.filter(({ status }) => status === 429)).toHaveLength(7)
      const late = await signIn(login)
      expect(late).toMatchObject({ status: 429, body: { code: 'rate.limited' } })
      expect(Number(late.headers.get('retry-after'))).toBeGreaterThan(800)
      if (owner) expect(await statusOf(owner.accessToken)).toBe(200)

      await env.DIRECTORY.exec(`UPDATE login_attempts SET window_start = window_start - ${15 * 60_000}`)
      expect((await signIn(login)).status).toBe(owner ? 200 : 401)
    },
  )

  test('[AUTH6] signing in rightly uses up nothing, and forgives no wrong guess', async () => {
    const { user } = await signUp()
    for (let i = 0; i < 7; i++) expect((await signIn(user.username)).status).toBe(200)
    for (let i = 0; i < 4; i++) expect((await signIn(user.username, 'wrong')).status).toBe(401)
    expect((await signIn(user.username)).status).toBe(200)

    expect((await signIn(user.username, 'wrong')).status).toBe(401)
    expect((await signIn(user.username)).status).toBe(429)
  })

  test('[AUTH7] one network signs in at most sixty times a minute, before anything is looked up', async () => {
    const headers = { 'cf-connecting-ip': '2001:db8:7:7::1' }
    const neighbour = { 'cf-connecting-ip': '2001:db8:7:7:ffff::2' }
    const json = { login: newName('nobody'), password: 'x' }
    const other = { 'cf-connecting-ip': '2001:db8:7:8::1' }
    const replies = []
    for (let i = 0; i < 130; i++)
      replies.push(await ask('POST', '/v1/auth/login', { json, headers: i % 2 ? headers : neighbour }))

    // The window may turn once in between, and begin anew.
    const limited = replies.filter((reply) => reply.headers.get('retry-after') === '60')
    expect(limited.length).toBeGreaterThanOrEqual(10)
    expect(limited[0]).toMatchObject({ status: 429, body: { code: 'rate.limited' } })
    expect(
      (await ask('POST', '/v1/auth/login', { json: { ...json, login: newName('x') }, headers: other })).status,
    ).toBe(401)
  })
})

describe('passwords at rest', () => {
  test('[AUTH14] they are hashed with Argon2id, each with a salt of its own', async () => {
    const [a, b] = [await signUp(), await signUp()]
    const hashes = await rows('SELECT password_hash FROM users WHERE id IN (?, ?)', a.user.id, b.user.id)

    for (const { password_hash } of hashes) {
      expect(password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
    }
    expect(hashes[0]).not.toEqual(hashes[1])
  })

  test('[AUTH14] every letter of a password counts, in any script', async () => {
    const username = newName()
    const password = '密码密码密码密码一'
    const json = { username, email: `${username}@example.org`, password }
    expect((await ask('POST', '/v1/auth/register', { json })).status).toBe(201)

    expect((await signIn(username, password)).status).toBe(200)
    expect((await signIn(username, '密码密码密码密码二')).status).toBe(401)
    expect((await signIn(username, `${password}\0`)).status).toBe(401)
  })

  test('[AUTH14] a hash with weaker parameters is renewed at the next sign-in', async () => {
    const { user } = await signUp()
    const weak = new Argon2(new WebAssembly.Instance(wasm)).hash(PASSWORD, {
      memoryCost: 8_192,
      timeCost: 1,
      parallelism: 1,
    })
    await rows('UPDATE users SET password_hash = ? WHERE id = ?', weak.encoded, user.id)

    expect((await signIn(user.username)).status).toBe(200)

    const [row] = await rows('SELECT password_hash FROM users WHERE id = ?', user.id)
    expect(row?.['password_hash']).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect((await signIn(user.username)).status).toBe(200)
  })

  test('[AUTH15] no token that was given out is in the database', async () => {
    const { accessToken, refreshToken, user, sessionId } = await signUp()
    const { body } = await ask<{ ticket: string }>('POST', '/v1/auth/ticket', { token: accessToken })
    const tables = (await rows(TABLES)).map(({ name }) => String(name))
    const directory = await Promise.all(tables.map((table) => rows(`SELECT * FROM "${table}"`)))
    const hub = await runInDurableObject(hubOf(env, user.id), (_, { storage: { sql } }) =>
      sql
        .exec<{ name: string }>(TABLES)
        .toArray()
        .map(({ name }) => sql.exec(`SELECT * FROM "${name}"`).toArray()),
    )

    const everything = JSON.stringify([directory, hub])
    expect(everything).toContain(sessionId)
    expect(tables).toContain('refresh_tokens')
    for (const token of [
      accessToken,
      refreshToken,
      body.ticket,
      ...body.ticket.split('.').filter((it) => it.length > 20),
    ])
      expect(everything).not.toContain(token)
  })
})

const TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"

describe('refreshing', () => {
  test('[AUTH8] a refresh token is good for one pair of new tokens, of the same session', async () => {
    const first = await signUp()
    const second = await refreshWith(first.refreshToken)
    const third = await refreshWith(second.body.refreshToken)

    expect([second.status, third.status]).toEqual([200, 200])
    expect(third.body.sessionId).toBe(first.sessionId)
    expect(new Set([first.refreshToken, second.body.refreshToken, third.body.refreshToken]).size).toBe(3)
    expect(await statusOf(third.body.accessToken)).toBe(200)
  })

  test('[AUTH9] asked again at once with the same token, it gives the same successor', async () => {
    const { refreshToken } = await signUp()
    const first = await refreshWith(refreshToken)
    const again = await refreshWith(refreshToken)

    expect(again.status).toBe(200)
    expect(again.body.refreshToken).toBe(first.body.refreshToken)
    expect((await refreshWith(again.body.refreshToken)).status).toBe(200)
  })

  test('[AUTH9] twenty at once with one token get one successor', async () => {
    const { refreshToken, sessionId } = await signUp()
    const replies = await Promise.all(Array.from({ length: 20 }, () => refreshWith(refreshToken)))

    expect(replies.map(({ status }) => status)).toEqual(replies.map(() => 200))
    expect(new Set(replies.map(({ body }) => body.refreshToken)).size).toBe(1)
    const [stored] = await rows('SELECT COUNT(*) AS count FROM refresh_tokens WHERE session_id = ?', sessionId)
    expect(stored).toEqual({ count: 2 })
  })

  test('[AUTH9] of the same attempt it gives the same successor however late, until that was used', async () => {
    const { refreshToken, sessionId } = await signUp()
    const attempt = 'a1b2c3d4e5f60718'
    const first = await refreshWith(refreshToken, attempt)
    await rows('UPDATE refresh_tokens SET spent_at = spent_at - 86400000 WHERE session_id = ?', sessionId)

    const again = await refreshWith(refreshToken, attempt)
    expect([again.status, again.body.refreshToken]).toEqual([200, first.body.refreshToken])

    expect((await refreshWith(again.body.refreshToken, 'some other attempt')).status).toBe(200)
    expect(await refreshWith(refreshToken, attempt)).toMatchObject({ status: 401, body: { code: 'refresh.reused' } })
  })

  test('[AUTH9] of the same attempt it does so however often, also after the week in which spent ones are known', async () => {
    const { refreshToken, sessionId } = await signUp()
    await refreshWith(refreshToken, 'a1b2c3d4e5f60718')
    await rows('UPDATE refresh_tokens SET spent_at = 1 WHERE session_id = ? AND spent_at IS NOT NULL', sessionId)

    for (let i = 0; i < 3; i += 1) expect((await refreshWith(refreshToken, 'a1b2c3d4e5f60718')).status).toBe(200)
  })

  test.for(['some other attempt', undefined])(
    '[AUTH10] whoever has the token and not the attempt (%s) ends the session',
    async (attempt) => {
      const { refreshToken, sessionId } = await signUp()
      await refreshWith(refreshToken, 'a1b2c3d4e5f60718')
      await rows('UPDATE refresh_tokens SET spent_at = spent_at - 10001 WHERE session_id = ?', sessionId)

      expect(await refreshWith(refreshToken, attempt)).toMatchObject({ body: { code: 'refresh.reused' } })
    },
  )

  test('[AUTH10] a token used again later ends its session, and no other', async () => {
    const { refreshToken, sessionId, user } = await signUp()
    const elsewhere = await signIn(user.username)
    const next = await refreshWith(refreshToken)
    await rows('UPDATE refresh_tokens SET spent_at = spent_at - 10001 WHERE session_id = ?', sessionId)

    expect(await refreshWith(refreshToken)).toMatchObject({ status: 401, body: { code: 'refresh.reused' } })

    expect(await refreshWith(next.body.refreshToken)).toMatchObject({ status: 401, body: { code: 'session.revoked' } })
    expect(await statusOf(next.body.accessToken)).toBe(401)
    expect(await statusOf(elsewhere.body.accessToken)).toBe(200)
  })

  test('[AUTH10] asking again does not prolong the ten seconds', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const { refreshToken, sessionId } = await signUp()
    const later = (ms: number) =>
      rows('UPDATE refresh_tokens SET spent_at = spent_at - ? WHERE session_id = ?', ms, sessionId)
    await refreshWith(refreshToken)

    await later(6_000)
    expect((await refreshWith(refreshToken)).status).toBe(200)
    await later(6_000)
    expect((await refreshWith(refreshToken)).body).toMatchObject({ code: 'refresh.reused' })
    vi.useRealTimers()
  })

  test('[AUTH10] what ended long ago is forgotten, with its tokens', async () => {
    const { user, sessionId, refreshToken } = await signUp()
    await refreshWith(refreshToken)
    await rows('UPDATE sessions SET expires_at = ? WHERE id = ?', Date.now() - 1, sessionId)
    const kept = (await signIn(user.username)).body
    const next = (await refreshWith(kept.refreshToken)).body
    await rows('UPDATE refresh_tokens SET spent_at = 1 WHERE session_id = ? AND spent_at IS NOT NULL', kept.sessionId)
    await refreshWith(next.refreshToken)

    expect(await rows('SELECT id FROM sessions WHERE user_id = ?', user.id)).toEqual([{ id: kept.sessionId }])
    expect(await rows('SELECT hash FROM refresh_tokens WHERE session_id = ?', sessionId)).toEqual([])
    expect(await rows('SELECT hash FROM refresh_tokens WHERE session_id = ?', kept.sessionId)).toHaveLength(2)
    expect((await refreshWith(kept.refreshToken)).body).toMatchObject({ code: 'refresh.invalid' })
  })

  test('[AUTH8] unknown, expired and mistaken tokens are refused', async () => {
    const { refreshToken, accessToken, sessionId } = await signUp()
    await rows('UPDATE sessions SET expires_at = ? WHERE id = ?', Date.now() - 1, sessionId)

    for (const token of [refreshToken, accessToken.slice(0, 256), 'x', '\u0000', `${refreshToken}=`]) {
      expect(await refreshWith(token)).toMatchObject({ status: 401, body: { code: 'refresh.invalid' } })
    }
    expect(await statusOf(refreshToken)).toBe(401)
  })

  test('[AUTH8] each refresh gives the session thirty days more', async () => {
    const { refreshToken, sessionId } = await signUp()
    await rows('UPDATE sessions SET expires_at = ? WHERE id = ?', Date.now() + 60_000, sessionId)
    await refreshWith(refreshToken)

    const [row] = await rows('SELECT expires_at - last_used_at AS life FROM sessions WHERE id = ?', sessionId)
    expect(row).toEqual({ life: 30 * 24 * 60 * 60_000 })
  })
})

describe('signing out', () => {
  test('[AUTH11] it is immediate, and for this session only', async () => {
    const here = await signUp()
    const there = await signIn(here.user.username)

    expect((await ask('POST', '/v1/auth/logout', { token: here.accessToken })).status).toBe(204)

    expect(await ask('GET', '/v1/me', { token: here.accessToken })).toMatchObject({
      status: 401,
      body: { code: 'session.revoked' },
    })
    expect((await refreshWith(here.refreshToken)).body).toMatchObject({ code: 'session.revoked' })
    expect(await statusOf(there.body.accessToken)).toBe(200)
  })

  test('[AUTH12] one sees where one is signed in, and signs a device out', async () => {
    const here = await signUp()
    const json = { login: here.user.email, password: PASSWORD }
    const there = await ask<SignedIn>('POST', '/v1/auth/login', { json, headers: { 'user-agent': 'Phone/1.0' } })
    const listed = () => ask<{ items: AuthSession[] }>('GET', '/v1/auth/sessions', { token: here.accessToken })

    const before = await listed()
    expect(before.body.items).toHaveLength(2)
    expect(before.body.items.find(({ current }) => current)?.id).toBe(here.sessionId)
    expect(before.body.items.find(({ current }) => !current)).toMatchObject({
      id: there.body.sessionId,
      device: 'Phone/1.0',
    })

    const path = `/v1/auth/sessions/${there.body.sessionId}`
    expect((await ask('DELETE', path, { token: here.accessToken })).status).toBe(204)
    expect(await statusOf(there.body.accessToken)).toBe(401)
    expect((await listed()).body.items.map(({ id }) => id)).toEqual([here.sessionId])
    expect(await ask('DELETE', path, { token: here.accessToken })).toMatchObject({
      status: 404,
      body: { code: 'session.not_found' },
    })
  })

  test('[AUTH12] ending a session once more reaches its sockets, where an earlier try did not', async () => {
    const here = await signUp()
    const there = await signIn(here.user.username)
    const socket = await RawSocket.arrive(there.body)
    await rows('UPDATE sessions SET revoked_at = ? WHERE id = ?', Date.now(), there.body.sessionId)

    const again = await ask('DELETE', `/v1/auth/sessions/${there.body.sessionId}`, { token: here.accessToken })

    expect(again).toMatchObject({ status: 404, body: { code: 'session.not_found' } })
    await expect.poll(() => socket.closed).toEqual({ code: CLOSE.sessionRevoked, reason: 'session.revoked' })
  })

  test('[AUTH12] the session of somebody else is not there', async () => {
    const [alice, mallory] = [await signUp(), await signUp()]

    const foreign = await ask('DELETE', `/v1/auth/sessions/${alice.sessionId}`, { token: mallory.accessToken })
    const absent = await ask('DELETE', '/v1/auth/sessions/none', { token: mallory.accessToken })

    expect(foreign).toMatchObject({ status: 404, body: absent.body })
    expect(await statusOf(alice.accessToken)).toBe(200)
  })

  test('[AUTH13] a new password ends every other session, and the old one opens nothing', async () => {
    const here = await signUp()
    const there = await signIn(here.user.username)
    const change = (currentPassword: string, newPassword: string) =>
      ask('PUT', '/v1/me/password', { token: here.accessToken, json: { currentPassword, newPassword } })

    expect(await change('wrong', 'a better password')).toMatchObject({ status: 403, body: { code: 'password.wrong' } })
    expect(await change(PASSWORD, 'password123')).toMatchObject({ status: 400, body: { code: 'password.common' } })
    expect((await change(PASSWORD, 'a better password')).status).toBe(204)

    expect(await statusOf(here.accessToken)).toBe(200)
    expect(await statusOf(there.body.accessToken)).toBe(401)
    expect((await signIn(here.user.username)).status).toBe(401)
    expect((await signIn(here.user.username, 'a better password')).status).toBe(200)
  })

  test('[AUTH13] a sign-in whose password was found right before the change opens nothing after it', async () => {
    const { user, accessToken } = await signUp()
    const db = openDirectory(env)
    const proof = await accountByLogin(db, user.username)
    const json = { currentPassword: PASSWORD, newPassword: 'a better password' }
    expect((await ask('PUT', '/v1/me/password', { token: accessToken, json })).status).toBe(204)

    if (!proof) throw new Error('no account')
    const session = {
      id: 'late',
      proof,
      device: null,
      now: Date.now(),
      expiresAt: Date.now() + 1_000,
      tokenHash: 'late',
    }
    const [opened] = await db.batch(openSession(db, session))

    expect(opened).toEqual([])
    expect(await rows('SELECT * FROM refresh_tokens WHERE hash = ?', 'late')).toEqual([])
  })

  test('[AUTH6] the current password is guessed at five times', async () => {
    const { accessToken } = await signUp()
    const json = { currentPassword: 'wrong', newPassword: 'a better password' }
    const statuses = []
    for (let i = 0; i < 7; i++)
      statuses.push((await ask('PUT', '/v1/me/password', { token: accessToken, json })).status)

    expect(statuses).toEqual([403, 403, 403, 403, 403, 429, 429])
  })
})

describe('sockets of a session that ends', () => {
  const ends: [string, (here: SignedIn, there: SignedIn) => Promise<unknown>][] = [
    ['signs out', (_, there) => ask('POST', '/v1/auth/logout', { token: there.accessToken })],
    [
      'is signed out from elsewhere',
      (here, there) => ask('DELETE', `/v1/auth/sessions/${there.sessionId}`, { token: here.accessToken }),
    ],
    [
      'did not change the password itself',
      (here) => {
        const json = { currentPassword: PASSWORD, newPassword: 'a better password' }
        return ask('PUT', '/v1/me/password', { token: here.accessToken, json })
      },
    ],
    [
      'uses a refresh token twice',
      async (_, there) => {
        await refreshWith(there.refreshToken)
        await rows('UPDATE refresh_tokens SET spent_at = spent_at - 10001 WHERE session_id = ?', there.sessionId)
        await refreshWith(there.refreshToken)
      },
    ],
  ]

  test.each(ends)('[AUTH11] they close at once where it %s, and no others do', async (_, end) => {
    const here = await signUp()
    const there = (await signIn(here.user.username)).body
    const staying = await RawSocket.connect(here.accessToken)
    const leaving = [await RawSocket.connect(there.accessToken), await RawSocket.connect(there.accessToken)]
    await Promise.all([staying, ...leaving].map((socket) => socket.waitForType('hello')))
    const ticket = (await ask<Ticket>('POST', '/v1/auth/ticket', { token: there.accessToken })).body.ticket

    await end(here, there)

    for (const socket of leaving) await expect.poll(() => socket.closed?.code).toBe(CLOSE.sessionRevoked)
    const late = await RawSocket.open({ query: `?ticket=${ticket}` })
    await expect.poll(() => late.closed?.code).toBe(CLOSE.ticketInvalid)
    await staying.request({ type: 'presence.get', userIds: [] })
    expect(staying.closed).toBeNull()
    staying.close()
  })
})

const withoutId = (headers: Headers) => [...headers].filter(([name]) => name !== 'x-request-id')
