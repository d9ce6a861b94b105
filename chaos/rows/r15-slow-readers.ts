import { setTimeout as sleep } from 'node:timers/promises'
import { type Guest, type Line, newGuests, openGroup, openLine } from './guest.ts'
import { watchMemory } from './memory.ts'
import { mib, percentile, type Row } from './row.ts'

const MEMBERS = 500
const READERS_NOT = 50
const MESSAGES = 700
const TEXT = 'x'.repeat(7_900)

/** Some of a large group never read what comes. Their sockets are closed, and the others notice nothing. */
export const slowReaders: Row = {
  id: 'R15',
  demands: `${READERS_NOT} of ${MEMBERS} never read: closed at 1 MiB waiting each, memory +100 MiB at most, the others at most twice as slow`,
  needsLinux: true,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const guests = await newGuests(server.url, MEMBERS)
    const c = await openGroup(server.url, guests[0] as Guest, guests.slice(1))
    const lines: Line[] = []
    for (const guest of guests) lines.push(await openLine(server.url, guest))
    const healthy = lines.slice(0, MEMBERS - READERS_NOT)
    let said = 0
    const talk = async (count: number, text: string): Promise<number[]> => {
      const took: number[] = []
      for (let i = 0; i < count; i += 1) {
        const clientId = `slow-${(said += 1)}`
        const from = performance.now()
        const heard = healthy.slice(1).map(
          (line) =>
            new Promise<void>((resolve) => {
              line.hear = ({ message }) => message?.clientId === clientId && resolve()
            }),
        )
        await lines[0]?.say(c, clientId, text)
        await Promise.race([Promise.all(heard), sleep(10_000)])
        took.push(performance.now() - from)
      }
      return took
    }
    const before = percentile(await talk(100, TEXT), 0.99)
    const stuck = lines.slice(MEMBERS - READERS_NOT)
    for (const line of stuck) line.socket.freeze()
    const memory = watchMemory(server)
    const after = percentile(await talk(MESSAGES, TEXT), 0.99)
    const grown = memory.stop() - memory.before
    // Only one who reads again hears that it was closed.
    for (const line of stuck) line.socket.thaw()
    const codes = await Promise.all(stuck.map((line) => Promise.race([line.socket.closed, sleep(10_000, 0)])))
    for (const line of lines) line.socket.cut()
    await server.kill()
    const closed = codes.filter((code) => code === 4508).length
    const figure =
      `${closed} of ${READERS_NOT} closed with 4508, memory +${mib(grown)} at most; ` +
      `to the last of the others p99 ${before.toFixed(0)} ms before, ${after.toFixed(0)} ms beside them`
    return { isGood: closed === READERS_NOT && grown <= 100 * 2 ** 20 && after <= 2 * before, figure }
  },
}
