import { base64url } from 'jose'

/** Random, opaque and unguessable: 16 bytes for an id, 32 for a token. */
export const randomToken = (bytes: 16 | 32): string => base64url.encode(crypto.getRandomValues(new Uint8Array(bytes)))

/** Tokens are stored as this: who reads the database can present none of them. */
export const sha256 = async (text: string): Promise<string> =>
  base64url.encode(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))))

/** The successor of a refresh token: the same each time, and unknown to whoever lacks the secret. */
export const successorOf = async (token: string, secret: string): Promise<string> =>
  base64url.encode(await sealOf(token, secret))

/** HMAC-SHA-256, 32 bytes. */
export const sealOf = async (text: string, secret: string): Promise<Uint8Array> => {
  const bytes = new TextEncoder().encode(secret)
  const key = await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  return new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode(text)))
}
