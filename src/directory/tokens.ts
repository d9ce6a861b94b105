import { errors, type JWK, type JWTVerifyGetKey, jwtVerify, SignJWT } from 'jose'
import * as z from 'zod'
import { refuse, type Refusal } from '../protocol/errors.ts'
import { randomToken } from './secrets.ts'

const ALGORITHM = 'EdDSA'
const TYPE = 'at+jwt'
const AUDIENCE = 'causerie-api'

/** What an access token says: who, in which session. Whether the session still lives is for the directory to say. */
export type AccessClaims = { userId: number; sessionId: string }

export const signAccessToken = async (
  env: TokenEnv,
  claims: AccessClaims & { now: number; expiresAt: number },
): Promise<string> => {
  const { userId, sessionId, now, expiresAt } = claims
  const [current] = signingKeys(env).keys
  return new SignJWT({ sid: sessionId })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: current.kid })
    .setSubject(String(userId))
    .setIssuer(env.ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt(seconds(now))
    .setExpirationTime(seconds(expiresAt))
    .setJti(randomToken(16))
    .sign(current)
}

export const verifyAccessToken = async (env: TokenEnv, token: string, now: number): Promise<AccessClaims | Refusal> => {
  try {
    const { payload } = await jwtVerify(token, verificationKey(env), {
      algorithms: [ALGORITHM],
      typ: TYPE,
      issuer: env.ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['sub', 'sid', 'iat', 'exp', 'jti'],
      currentDate: new Date(now),
    })
    const claims = Claims.safeParse(payload)
    return claims.success ? { userId: claims.data.sub, sessionId: claims.data.sid } : refuse('token.invalid')
  } catch (error) {
    if (error instanceof errors.JWTExpired) return refuse('token.expired')
    if (error instanceof errors.JOSEError) return refuse('token.invalid')
    throw error
  }
}

/** The public halves, for `/.well-known/jwks.json`. */
export const publicKeys = (env: TokenEnv): { keys: PublicKey[] } => ({ keys: signingKeys(env).published })

export type TokenEnv = { SIGNING_KEYS: string; ISSUER: string }

// The first one signs. Of the second the public half is enough: nobody can read a secret back from the platform, but that is published.
const SigningKey = z.object({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: z.string(),
  d: z.string(),
  kid: z.string(),
})
const SigningKeys = z.union([z.tuple([SigningKey]), z.tuple([SigningKey, SigningKey.omit({ d: true })])])
type SigningKeys = z.infer<typeof SigningKeys>
type PublicKey = JWK & { kid: string }

const Claims = z.object({
  sub: z
    .string()
    .regex(/^[1-9]\d{0,15}$/)
    .transform(Number),
  sid: z.string(),
})

/** Read once, not with each request: the library keeps what it made of a key as long as the key's object lives. */
let read: { from: string; keys: SigningKeys; published: PublicKey[] } | null = null

const signingKeys = ({ SIGNING_KEYS: from }: TokenEnv): { keys: SigningKeys; published: PublicKey[] } => {
  if (read?.from === from) return read
  try {
    const keys = SigningKeys.parse(JSON.parse(from))
    const published = keys.map(({ kty, crv, x, kid }) => ({ kty, crv, x, kid, alg: ALGORITHM, use: 'sig' }))
    read = { from, keys, published }
    return read
  } catch {
    // Not the parser's own message, which quotes what it could not read.
    throw new Error(
      'SIGNING_KEYS must be a JSON array of an Ed25519 private key as a JWK with a kid, and perhaps the one before it',
    )
  }
}

const verificationKey =
  (env: TokenEnv): JWTVerifyGetKey =>
  ({ kid }) => {
    const key = signingKeys(env).published.find((each) => each.kid === kid)
    if (key === undefined) throw new errors.JWKSNoMatchingKey()
    return key
  }

const seconds = (ms: number): number => Math.floor(ms / 1000)
