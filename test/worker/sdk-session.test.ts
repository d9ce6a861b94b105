import { env, exports } from 'cloudflare:workers'
import { importJWK, SignJWT } from 'jose'
import { expect, test } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { type KeyValueStore, memoryStorage, type Status } from '../../src/sdk/index.ts'
import { anotherDevice, newClient, newPerson, online } from '../support/client.ts'
import { PASSWORD } from '../support/rest.ts'

const stored = (storage: KeyValueStore): Pick<SignedIn, 'accessToken' | 'refreshToken'> =>
  JSON.parse(String(storage.get('tokens')))

const MINUTES = 60_000

test('[SDK9] a page that is loaded again goes on as the same person, without asking anybody', async () => {
  const { storage, username } = await newPerson()

  const { client } = newClient({ storage, fetch: () => Promise.reject(new Error('no network')) })
  expect(client.status).toEqual({ state: 'signed-out', reason: null })
  const me = await client.restore()

  expect(me).toMatchObject({ username })
  expect(client.me).toEqual(me)
  expect(client.status).toEqual({ state: 'offline' })
  expect(await newClient().client.restore()).toBeNull()
})

test('[SDK10] a token about to expire is renewed before it is used, once for all callers', async () => {
  const clock = { ahead: 0 }
  const storage = memoryStorage()
  const { client, username } = await newPerson({ storage, now: () => Date.now() + clock.ahead })
  const first = stored(storage)

  await client.users.search(username)
  expect(stored(storage)).toEqual(first)
  clock.ahead = 9.9 * MINUTES
  await Promise.all([client.users.search(username), client.sessions.list(), client.users.search(username)])

  const second = stored(storage)
  expect(second.accessToken).not.toBe(first.accessToken)
  expect(await client.sessions.list()).toHaveLength(1)
  expect(client.status).toEqual({ state: 'online' })
})

test('[SDK10] a token that the server says has expired is renewed, and the request made again', async () => {
  const storage = memoryStorage()
  const { id } = await newPerson({ storage })
  const held = JSON.parse(String(storage.get('tokens')))
  const [, claims] = held.accessToken.split('.')
  const [key] = JSON.parse(env.SIGNING_KEYS)
  const expired = await new SignJWT({ ...JSON.parse(atob(claims)), exp: Math.floor(Date.now() / 1000) - 60 })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: key.kid })
    .sign(await importJWK(key, 'EdDSA'))
  await storage.set('tokens', JSON.stringify({ ...held, accessToken: expired }))

  const { client } = newClient({ storage })
  await client.restore()
  const { id: found } = await client.users.get(id)

  expect(found).toBe(id)
  expect(stored(storage).accessToken).not.toBe(expired)
})

test('[SDK10] of two pages that share a storage one renews, and the other takes over what it got', async () => {
  const clock = { ahead: 0 }
  const storage = memoryStorage()
  const asked: string[] = []
  const options = {
    storage,
    now: () => Date.now() + clock.ahead,
    fetch: (request: Request) => {
      asked.push(new URL(request.url).pathname)
      return exports.default.fetch(request)
    },
  }
  const { client: left, username } = await newPerson(options)
  const { client: right } = newClient(options)
  await right.restore()

  clock.ahead = 9.9 * MINUTES
  await left.users.search(username)
  await right.users.search(username)

  expect(asked.filter((path) => path === '/v1/auth/refresh')).toHaveLength(1)
  expect(right.me).toMatchObject({ username })
})

test('[SDK11] a session that is ended elsewhere signs out at once, and the other devices stay', async () => {
  const { client: laptop, username, storage } = await newPerson()
  const { client: phone } = await anotherDevice(username)
  const told: Status[] = []
  laptop.on('status', (status) => told.push(status))

  const [other] = (await phone.sessions.list()).filter(({ current }) => !current)
  await phone.sessions.end(other?.id ?? '')

  await expect.poll(() => laptop.status).toEqual({ state: 'signed-out', reason: 'session.revoked' })
  expect(laptop.me).toBeNull()
  expect(storage.get('tokens')).toBeNull()
  expect(told.at(-1)).toEqual(laptop.status)
  expect(phone.status).toEqual({ state: 'online' })
  await expect(laptop.inbox.load()).rejects.toMatchObject({ code: 'auth.required' })
})

test('[SDK11] a page that slept while its session was ended learns it when it comes back', async () => {
  const clock = { ahead: 0 }
  const { client: laptop, username } = await newPerson({ now: () => Date.now() + clock.ahead })
  laptop.disconnect()
  const { client: phone } = await anotherDevice(username)
  await phone.changePassword({ currentPassword: PASSWORD, newPassword: 'another horse battery' })

  clock.ahead = 20 * MINUTES
  laptop.connect()

  await expect.poll(() => laptop.status).toMatchObject({ state: 'signed-out', reason: expect.any(String) })
  expect(phone.status).toEqual({ state: 'online' })
})

test('[SDK12] logging out ends the session on the server and forgets it here', async () => {
  const storage = memoryStorage()
  const { client, username } = await newPerson({ storage })
  const { client: phone } = await anotherDevice(username)
  expect(await phone.sessions.list()).toHaveLength(2)

  await client.logout()

  expect(client.status).toEqual({ state: 'signed-out', reason: null })
  expect(storage.get('tokens')).toBeNull()
  expect(await phone.sessions.list()).toHaveLength(1)
  await client.login({ login: username, password: PASSWORD })
  await online(client)
  expect(client.me).toMatchObject({ username })
})

test('[SDK12] a profile that changed is told', async () => {
  const { client } = await newPerson()
  const told: (string | undefined)[] = []
  client.on('me', (me) => told.push(me?.displayName))

  await client.updateMe({ displayName: 'Marie' })

  expect(told).toEqual(['Marie'])
  expect(client.me?.displayName).toBe('Marie')
})

test('[SDK12] refusals carry their code, their status and what is wrong', async () => {
  const { client, username } = await newPerson()
  const { client: stranger } = newClient()

  await expect(stranger.login({ login: username, password: 'wrong' })).rejects.toMatchObject({
    name: 'CauserieError',
    code: 'auth.invalid_credentials',
    status: 401,
  })
  await expect(client.updateMe({ email: 'nonsense' })).rejects.toMatchObject({
    code: 'request.invalid',
    issues: [{ path: 'email' }],
  })
  await expect(client.inbox.load()).resolves.toEqual([])
  const { client: lost } = newClient({ fetch: () => Promise.reject(new TypeError('no network')) })
  await expect(lost.login({ login: username, password: PASSWORD })).rejects.toMatchObject({
    name: 'CauserieNetworkError',
  })
})
