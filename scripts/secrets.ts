import { generateKeyPairSync, randomBytes } from 'node:crypto'

/** New random secrets, in the form in which the worker reads them. */
export const newSecrets = (): { SIGNING_KEYS: string; REFRESH_SECRET: string } => {
  const key = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const kid = randomBytes(8).toString('base64url')
  return {
    SIGNING_KEYS: JSON.stringify([{ ...key, kid, alg: 'EdDSA', use: 'sig' }]),
    REFRESH_SECRET: randomBytes(32).toString('base64url'),
  }
}
