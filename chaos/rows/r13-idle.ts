import { setTimeout as sleep } from 'node:timers/promises'
import { type Guest, type Line, newGuests, openLine } from './guest.ts'
import { mib, type Row } from './row.ts'

const USERS = 500
const SOCKETS = 5_000
const SECONDS = 15

/** Sockets that nobody uses. What is awake shows in the time of the processor. */
export const idle: Row = {
  id: 'R13',
  demands: `${SOCKETS} idle sockets for ${SECONDS} s: no object awake, no timer`,
  needsLinux: true,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const guests = await newGuests(server.url, USERS)
    const lines: Line[] = []
    for (let i = 0; i < SOCKETS; i += 50) {
      const few = Array.from({ length: 50 }, (_, k) => openLine(server.url, guests[(i + k) % USERS] as Guest))
      lines.push(...(await Promise.all(few)))
    }
    // Presence is told 15 seconds late, and objects sleep after ten more.
    await sleep(40_000)
    const before = server.cpuNowMs
    await sleep(SECONDS * 1_000)
    const used = server.cpuNowMs - before
    const memory = server.memory
    for (const line of lines) line.socket.cut()
    await server.kill()
    const figure = `${used} ms of the processor in ${SECONDS} s for ${lines.length} sockets, ${mib(memory)}`
    return { isGood: used <= SECONDS * 10, figure }
  },
}
