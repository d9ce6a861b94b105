import { setTimeout as sleep } from 'node:timers/promises'
import { hubsAwake } from './awake.ts'
import { type Guest, type NativeClient, newGuests, openClient } from './guest.ts'
import { PATIENCE_MS } from './plain-socket.ts'
import { mib, type Row } from './row.ts'

const USERS = 500
const SOCKETS = 5_000
const SECONDS = 15
/** Presence is told 15 seconds late, and objects sleep after ten more. */
const ASLEEP_WITHIN_MS = 60_000

/** Sockets that nobody uses but for the pings that clients send: the runtime answers those itself, and no object comes back for them. */
export const idle: Row = {
  id: 'R13',
  demands: `${SOCKETS} idle sockets for ${SECONDS} s, each after a ping: no object in memory, no time of the processor, so no timer`,
  needsLinux: true,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const guests = await newGuests(server.url, USERS)
    const clients: NativeClient[] = []
    let mostAwake = 0
    for (let i = 0; i < SOCKETS; i += 50) {
      const few = Array.from({ length: 50 }, (_, k) => openClient(server.url, guests[(i + k) % USERS] as Guest))
      clients.push(...(await Promise.all(few)))
      mostAwake = Math.max(mostAwake, hubsAwake(server))
    }
    const until = performance.now() + ASLEEP_WITHIN_MS
    while (hubsAwake(server) > 0 && performance.now() < until) await sleep(500)
    const stillAwake = hubsAwake(server)
    const answered = await pingAll(clients)
    const woken = hubsAwake(server)
    // What the pings themselves took is over.
    await sleep(1_000)
    const before = server.cpuNowMs
    await sleep(SECONDS * 1_000)
    const used = server.cpuNowMs - before
    const awake = hubsAwake(server)
    const open = (await pingAll(clients)) === SOCKETS ? 'all of them' : 'NOT all of them'
    const memory = server.memory
    for (const client of clients) client.socket.cut()
    await server.kill()
    const figure =
      `of ${USERS} hubs ${mostAwake} were in memory at most while the sockets opened, ${stillAwake} before the pings, ` +
      `${woken} when ${answered} of ${SOCKETS} were answered, ${awake} after ${SECONDS} s; ` +
      `${used} ms of the processor in these, ${open} still open, ${mib(memory)}`
    // Where none was ever seen in memory the look at the files shows nothing.
    const isAsleep = mostAwake >= USERS / 2 && stillAwake + woken + awake === 0
    return { isGood: isAsleep && answered === SOCKETS && open === 'all of them' && used <= SECONDS, figure }
  },
}

/** Answers how many of them got a `pong`. */
const pingAll = async (clients: NativeClient[]): Promise<number> => {
  let pongs = 0
  const all = clients.map(
    (client) =>
      new Promise<void>((resolve) => {
        client.pong = () => {
          pongs += 1
          resolve()
        }
        client.socket.send('ping')
      }),
  )
  await Promise.race([Promise.all(all), sleep(PATIENCE_MS)])
  return pongs
}
