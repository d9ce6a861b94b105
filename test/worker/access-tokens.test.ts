import { env } from 'cloudflare:workers'
import { exportJWK, generateKeyPair } from 'jose'
import { expect, test } from 'vitest'
import { SINGLE_TOKEN_LIFE } from '../../src/core/session-life.ts'
import { accountsOf, authenticate, logIn } from '../../src/directory/accounts.ts'
import { signAccessToken, verifyAccessToken } from '../../src/directory/tokens.ts'
import { hubOf } from '../../src/objects/stubs.ts'
import { SignedIn } from '../../src/protocol/auth.ts'
import { forge, forgeriesOf } from '../support/forgeries.ts'
import { ask, PASSWORD, signUp, statusOf } from '../support/rest.ts'

const [key] = JSON.parse(env.SIGNING_KEYS)

const somebody = async () => {
  const [{ user, sessionId, accessToken, refreshToken }, other] = [await signUp(), await signUp()]
  return { key, issuer: env.ISSUER, userId: user.id, sessionId, accessToken, refreshToken, otherId: other.user.id }
}
const codeFor = async (token: string) => (await ask('GET', '/v1/me', { token })).body.code

test('[AUTH16] one that is made as the server makes it passes', async () => {
  expect(await statusOf(await forge(await somebody()))).toBe(200)
})

test('[AUTH16] each of at least forty forgeries is refused', async () => {
  const forgeries = await forgeriesOf(await somebody())

  const refused = []
  for (const { what, token } of forgeries) refused.push({ what, code: await codeFor(token) })

  expect(forgeries.length).toBeGreaterThanOrEqual(40)
  expect(refused).toEqual(forgeries.map(({ what, code }) => ({ what, code })))
})

test('[AUTH16] a request without one is asked to sign in', async () => {
  const { accessToken } = await signUp()
  for (const authorization of [
    '',
    'Bearer',
    'Bearer ',
    `Basic ${accessToken}`,
    accessToken,
    `Bearer ${accessToken} x`,
  ]) {
    const reply = await ask('GET', '/v1/me', { headers: { authorization } })
    expect(reply).toMatchObject({ status: 401, body: { code: 'auth.required' } })
    expect(reply.headers.get('www-authenticate')).toBe('Bearer')
  }
  expect((await ask('GET', `/v1/me?token=${accessToken}`)).status).toBe(401)
})

test('[AUTH17] keys rotate without refusing a good token, and a retired one opens nothing', async () => {
  const pair = await generateKeyPair('EdDSA', { extractable: true })
  const fresh = { ...(await exportJWK(pair.privateKey)), kid: 'fresh' }
  const { d: _, ...published } = key
  const during = { ISSUER: env.ISSUER, SIGNING_KEYS: JSON.stringify([fresh, published]) }
  const after = { ISSUER: env.ISSUER, SIGNING_KEYS: JSON.stringify([fresh]) }
  const claims = { userId: 7, sessionId: 's', now: Date.now(), expiresAt: Date.now() + 60_000 }
  const old = await signAccessToken(env, claims)
  const young = await signAccessToken(during, claims)

  expect(await verifyAccessToken(during, old, Date.now())).toEqual({ userId: 7, sessionId: 's' })
  expect(await verifyAccessToken(after, young, Date.now())).toEqual({ userId: 7, sessionId: 's' })
  expect(await verifyAccessToken(after, old, Date.now())).toMatchObject({ code: 'token.invalid' })
})

test('[AUTH17] the public keys are published, and nothing private', async () => {
  const reply = await ask<{ keys: Record<string, string>[] }>('GET', '/.well-known/jwks.json')

  expect(reply.body.keys).toEqual([{ kty: 'OKP', crv: 'Ed25519', x: key.x, kid: key.kid, alg: 'EdDSA', use: 'sig' }])
})

test('[AUTH18] a ticket is given to who is signed in', async () => {
  const { accessToken } = await signUp()
  const reply = await ask<{ ticket: string; expiresIn: number }>('POST', '/v1/auth/ticket', { token: accessToken })

  expect(reply).toMatchObject({ status: 201, body: { expiresIn: 30 } })
  expect(reply.body.ticket.length).toBeGreaterThan(22)
  expect((await ask('POST', '/v1/auth/ticket')).status).toBe(401)
})

test('[AUTH19] a client that knows one token only is given one for seven days, which is as revocable as any', async () => {
  const { user, accessToken } = await signUp()
  const accounts = accountsOf(env, (userId) => hubOf(env, userId))
  const input = { login: user.username, password: PASSWORD, device: null, life: SINGLE_TOKEN_LIFE }
  const long = SignedIn.parse(await logIn(accounts, input))

  const inSixDays = { ...accounts, now: () => Date.now() + 6 * 24 * 60 * 60_000 }
  expect(await authenticate(inSixDays, long.accessToken)).toMatchObject({ userId: user.id, sessionId: long.sessionId })
  expect(await authenticate(inSixDays, accessToken)).toMatchObject({ code: 'token.expired' })
  expect((await ask('POST', '/v1/auth/logout', { token: long.accessToken })).status).toBe(204)
  expect(await authenticate(inSixDays, long.accessToken)).toMatchObject({ code: 'session.revoked' })
})
