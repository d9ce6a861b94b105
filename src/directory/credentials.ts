import Argon2, { type Argon2HashOptions, Argon2Type } from '@phi-ag/argon2'
import wasm from '@phi-ag/argon2/argon2.wasm'

/** At least what ASVS 5.0 asks of Argon2id. Raise them at will: a hash with other ones is renewed at the next sign-in. */
const PARAMETERS = {
  type: Argon2Type.Argon2id,
  memoryCost: 19_456,
  timeCost: 2,
  parallelism: 1,
} as const satisfies Partial<Argon2HashOptions>
const PREFIX = `$argon2id$v=19$m=${PARAMETERS.memoryCost},t=${PARAMETERS.timeCost},p=${PARAMETERS.parallelism}$`

/** A PHC string with a salt of its own. */
export const hashPassword = (password: string): string => argon2().hash(bytesAsLength(password), PARAMETERS).encoded

export const verifyPassword = (hash: string, password: string): boolean =>
  argon2().tryVerify(hash, bytesAsLength(password)).success

/** The hash of nobody's password: a salt of 16 bytes and a digest of 32. */
const NOBODY = `${PREFIX}${'A'.repeat(22)}$${'A'.repeat(43)}`

/** Where there is no account: the same work, so that the time of the answer does not tell. */
export const verifyNothing = (password: string): boolean => verifyPassword(NOBODY, password)

export const needsRehash = (hash: string): boolean => !hash.startsWith(PREFIX)

/**
 * The library hashes `length` bytes of the UTF-8, counting in UTF-16 units, and so would drop the end of a password that is
 * not ASCII. NULs behind it bring the length up to the number of bytes; they are not hashed themselves.
 */
const bytesAsLength = (password: string): string => password.padEnd(new TextEncoder().encode(password).length, '\0')

let instance: Argon2 | undefined

// Hashing is synchronous: an isolate never has two under way, and its 19 MiB are reused.
const argon2 = (): Argon2 => (instance ??= new Argon2(new WebAssembly.Instance(wasm)))
