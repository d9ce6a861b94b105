import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, ask } from '../harness/rest.ts'
import type { Session } from './wire.ts'

export const PASSWORD = 'correct horse battery'

type SignedIn = { user: { id: number }; sessionId: string; accessToken: string; refreshToken: string }

/** Somebody with an account. */
export type Person = { id: number; username: string; address: string }

/** A server that gives no answer for so long gives none any more. */
const GIVE_UP_MS = 120_000

/** Asks until there is an answer. A server that is being started again refuses connections for a while. */
export const insist = async <Body>(
  attempt: () => Promise<Answer<Body>>,
): Promise<Extract<Answer<Body>, { status: number }>> => {
  const from = Date.now()
  for (;;) {
    const answer = await attempt()
    if (answer.status !== null && answer.status < 500) return answer
    if (Date.now() - from > GIVE_UP_MS) throw new Error(`no answer for ${GIVE_UP_MS / 1000} s: ${answer.status}`)
    await sleep(200)
  }
}

export const register = async (base: string, number: number): Promise<{ person: Person; session: Session }> => {
  const username = `person${number}`
  const address = `10.1.${Math.floor(number / 250)}.${1 + (number % 250)}`
  const json = { username, email: `${username}@example.org`, password: PASSWORD }
  const answer = await insist<SignedIn>(() =>
    ask(base, { method: 'POST', path: '/v1/auth/register', json, from: address }),
  )
  // An earlier try had no answer, and made the account.
  const isMade = !answer.ok && answer.code === 'username.taken'
  if (!answer.ok && !isMade) throw new Error(`${username} could not register: ${answer.code}`)
  const signedIn = answer.ok ? answer.body : await logIn(base, { username, address })
  return { person: { id: signedIn.user.id, username, address }, session: sessionOf(signedIn) }
}

export const signIn = async (base: string, person: Person): Promise<Session> => sessionOf(await logIn(base, person))

const logIn = async (base: string, { username, address }: Omit<Person, 'id'>): Promise<SignedIn> => {
  const json = { login: username, password: PASSWORD }
  const request = { method: 'POST', path: '/v1/auth/login', json, from: address }
  for (;;) {
    const answer = await insist<SignedIn>(() => ask(base, request))
    if (answer.ok) return answer.body
    if (answer.status !== 429) throw new Error(`${username} could not sign in: ${answer.code}`)
    await sleep(1_000 * Math.max(1, answer.retryAfter))
  }
}

/** Another access token for the same session; null where the session is over. */
export const renew = async (base: string, person: Person, session: Session): Promise<Session | null> => {
  const { refreshToken } = session
  const request = { method: 'POST', path: '/v1/auth/refresh', json: { refreshToken }, from: person.address }
  const answer = await insist<SignedIn>(() => ask(base, request))
  return answer.ok ? sessionOf(answer.body) : null
}

/** Another access token, with another session where that one is over. */
export const signInAgain = async (
  base: string,
  { person, session }: { person: Person; session: Session },
): Promise<Session> => (await renew(base, person, session)) ?? signIn(base, person)

const sessionOf = ({ sessionId, accessToken, refreshToken }: SignedIn): Session => ({
  id: sessionId,
  accessToken,
  refreshToken,
})
