import { PASSWORD } from '../chaos/person.ts'
import { ask } from '../harness/rest.ts'
import { type Guest, newGuest, openClient, openGroup, randomNetwork } from './guest.ts'
import type { Row } from './row.ts'

const GUESSES = 10_000
const AT_ONCE = 16
const MAY_BE_EVALUATED = 10
const CROWD = 100
const LOGIN_ROUTES = ['/v1/auth/login', '/login']

type Attack = { evaluated: number; limited: number; other: number; seconds: number; cpuSeconds: number }

/** Somebody tries passwords, from one address and from many, while the owner is signed in. */
export const guessing: Row = {
  id: 'S11',
  demands: `${GUESSES} guesses from 1 and from ${CROWD} addresses: at most ${MAY_BE_EVALUATED} evaluated in 15 minutes, and the owner is not locked out`,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const friend = await newGuest(server.url)
    const attacks: string[] = []
    let isGood = true
    for (const addresses of [1, CROWD]) {
      const owner = await newGuest(server.url)
      const from = Array.from({ length: addresses }, randomNetwork)
      const cpuBefore = server.cpuNowMs
      const attack = await guess(server.url, owner, from)
      attack.cpuSeconds = (server.cpuNowMs - cpuBefore) / 1_000
      const right = await tryOne(server.url, {
        login: owner.name,
        password: PASSWORD,
        from: randomNetwork(),
        path: '/v1/auth/login',
      })
      const lockedOut = await whatIsLost(server.url, owner, friend)
      attacks.push(
        `from ${addresses}: ${attack.evaluated} evaluated, ${attack.limited} answered 429 and ${attack.other} otherwise, in ` +
          `${attack.seconds.toFixed(0)} s and ${attack.cpuSeconds.toFixed(0)} s of the processor; the right password after that: ${right}; ` +
          `the owner’s device could ${lockedOut.length === 0 ? 'do everything' : `not ${lockedOut.join(', ')}`}`,
      )
      const isBounded = attack.evaluated > 0 && attack.evaluated <= MAY_BE_EVALUATED && attack.other === 0
      isGood &&= isBounded && right === 429 && lockedOut.length === 0
    }
    await server.kill()
    return { isGood, figure: attacks.join('\n     ') }
  },
}

/** Each guess under one of the names that sign in to the account, and by one of the routes; `401` is one that was looked at. */
const guess = async (base: string, { name }: Guest, from: string[]): Promise<Attack> => {
  const attack: Attack = { evaluated: 0, limited: 0, other: 0, seconds: 0, cpuSeconds: 0 }
  const wide = name.replaceAll(/[a-z0-9]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0))
  const logins = [name, `${name}@example.org`, name.toUpperCase(), ` ${name} `, `${name}@EXAMPLE.org`, wide]
  const startedAt = performance.now()
  let next = 0
  const guesser = async (): Promise<void> => {
    for (let i = next++; i < GUESSES; i = next++) {
      const status = await tryOne(base, {
        login: logins[i % logins.length] ?? name,
        password: `guess number ${i}`,
        from: from[i % from.length] ?? '',
        path: LOGIN_ROUTES[Math.floor(i / logins.length) % LOGIN_ROUTES.length] ?? '',
      })
      if (status === 401) attack.evaluated += 1
      else if (status === 429) attack.limited += 1
      else attack.other += 1
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, guesser))
  attack.seconds = (performance.now() - startedAt) / 1_000
  return attack
}

const tryOne = async (
  base: string,
  { login, password, from, path }: { login: string; password: string; from: string; path: string },
): Promise<number | null> => {
  const json = path === '/login' ? { username: login, password } : { login, password }
  return (await ask(base, { method: 'POST', path, json, from })).status
}

/** What somebody who was signed in before can no longer do. */
const whatIsLost = async (base: string, owner: Guest, friend: Guest): Promise<string[]> => {
  const { token } = owner
  const lost: string[] = []
  const needs = async (what: string, request: Parameters<typeof ask>[1]): Promise<void> => {
    const answer = await ask(base, { token, ...request })
    if (answer.status === null || !answer.ok) lost.push(what)
  }
  await needs('see the profile', { method: 'GET', path: '/v1/me' })
  const client = await openClient(base, owner)
  const c = await openGroup(base, owner, [friend])
  if (!(await client.say(c, 'still-here'))?.ok) lost.push('speak')
  client.socket.cut()
  const json = { currentPassword: PASSWORD, newPassword: `${PASSWORD} staple` }
  await needs('change the password', { method: 'PUT', path: '/v1/me/password', json })
  await needs('refresh', {
    method: 'POST',
    path: '/v1/auth/refresh',
    json: { refreshToken: owner.refreshToken },
    from: randomNetwork(),
  })
  return lost
}
