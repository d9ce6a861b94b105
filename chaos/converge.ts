import { setTimeout as sleep } from 'node:timers/promises'
import type { World } from './clients.ts'
import type { DialectDevice } from './dialect-device.ts'
import type { Outcome } from './device.ts'
import { RawDevice } from './raw-device.ts'
import { heads } from './read-back.ts'

/** How long everybody may take to hold everything; then the wait ends. */
const GIVE_UP_MS = 30_000
/** Clients tell read marks a moment late. */
const SETTLE_MS = 500
/** Their clients cannot ask for what was said while they were away, so the last word is said again to one that has not heard it. */
const WORD_EVERY_MS = 2_000

/** Waits until every client holds everything by itself. What is still missing when it gives up is answered, and the checker finds it. */
export const converge = async (url: string, world: World): Promise<string[]> => {
  const giveUpAt = Date.now() + GIVE_UP_MS
  const deaf = await sayLastWords(world, giveUpAt)
  await sleep(SETTLE_MS)
  const expected = await heads(url, world)
  let behind: string[] = []
  for (let saidAt = Date.now(); Date.now() < giveUpAt; await sleep(50)) {
    behind = missing(world, expected)
    if (behind.length === 0) break
    if (Date.now() - saidAt < 3_000) continue
    saidAt = Date.now()
    console.log(`        still missing: ${behind.slice(0, 6).join('; ')}`)
  }
  return [...deaf, ...behind]
}

/** What each device does not hold yet. */
const missing = ({ devices, members }: World, expected: Map<number, number>): string[] =>
  devices.flatMap((device) =>
    [...members].flatMap(([c, ids]) => {
      const [rev, head] = [device.revOf(c), expected.get(c)]
      const isComplete = rev !== null && head !== undefined && rev >= head
      return !ids.includes(device.userId) || isComplete ? [] : [`${device.name} ${rev} of ${head} in ${c}`]
    }),
  )

/** Says something to each client of a documented API; answers those that do not hear it. */
const sayLastWords = async ({ dialects, devices }: World, giveUpAt: number): Promise<string[]> => {
  const heard = await Promise.all(
    dialects.map(async (dialect) => {
      const speaker = devices.find(
        (device): device is RawDevice => device instanceof RawDevice && device.userId === dialect.talk.userId,
      )
      return speaker !== undefined && (await hears(dialect, speaker, giveUpAt))
    }),
  )
  return dialects.flatMap(({ name }, i) => (heard[i] ? [] : [`${name} hears nothing`]))
}

const hears = async (dialect: DialectDevice, speaker: RawDevice, giveUpAt: number): Promise<boolean> => {
  for (let word = 1; Date.now() < giveUpAt; word += 1) {
    const clientId = `${speaker.name}-to-${dialect.name}-${word}`
    let outcome: Outcome = { ok: null }
    while (!outcome.ok && Date.now() < giveUpAt) {
      await speaker.online()
      outcome = await speaker.perform({ do: 'send', c: dialect.talk.c, clientId, text: `${clientId}, the last word` })
    }
    for (const from = Date.now(); Date.now() - from < WORD_EVERY_MS; await sleep(20)) {
      if (outcome.ok && dialect.head() >= outcome.seq) return true
    }
  }
  return false
}
