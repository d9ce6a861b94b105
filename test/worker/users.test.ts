import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { openDirectory } from '../../src/directory/directory.ts'
import { updateProfile } from '../../src/directory/users.ts'
import { UserPage } from '../../src/protocol/user.ts'
import { ask, newName, PASSWORD, signUp } from '../support/rest.ts'

describe('people', () => {
  test('[USER1] they are found by the start of a username or display name, in any case, page by page', async () => {
    const { accessToken: token } = await signUp()
    const json = { password: PASSWORD, email: 'z1@example.org', username: 'zelda.one', displayName: 'Anna' }
    await ask('POST', '/v1/auth/register', { json })
    await ask('POST', '/v1/auth/register', {
      json: { ...json, username: 'other', email: 'z2@example.org', displayName: 'Zélda' },
    })
    const find = (query: string) =>
      ask<UserPage>('GET', `/v1/users?query=${encodeURIComponent(query)}`, { token }).then(({ body }) =>
        body.items.map(({ username }) => username),
      )

    expect(await find('ZELDA')).toEqual(['zelda.one'])
    expect(await find('zé')).toEqual(['other'])
    expect(await find('ze')).toEqual(['zelda.one'])
    expect(await find('elda')).toEqual([])
    for (const wildcard of ['%', '_', '*', "' OR 1=1 --", '\\']) expect(await find(wildcard)).toEqual([])

    const first = await ask<UserPage>('GET', '/v1/users?limit=1', { token })
    const second = await ask<UserPage>('GET', `/v1/users?limit=1&cursor=${first.body.nextCursor}`, { token })
    expect(UserPage.parse(first.body).items).toHaveLength(1)
    expect(second.body.items[0]?.id).toBeGreaterThan(first.body.items[0]?.id ?? Infinity)
  })

  test('[USER2] they are found by their ids, a hundred at once', async () => {
    const [a, b] = [await signUp(), await signUp()]
    const padding = Array.from({ length: 98 }, (_, i) => 1_000_000 + i)
    const get = (ids: number[]) => ask<UserPage>('GET', `/v1/users?ids=${ids.join(',')}`, { token: a.accessToken })

    const found = await get([b.user.id, a.user.id, ...padding])
    expect(found.body.items.map(({ id }) => id)).toEqual([a.user.id, b.user.id])
    expect((await get([a.user.id, b.user.id, ...padding, 1])).status).toBe(400)
  })

  test('[USER3] one sees of others what is public, and nothing more', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const { id, username, displayName } = bob.user
    const see = (path: string) => ask('GET', path, { token: alice.accessToken })

    expect(await see(`/v1/users/${id}`)).toMatchObject({ status: 200, body: { id, username, displayName } })
    expect(Object.keys((await see(`/v1/users/${id}`)).body)).toEqual(['id', 'username', 'displayName'])
    expect(await see('/v1/users/999999')).toMatchObject({ status: 404, body: { code: 'user.not_found' } })
    for (const hostile of ['0', '-1', '1.5', '1e3', 'x', '%00', '%ff', '99999999999999999999']) {
      expect(await see(`/v1/users/${hostile}`), hostile).toMatchObject({
        status: 400,
        body: { code: 'request.invalid' },
      })
    }
    expect((await ask('GET', `/v1/users/${id}`)).status).toBe(401)
  })
})

describe('oneself', () => {
  test.each(['\u200B', '\u3164\u3164', '\u2800', '\u034F', '\u200F\u061C', 'x\u2028y'])(
    '[USER4] %j is no name, for it shows nothing or more than a line',
    async (displayName) => {
      const { accessToken: token } = await signUp()
      expect((await ask('PATCH', '/v1/me', { token, json: { displayName } })).status).toBe(400)
      const json = { username: `${displayName}x`, email: `${newName()}@example.org`, password: PASSWORD }
      expect((await ask('POST', '/v1/auth/register', { json })).status).toBe(400)
      expect((await ask('PATCH', '/v1/me', { token, json: { displayName: 'Zoë 👩‍🚀' } })).status).toBe(200)
    },
  )

  test('[USER4] the profile is changed in part, and an address stays with one account', async () => {
    const [alice, bob] = [await signUp(), await signUp()]
    const change = (json: unknown) => ask('PATCH', '/v1/me', { token: alice.accessToken, json })

    expect(await change({ displayName: 'Alice L.' })).toMatchObject({
      status: 200,
      body: { ...alice.user, displayName: 'Alice L.' },
    })
    expect(await change({})).toMatchObject({ body: { displayName: 'Alice L.', email: alice.user.email } })
    expect(await change({ email: bob.user.email.toUpperCase() })).toMatchObject({
      status: 409,
      body: { code: 'email.taken' },
    })
    expect((await change({ email: alice.user.email.toUpperCase() })).status).toBe(200)
  })

  test.each(['id', 'isAdmin', 'is_admin', 'username', 'passwordHash', 'createdAt', 'deletedAt'])(
    '[USER4] nobody gives oneself %s',
    async (field) => {
      const { accessToken: token, user } = await signUp()
      const before = await env.DIRECTORY.prepare('SELECT * FROM users WHERE id = ?').bind(user.id).first()

      expect(await ask('PATCH', '/v1/me', { token, json: { displayName: 'x', [field]: 1 } })).toMatchObject({
        status: 400,
        body: { code: 'request.invalid' },
      })
      expect(await env.DIRECTORY.prepare('SELECT * FROM users WHERE id = ?').bind(user.id).first()).toEqual(before)
    },
  )
})

test('[USER4] who tries address after address is told to wait', async () => {
  const { accessToken: token } = await signUp()
  const statuses: number[] = []
  for (let i = 0; i < 6; i += 1) {
    statuses.push((await ask('PATCH', '/v1/me', { token, json: { email: `${newName()}@example.org` } })).status)
  }

  expect(statuses).toEqual([...Array.from({ length: 5 }, () => 200), 429])
  expect((await ask('PATCH', '/v1/me', { token, json: { displayName: 'Still me' } })).status).toBe(200)
})

test('[ME1] a change of the profile that comes after the account ended writes nothing', async () => {
  const alice = await signUp()
  await ask('DELETE', '/v1/me', { token: alice.accessToken, json: { password: PASSWORD } })
  const { id: userId, email } = alice.user

  const late = await updateProfile(openDirectory(env), { userId, change: { email }, now: Date.now() })

  expect(late).toMatchObject({ ok: false, code: 'session.revoked' })
  const row = await env.DIRECTORY.prepare('SELECT email FROM users WHERE id = ?').bind(userId).first()
  expect(row?.['email']).not.toBe(email)
})
