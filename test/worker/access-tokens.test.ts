import { env } from 'cloudflare:workers'
import {
  base64url,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose'
import { expect, test } from 'vitest'
import { SINGLE_TOKEN_LIFE } from '../../src/core/session-life.ts'
import { accountsOf, authenticate, logIn } from '../../src/directory/accounts.ts'
import { signAccessToken, verifyAccessToken } from '../../src/directory/tokens.ts'
import { hubOf } from '../../src/objects/stubs.ts'
import { SignedIn } from '../../src/protocol/auth.ts'
import { ask, PASSWORD, signUp, statusOf } from '../support/rest.ts'

const [key] = JSON.parse(env.SIGNING_KEYS)

const forge = async (change: {
  header?: Partial<JWTHeaderParameters>
  claims?: JWTPayload
  key?: CryptoKey | Uint8Array
}) => {
  const { user, sessionId } = await signUp()
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    sub: String(user.id),
    sid: sessionId,
    iss: env.ISSUER,
    aud: 'causerie-api',
    iat: now,
    exp: now + 600,
    jti: 'x',
    ...change.claims,
  }
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: key.kid, ...change.header }
  return new SignJWT(claims)
    .setProtectedHeader(header)
    .sign(change.key ?? (await importJWK(key, 'EdDSA')), { crit: { x: true } })
}
const codeFor = async (token: string) => (await ask('GET', '/v1/me', { token })).body.code

test('[AUTH16] one that is made as the server makes it passes', async () => {
  expect(await statusOf(await forge({}))).toBe(200)
})

const hour = 3600
const at = () => Math.floor(Date.now() / 1000)
test.each([
  ['expired', () => ({ claims: { exp: at() - 1 } }), 'token.expired'],
  ['not valid yet', () => ({ claims: { nbf: at() + hour } }), 'token.invalid'],
  ['of another audience', () => ({ claims: { aud: 'elsewhere' } }), 'token.invalid'],
  ['without an audience', () => ({ claims: { aud: undefined } }), 'token.invalid'],
  ['of another issuer', () => ({ claims: { iss: 'elsewhere' } }), 'token.invalid'],
  ['without an end', () => ({ claims: { exp: undefined } }), 'token.invalid'],
  ['without a session', () => ({ claims: { sid: undefined } }), 'token.invalid'],
  ['without an id', () => ({ claims: { jti: undefined } }), 'token.invalid'],
  ['of no user', () => ({ claims: { sub: '0' } }), 'token.invalid'],
  ['of a user that is not a number', () => ({ claims: { sub: '1 OR 1=1' } }), 'token.invalid'],
  ['of an unknown session', () => ({ claims: { sid: 'x' } }), 'session.revoked'],
  ['of the session of another', () => ({ claims: { sub: '1' } }), 'session.revoked'],
  ['of another type', () => ({ header: { typ: 'JWT' } }), 'token.invalid'],
  ['of no type', () => ({ header: { typ: undefined } }), 'token.invalid'],
  ['with an unknown key', () => ({ header: { kid: 'x' } }), 'token.invalid'],
  ['with a path as its key', () => ({ header: { kid: '../../dev/null' } }), 'token.invalid'],
  ['with no key', () => ({ header: { kid: undefined } }), 'token.invalid'],
  ['with an unknown extension', () => ({ header: { crit: ['x'], x: 1 } }), 'token.invalid'],
  [
    'signed with the public key as a secret',
    () => ({ header: { alg: 'HS256' }, key: new TextEncoder().encode(key.x) }),
    'token.invalid',
  ],
] as [string, () => Parameters<typeof forge>[0], string][])('[AUTH16] one %s is refused', async (_, change, code) => {
  expect(await codeFor(await forge(change()))).toBe(code)
})

test('[AUTH16] one signed with another key is refused, though it brings the key along', async () => {
  const pair = await generateKeyPair('EdDSA', { extractable: true })
  const jwk = await exportJWK(pair.publicKey)

  expect(await codeFor(await forge({ key: pair.privateKey }))).toBe('token.invalid')
  expect(await codeFor(await forge({ key: pair.privateKey, header: { jwk } }))).toBe('token.invalid')
  expect(await codeFor(await forge({ key: pair.privateKey, header: { jku: 'https://evil.example/jwks' } }))).toBe(
    'token.invalid',
  )
})

test('[AUTH16] one that was tampered with is refused', async () => {
  const { accessToken } = await signUp()
  const [header = '', payload = '', signature = ''] = accessToken.split('.')
  const none = base64url.encode(JSON.stringify({ alg: 'none', typ: 'at+jwt' }))
  const admin = base64url.encode(
    JSON.stringify({ ...JSON.parse(new TextDecoder().decode(base64url.decode(payload))), sub: '1' }),
  )

  const forgeries = [
    `${none}.${payload}.`,
    `${none}.${payload}.${signature}`,
    `${header}.${admin}.${signature}`,
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}.${payload}.${signature.slice(0, -2)}`,
    `${header}.${payload}.${signature}.${signature}`,
    '..',
    'x',
    'a'.repeat(8_000),
  ]
  for (const forgery of forgeries) expect(await codeFor(forgery), forgery.slice(0, 60)).toBe('token.invalid')
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
