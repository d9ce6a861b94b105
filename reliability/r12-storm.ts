import { setTimeout as sleep } from 'node:timers/promises'
import { comeBack } from './come-back.ts'
import { type Guest, type NativeClient, newGuests, openGroup } from './guest.ts'
import { watchMemory } from './memory.ts'
import { mib, percentile, type Row } from './row.ts'

const USERS = 1_000
const SOCKETS = 5_000
const GROUP = 20
/** A gigabyte, which is 954 MiB. */
const MOST_BYTES = 1e9

/** Everybody's socket is gone at once, with the server, and everybody comes back as the protocol says: scattered, then with patience. */
export const reconnectStorm: Row = {
  id: 'R12',
  demands: `${SOCKETS} sockets of ${USERS} users, kill -9: all back within 30 s, refused with 503 and Retry-After if at all, at most 1 GB`,
  needsLinux: true,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const guests = await newGuests(server.url, USERS)
    for (let i = 0; i < USERS; i += GROUP) {
      const [owner, ...others] = guests.slice(i, i + GROUP) as [Guest, ...Guest[]]
      await openGroup(server.url, owner, others)
    }
    const refusals = new Map<string, number>()
    let bad = 0
    const refused = (head: string): void => {
      const status = head.slice(9, 12)
      refusals.set(status, (refusals.get(status) ?? 0) + 1)
      if (status.startsWith('5') && !(status === '503' && /^retry-after:/im.test(head))) bad += 1
    }
    const owners = Array.from({ length: SOCKETS }, (_, i) => guests[i % USERS] as Guest)
    const clients: NativeClient[] = []
    for (let i = 0; i < SOCKETS; i += 50) {
      clients.push(...(await Promise.all(owners.slice(i, i + 50).map((guest) => comeBack(server.url, guest, refused)))))
    }
    const before = server.memory
    const killedAt = performance.now()
    await server.kill()
    await server.start()
    const startedAt = performance.now()
    const memory = watchMemory(server)
    const old = clients.splice(0)
    const took = await Promise.all(
      owners.map(async (guest) => {
        await sleep(Math.random() * 1_000)
        clients.push(await comeBack(server.url, guest, refused))
        return performance.now() - startedAt
      }),
    )
    const most = memory.stop()
    const all = Math.max(...took)
    const isOpen = await Promise.all(
      clients.map((client) => client.say(0, 'are you there?').then((reply) => reply !== null)),
    )
    const open = isOpen.filter(Boolean).length
    for (const client of [...old, ...clients]) client.socket.cut()
    await server.kill()
    const isGood = all <= 30_000 && bad === 0 && most <= MOST_BYTES && open === SOCKETS
    const told = [...refusals].map(([status, count]) => `${count} with ${status}`).join(', ') || 'none'
    const figure = `down for ${((startedAt - killedAt) / 1000).toFixed(1)} s, then all back after ${(all / 1000).toFixed(1)} s (half after ${(percentile(took, 0.5) / 1000).toFixed(1)} s), refused: ${told} (${bad} badly), ${open} open in the end, ${mib(most)} at most, which is ${(most / 1e9).toFixed(3)} GB (${mib(before)} before, when this process had made the accounts too)`
    return { isGood, figure }
  },
}
