/** One-time tickets: `<user id>.<256 random bits>`, so that the worker knows whose hub to ask. */

export const TICKET_LIFE_MS = 30_000

export const newTicket = (userId: number): string =>
  `${userId}.${base64Url(crypto.getRandomValues(new Uint8Array(32)))}`

/** Only the hash is kept: who reads the storage cannot open a socket with it. */
export const hashOf = async (ticket: string): Promise<string> =>
  base64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(ticket))))

const base64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
