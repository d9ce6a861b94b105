import {
  base64url,
  exportJWK,
  generateKeyPair,
  generateSecret,
  importJWK,
  type JWK,
  type JWTHeaderParameters,
  type JWTPayload,
  SignJWT,
} from 'jose'

/** Somebody signed in, and what only the server should know: the key that signs. */
export type Forged = {
  key: JWK
  issuer: string
  userId: number
  sessionId: string
  accessToken: string
  refreshToken: string
  /** Somebody else, whose session is not theirs. */
  otherId: number
}

export type Forgery = { what: string; token: string; code: 'token.invalid' | 'token.expired' | 'session.revoked' }

/** What is undefined is left out. */
type Fields = Record<string, unknown>
type Change = { header?: Fields; claims?: Fields; key?: CryptoKey | Uint8Array }

const HOUR = 3_600

/** A token made as the server makes it, but for what is changed. */
export const forge = async (of: Forged, { header, claims, key }: Change = {}): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000)
  const usual = { sub: String(of.userId), sid: of.sessionId, iss: of.issuer, aud: 'causerie-api' }
  return new SignJWT({ ...usual, iat: now, exp: now + 600, jti: 'x', ...claims } as JWTPayload)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: of.key.kid, ...header } as JWTHeaderParameters)
    .sign(key ?? (await importJWK(of.key, 'EdDSA')), { crit: { x: true } })
}

/** Every forgery that we can think of, each with the refusal that REST gives. */
export const forgeriesOf = async (of: Forged): Promise<Forgery[]> => [
  ...(await withOtherClaims(of)),
  ...(await withOtherHeaders(of)),
  ...(await withOtherKeys(of)),
  ...withoutSigning(of),
]

const withOtherClaims = (of: Forged): Promise<Forgery[]> => {
  const now = Math.floor(Date.now() / 1_000)
  const changes: [string, Fields, Forgery['code']?][] = [
    ['expired', { exp: now - 1 }, 'token.expired'],
    ['expired long ago', { iat: now - 30 * 24 * HOUR, exp: now - 29 * 24 * HOUR }, 'token.expired'],
    ['not valid yet', { nbf: now + HOUR }],
    ['of another audience', { aud: 'elsewhere' }],
    ['of no audience', { aud: [] }],
    ['without an audience', { aud: undefined }],
    ['of another issuer', { iss: 'elsewhere' }],
    ['of an issuer whose name begins alike', { iss: `${of.issuer}.example` }],
    ['without an issuer', { iss: undefined }],
    ['without an end', { exp: undefined }],
    ['without a beginning', { iat: undefined }],
    ['without a session', { sid: undefined }],
    ['of a session that is a list', { sid: [of.sessionId] }],
    ['without an id', { jti: undefined }],
    ['without a user', { sub: undefined }],
    ['of no user', { sub: '0' }],
    ['of a user below none', { sub: `-${of.userId}` }],
    ['of a user with a zero before the number', { sub: `0${of.userId}` }],
    ['of a user that is not a number', { sub: '1 OR 1=1' }],
    ['of an unknown session', { sid: 'x' }, 'session.revoked'],
    ['of the session of another', { sub: String(of.otherId) }, 'session.revoked'],
  ]
  return Promise.all(
    changes.map(async ([what, claims, code = 'token.invalid']) => ({ what, token: await forge(of, { claims }), code })),
  )
}

const withOtherHeaders = (of: Forged): Promise<Forgery[]> => {
  const changes: [string, Fields][] = [
    ['of another type', { typ: 'JWT' }],
    ['of the type of a refresh token', { typ: 'rt+jwt' }],
    ['of no type', { typ: undefined }],
    ['with an unknown key', { kid: 'x' }],
    ['with a path as its key', { kid: '../../dev/null' }],
    ['with a query as its key', { kid: "x' UNION SELECT 'x" }],
    ['with an address as its key', { kid: 'https://evil.example/jwks' }],
    ['with a property of every object as its key', { kid: '__proto__' }],
    ['with no key', { kid: undefined }],
    ['with an unknown extension', { crit: ['x'], x: 1 }],
  ]
  return Promise.all(
    changes.map(async ([what, header]) => ({ what, token: await forge(of, { header }), code: 'token.invalid' })),
  )
}

const withOtherKeys = async (of: Forged): Promise<Forgery[]> => {
  const own = await generateKeyPair('EdDSA', { extractable: true })
  const jwk = await exportJWK(own.publicKey)
  const { d: _, ...published } = of.key
  const bytes = (text = ''): Uint8Array => new TextEncoder().encode(text)
  const curve = await generateKeyPair('ES256')
  const rsa = await generateKeyPair('RS256')
  const secret = await generateSecret('HS256')
  const changes: [string, Change][] = [
    ['signed with another key', { key: own.privateKey }],
    ['that brings its key along', { key: own.privateKey, header: { jwk } }],
    [
      'that brings its key along, under the name of ours',
      { key: own.privateKey, header: { jwk: { ...jwk, kid: of.key.kid } } },
    ],
    ['that says where its key is', { key: own.privateKey, header: { jku: 'https://evil.example/jwks' } }],
    ['that says where its certificate is', { key: own.privateKey, header: { x5u: 'https://evil.example/x' } }],
    ['that brings a certificate along', { key: own.privateKey, header: { x5c: ['MIIB'] } }],
    ['signed with ES256', { key: curve.privateKey, header: { alg: 'ES256' } }],
    ['signed with RS256', { key: rsa.privateKey, header: { alg: 'RS256' } }],
    ['signed with PS256', { key: (await generateKeyPair('PS256')).privateKey, header: { alg: 'PS256' } }],
    ['signed with HS256 and some secret', { key: secret as CryptoKey, header: { alg: 'HS256' } }],
    ['signed with HS256 and no secret', { key: new Uint8Array(32), header: { alg: 'HS256' } }],
    ['signed with the public key as a secret', { key: bytes(of.key.x), header: { alg: 'HS256' } }],
    ['signed with the bytes of the public key', { key: base64url.decode(of.key.x ?? ''), header: { alg: 'HS256' } }],
    ['signed with the published JWK as a secret', { key: bytes(JSON.stringify(published)), header: { alg: 'HS256' } }],
  ]
  return Promise.all(
    changes.map(async ([what, change]) => ({ what, token: await forge(of, change), code: 'token.invalid' })),
  )
}

const withoutSigning = (of: Forged): Forgery[] => {
  const [header = '', payload = '', signature = ''] = of.accessToken.split('.')
  const encode = (value: object): string => base64url.encode(JSON.stringify(value))
  const said = JSON.parse(new TextDecoder().decode(base64url.decode(payload))) as JWTPayload
  const none = (alg: string): string => encode({ alg, typ: 'at+jwt', kid: of.key.kid })
  const changed = encode({ ...said, sub: String(of.otherId) })
  const longer = encode({ ...said, exp: (said.exp ?? 0) + 24 * HOUR })
  const tokens: [string, string][] = [
    ['that says that it needs no signature', `${none('none')}.${payload}.`],
    ['that says so in capitals', `${none('NONE')}.${payload}.`],
    ['that says so in both', `${none('nOnE')}.${payload}.`],
    ['that says so and has one', `${none('none')}.${payload}.${signature}`],
    ['that says nothing of its algorithm', `${encode({ typ: 'at+jwt', kid: of.key.kid })}.${payload}.${signature}`],
    ['that names RS256 over the same signature', `${none('RS256')}.${payload}.${signature}`],
    [
      'that names ES256 with a signature of zeros',
      `${none('ES256')}.${payload}.${base64url.encode(new Uint8Array(64))}`,
    ],
    ['with a signature of zeros', `${header}.${payload}.${base64url.encode(new Uint8Array(64))}`],
    ['whose user was changed', `${header}.${changed}.${signature}`],
    ['whose end was changed', `${header}.${longer}.${signature}`],
    ['without a signature', `${header}.${payload}.`],
    ['of two parts', `${header}.${payload}`],
    ['of one part', header],
    ['of four parts', `${header}.${payload}.${signature}.${signature}`],
    ['of five parts, as if encrypted', `${header}..${payload}.${signature}.${signature}`],
    ['whose signature is cut', `${header}.${payload}.${signature.slice(0, -2)}`],
    ['that is cut', of.accessToken.slice(0, of.accessToken.length / 2)],
    ['in the JSON form', JSON.stringify({ protected: header, payload, signature })],
    ['that is empty in all parts', '..'],
    ['that is a word', 'x'],
    ['that is far too long', 'a'.repeat(8_000)],
    ['that is a refresh token', of.refreshToken],
    ['that is the id of the session', of.sessionId],
    ['that is the number of the user', String(of.userId)],
  ]
  return tokens.map(([what, token]) => ({ what, token, code: 'token.invalid' }))
}
