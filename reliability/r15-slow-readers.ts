import { setTimeout as sleep } from 'node:timers/promises'
import { type Guest, type NativeClient, newGuests, openClient, openGroup } from './guest.ts'
import { watchMemory } from './memory.ts'
import { mib, percentile, type Row } from './row.ts'

const MEMBERS = 500
const READERS_NOT = 50
/** The first wake the members' objects. They must arrive, but how long they take is not counted. */
const WARMING = 50
/** On either side: so much that who does not read falls behind by more than networks hold. */
const MESSAGES = 700
const TEXT = 'x'.repeat(7_900)
const PATIENCE_MS = 10_000
/** As clients do. Who only listens for two minutes is cut, and that is not what this row shows. */
const PING_EVERY_MS = 25_000

/** How long each message took to the last of the healthy readers, and to how many of them one did not come: that ends it. */
type Talk = { took: number[]; missed: number }

/** Some of a large group never read what comes. Their sockets are closed, and the others notice nothing. */
export const slowReaders: Row = {
  id: 'R15',
  demands:
    `${READERS_NOT} of ${MEMBERS} never read: closed at 1 MiB waiting each, memory +100 MiB at most, ` +
    `the others miss nothing and wait at most twice as long`,
  needsLinux: true,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const guests = await newGuests(server.url, MEMBERS)
    const c = await openGroup(server.url, guests[0] as Guest, guests.slice(1))
    const clients: NativeClient[] = []
    for (const guest of guests) clients.push(await openClient(server.url, guest))
    const pinging = setInterval(() => {
      for (const client of clients) client.socket.send('ping')
    }, PING_EVERY_MS)
    const healthy = clients.slice(0, MEMBERS - READERS_NOT)
    let said = 0
    const talk = async (count: number): Promise<Talk> => {
      const took: number[] = []
      let missed = 0
      for (let i = 0; i < count && missed === 0; i += 1) {
        const clientId = `slow-${(said += 1)}`
        const from = performance.now()
        const waiting = new Set(healthy.slice(1))
        const heard = new Promise<void>((resolve) => {
          for (const client of waiting) {
            client.hear = ({ message }) => {
              if (message?.clientId === clientId && waiting.delete(client) && waiting.size === 0) resolve()
            }
          }
        })
        const reply = await clients[0]?.say(c, clientId, TEXT)
        if (!reply?.ok) throw new Error(`Message ${said} was not taken: ${JSON.stringify(reply)}`)
        const patience = new AbortController()
        await Promise.race([heard, sleep(PATIENCE_MS, null, patience).catch(() => null)])
        patience.abort()
        missed += waiting.size
        took.push(performance.now() - from)
      }
      return { took, missed }
    }
    const warming = await talk(WARMING)
    const before = await talk(MESSAGES)
    const stuck = clients.slice(MEMBERS - READERS_NOT)
    for (const client of stuck) client.socket.freeze()
    const memory = watchMemory(server)
    const beside = await talk(MESSAGES)
    const grown = memory.stop() - memory.before
    // Only one who reads again hears that it was closed.
    for (const client of stuck) client.socket.thaw()
    const codes = await Promise.all(stuck.map((client) => Promise.race([client.socket.closed, sleep(10_000, 0)])))
    clearInterval(pinging)
    for (const client of clients) client.socket.cut()
    await server.kill()
    const closed = codes.filter((code) => code === 4508).length
    const missed = warming.missed + before.missed + beside.missed
    const [usual, most] = [percentile(before.took, 0.99), percentile(beside.took, 0.99)]
    const figure =
      `${closed} of ${READERS_NOT} closed with 4508, memory +${mib(grown)} at most; ` +
      `of ${said} messages one did not come to one of the others within ${PATIENCE_MS / 1_000} s ${missed} times; ` +
      `to the last of them p99 ${usual.toFixed(0)} ms before, ${most.toFixed(0)} ms beside them, ${before.took.length} and ${beside.took.length} messages`
    const isGood = closed === READERS_NOT && missed === 0 && grown <= 100 * 2 ** 20 && most <= 2 * usual
    return { isGood, figure }
  },
}
