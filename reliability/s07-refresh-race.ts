import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, ask } from '../harness/rest.ts'
import { type Guest, newGuest, randomNetwork } from './guest.ts'
import type { Row } from './row.ts'

const AT_ONCE = 100
const ROUNDS = 10
/** A client whose answer got lost may ask again so long; what comes later is taken for a thief. */
const REPLAY_MS = 10_000

type Tokens = { accessToken: string; refreshToken: string }

/** Many who hold one refresh token use it in one moment; later somebody uses it again. */
export const refreshRace: Row = {
  id: 'S7',
  demands: `${AT_ONCE} parallel uses of one refresh token: one family goes on; a replay after the rotation ends it`,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const families: { guest: Guest; tokens: Tokens }[] = []
    let [answered, most, apart] = [0, 0, 0]
    for (let round = 0; round < ROUNDS; round += 1) {
      const guest = await newGuest(server.url)
      // What won the first race is raced for again.
      const first = await race(server.url, guest.refreshToken)
      const [successor = ''] = first.keys()
      const second = await race(server.url, successor)
      for (const successors of [first, second]) {
        most = Math.max(most, successors.size)
        answered += [...successors.values()].reduce((sum, { times }) => sum + times, 0)
      }
      const [last] = second.values()
      if (!last || !(await isLive(server.url, last.tokens.accessToken))) apart += 1
      else families.push({ guest, tokens: last.tokens })
    }
    await sleep(REPLAY_MS + 1_000)
    // The thief's replay and the owner's next use race as well: whatever comes first, nothing of the family is left.
    let alive = 0
    let reused = 0
    for (const { guest, tokens } of families) {
      const [replays, uses] = await Promise.all([
        raced(server.url, guest.refreshToken, AT_ONCE / 2),
        raced(server.url, tokens.refreshToken, AT_ONCE / 2),
      ])
      reused += replays.filter((answer) => answer.status === 401).length
      const given = uses.flatMap((answer) => (answer.status !== null && answer.ok ? [answer.body] : []))
      for (const each of [guest.token, tokens.accessToken, ...given.map(({ accessToken }) => accessToken)]) {
        if (await isLive(server.url, each)) alive += 1
      }
      const spent = [guest.refreshToken, tokens.refreshToken, ...new Set(given.map(({ refreshToken }) => refreshToken))]
      for (const each of spent) if ((await use(server.url, each)).status !== 401) alive += 1
    }
    await server.kill()
    const figure =
      `${ROUNDS * 2} races of ${AT_ONCE}: ${answered} answers, never more than ${most} successor, ${families.length} of ${ROUNDS} ` +
      `families went on (${apart} did not); after a replay ${reused} of ${families.length * (AT_ONCE / 2)} uses of the old ` +
      `token refused, ${alive} tokens of those families still good`
    const isGood = most === 1 && families.length === ROUNDS && alive === 0 && reused === (families.length * AT_ONCE) / 2
    return { isGood, figure }
  },
}

/** The successors that so many uses got, each with how many got it. */
const race = async (base: string, token: string): Promise<Map<string, { tokens: Tokens; times: number }>> => {
  const successors = new Map<string, { tokens: Tokens; times: number }>()
  for (const answer of await raced(base, token, AT_ONCE)) {
    if (answer.status === null || !answer.ok) continue
    const { body: tokens } = answer
    successors.set(tokens.refreshToken, { tokens, times: (successors.get(tokens.refreshToken)?.times ?? 0) + 1 })
  }
  return successors
}

const raced = (base: string, token: string, count: number): Promise<Answer<Tokens>[]> =>
  Promise.all(Array.from({ length: count }, () => use(base, token)))

const use = (base: string, refreshToken: string): Promise<Answer<Tokens>> =>
  ask<Tokens>(base, { method: 'POST', path: '/v1/auth/refresh', json: { refreshToken }, from: randomNetwork() })

const isLive = async (base: string, token: string): Promise<boolean> =>
  (await ask(base, { method: 'GET', path: '/v1/me', token })).status === 200
