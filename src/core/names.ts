/**
 * What usernames, addresses and logins are compared by: no two accounts may differ by case or by the width of their letters
 * alone. A username has no `@` and an address has one, so that one key serves for both.
 */
export const nameKey = (name: string): string =>
  // Through upper case, for that folds what lower case alone leaves apart (ß and ss).
  name.normalize('NFKC').toUpperCase().toLowerCase().normalize('NFKC')

/** A username out of a name of any form: `Zoë Martin` becomes `Zoë_Martin`, and with a suffix `Zoë_Martin_2`. */
export const usernameFrom = (name: string, suffix = ''): string => {
  const letters = name
    .normalize('NFC')
    .replace(/\p{DI}+/gu, '')
    .replace(/[^\p{L}\p{N}_.-]+/gu, '_')
    .replace(/^[^\p{L}\p{N}]+|[^\p{L}\p{N}]+$/gu, '')
  const stem = letters
    .slice(0, USERNAME_LENGTH - suffix.length)
    .toWellFormed()
    .replaceAll('\uFFFD', '')
  return `${stem.length < 2 ? `user${stem}` : stem}${suffix}`
}

const USERNAME_LENGTH = 32
const DEVICE_LENGTH = 120

/** What a session remembers of a `User-Agent`, for its owner to recognize it by. */
export const deviceOf = (userAgent: string | undefined): string | null => {
  // oxlint-disable-next-line no-control-regex -- they are what is taken out
  const name = (userAgent ?? '').replace(/[\u0000-\u001F\u007F]/g, ' ').trim()
  return name === '' ? null : name.slice(0, DEVICE_LENGTH).toWellFormed()
}
