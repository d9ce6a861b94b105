import { base64url } from 'jose'
import { userOfTicket } from '../protocol/socket.ts'
import { sealOf } from './secrets.ts'

/** One-time tickets for sockets. Whether one was used already, or is too old, is for the hub to say: it keeps their hashes. */
export const TICKET_LIFE_MS = 30_000
const HALF = 16

type Secret = { REFRESH_SECRET: string }

/** `<user id>.<43 characters>`: 128 random bits, and 128 that prove that this server made it. */
export const newTicket = (env: Secret, userId: number): Promise<string> =>
  ticketOf(env, { userId, random: crypto.getRandomValues(new Uint8Array(HALF)) })

/** Whose ticket it is; null where this server did not make it: then no hub need wake, nor come to be, to refuse it. */
export const holderOfTicket = async (env: Secret, ticket: string): Promise<number | null> => {
  const userId = userOfTicket(ticket)
  if (userId === null) return null
  const random = base64url.decode(ticket.slice(ticket.indexOf('.') + 1)).subarray(0, HALF)
  return (await ticketOf(env, { userId, random })) === ticket ? userId : null
}

const ticketOf = async (env: Secret, { userId, random }: { userId: number; random: Uint8Array }): Promise<string> => {
  const seal = await sealOf(`ticket ${userId} ${base64url.encode(random)}`, env.REFRESH_SECRET)
  const bytes = new Uint8Array(2 * HALF)
  bytes.set(random)
  bytes.set(seal.subarray(0, HALF), HALF)
  return `${userId}.${base64url.encode(bytes)}`
}
