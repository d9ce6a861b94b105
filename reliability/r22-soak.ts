import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from '../harness/rest.ts'
import { type Guest, newGuests, openClient, openGroup } from './guest.ts'
import { mib, type Row } from './row.ts'
import { SEQ_SPAN } from '../chaos/wire.ts'

const USERS = 40
const GROUP = 8
const PAUSE_MS = 100
const DEFAULT_MINUTES = 30
/** Of all together, a quarter of what the pauses let them say: what nobody says fills no memory. */
const LEAST_PER_MINUTE = (USERS * 60_000) / PAUSE_MS / 4
/** Without an answer or with a refusal, one in so many at most. */
const ONE_FAILS_IN = 1_000
/** Access tokens end after ten. */
const RENEW_MS = 5 * 60_000

/** A steady mixed load, and what it does to the memory once it is warm. */
export const soak: Row = {
  id: 'R22',
  demands:
    `30 minutes of mixed load, ${LEAST_PER_MINUTE} acknowledged messages a minute at least: memory grows by 1 MiB a minute at most after the warm-up, ` +
    'nothing uncaught in the log',
  needsLinux: true,
  run: async ({ server: prepare, minutes }) => {
    const lasts = (minutes ?? DEFAULT_MINUTES) * 60_000
    const server = await prepare()
    await server.start()
    const guests = await newGuests(server.url, USERS)
    const from = Date.now()
    let said = 0
    let failed = 0
    const talking: Promise<void>[] = []
    for (let i = 0; i < USERS; i += GROUP) {
      const group = guests.slice(i, i + GROUP) as [Guest, ...Guest[]]
      const c = await openGroup(server.url, group[0], group.slice(1))
      talking.push(...group.map((guest) => talk(guest, c)))
    }
    const samples: { minute: number; bytes: number }[] = []
    while (Date.now() - from < lasts) {
      await sleep(5_000)
      samples.push({ minute: (Date.now() - from) / 60_000, bytes: server.memory ?? 0 })
      if (samples.length % 24 === 0) {
        console.log(`  ${(samples.length / 12).toFixed(0)} min  ${said} messages, ${mib(server.memory)}`)
      }
    }
    await Promise.all(talking)
    await server.kill()
    const warm = samples.slice(Math.floor(samples.length / 3))
    const slope = slopeOf(warm)
    const uncaught = readFileSync(server.logFile, 'utf8').match(/uncaught/gi)?.length ?? 0
    const figure = `${lasts / 60_000} minutes, ${said} messages acknowledged, ${failed} not: ${slope.toFixed(2)} MiB a minute after a third of it, ${mib(samples.at(-1)?.bytes ?? 0)} in the end, ${uncaught} uncaught`
    const isUnderLoad = said >= (LEAST_PER_MINUTE * lasts) / 60_000 && failed * ONE_FAILS_IN <= said
    return { isGood: isUnderLoad && slope <= 1 && uncaught === 0, figure }

    async function talk(guest: Guest, c: number): Promise<void> {
      let { token, refreshToken } = guest
      let renewedAt = Date.now()
      let client = await openClient(server.url, guest)
      for (let i = 1; Date.now() - from < lasts; i += 1) {
        await sleep(PAUSE_MS * (0.5 + Math.random()))
        const reply = await client.say(c, `soak-${guest.id}-${i}`)
        if (!reply?.result) {
          failed += 1
          // Without an answer the connection is gone.
          if (reply === null) client = await openClient(server.url, { ...guest, token })
          continue
        }
        said += 1
        const { seq } = reply.result.message
        if (i % 10 === 0) await client.request({ type: 'read.mark', conversationId: c, seq })
        if (i % 15 === 0) await client.request({ type: 'typing.start', conversationId: c })
        const messageId = c * SEQ_SPAN + seq
        if (i % 20 === 0) await client.request({ type: 'reaction.add', messageId, emoji: '👍' })
        if (i % 25 === 0) await client.request({ type: 'message.delete', messageId })
        if (i % 50 !== 0) continue
        client.socket.cut()
        if (Date.now() - renewedAt > RENEW_MS) {
          const request = { method: 'POST', path: '/v1/auth/refresh', json: { refreshToken } }
          const answer = await ask<{ accessToken: string; refreshToken: string }>(server.url, request)
          if (answer.status === null || !answer.ok) throw new Error(`${guest.name} was signed out`)
          token = answer.body.accessToken
          refreshToken = answer.body.refreshToken
          renewedAt = Date.now()
        }
        client = await openClient(server.url, { ...guest, token })
      }
      client.socket.cut()
    }
  },
}

/** By least squares, in MiB a minute. */
const slopeOf = (samples: { minute: number; bytes: number }[]): number => {
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const [x, y] = [mean(samples.map(({ minute }) => minute)), mean(samples.map(({ bytes }) => bytes / 2 ** 20))]
  const over = samples.reduce((sum, { minute, bytes }) => sum + (minute - x) * (bytes / 2 ** 20 - y), 0)
  return over / samples.reduce((sum, { minute }) => sum + (minute - x) ** 2, 0)
}
