import { generateKeyPairSync, type JsonWebKey, randomBytes } from 'node:crypto'

/** New random secrets, in the form in which the worker reads them. */
export const newSecrets = (): { SIGNING_KEYS: string; REFRESH_SECRET: string } => {
  return {
    SIGNING_KEYS: JSON.stringify([newSigningKey()]),
    REFRESH_SECRET: randomBytes(32).toString('base64url'),
  }
}

/** `SIGNING_KEYS` with a new key that signs, before those that only verify. */
export const rotatedKeys = (verifying: JsonWebKey[]): string => JSON.stringify([newSigningKey(), ...verifying])

const newSigningKey = (): JsonWebKey => ({
  ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }),
  kid: randomBytes(8).toString('base64url'),
  alg: 'EdDSA',
  use: 'sig',
})
