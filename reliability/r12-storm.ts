import { setTimeout as sleep } from 'node:timers/promises'
import { backoff } from '../src/sdk/backoff.ts'
import { type Guest, NativeClient, newGuests, openGroup } from './guest.ts'
import { watchMemory } from './memory.ts'
import { mib, percentile, type Row } from './row.ts'

const USERS = 1_000
const SOCKETS = 5_000
const GROUP = 20

/** Everybody's socket is gone at once, with the server, and everybody comes back as the protocol says: scattered, then with patience. */
export const reconnectStorm: Row = {
  id: 'R12',
  demands: `${SOCKETS} sockets of ${USERS} users, kill -9: all back within 30 s, refused with 503 and Retry-After if at all, at most 1 GiB`,
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
      clients.push(
        ...(await Promise.all(
          owners.slice(i, i + 50).map((guest) => comeBack(server.url, guest, { scatterMs: 0, refused })),
        )),
      )
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
        clients.push(await comeBack(server.url, guest, { scatterMs: 1_000, refused }))
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
    const isGood = all <= 30_000 && bad === 0 && most <= 2 ** 30 && open === SOCKETS
    const told = [...refusals].map(([status, count]) => `${count} with ${status}`).join(', ') || 'none'
    const figure = `down for ${((startedAt - killedAt) / 1000).toFixed(1)} s, then all back after ${(all / 1000).toFixed(1)} s (half after ${(percentile(took, 0.5) / 1000).toFixed(1)} s), refused: ${told} (${bad} badly), ${open} open in the end, ${mib(most)} at most (${mib(before)} before, when this process had made the accounts too)`
    return { isGood, figure }
  },
}

/** Tries wait as those of our own client. */
const comeBack = async (
  base: string,
  guest: Guest,
  options: { scatterMs: number; refused: (head: string) => void },
): Promise<NativeClient> => {
  const { scatterMs } = options
  let asked = 0
  const refused = (head: string): void => {
    options.refused(head)
    asked = Number(/^retry-after: *(\d+)/im.exec(head)?.[1] ?? 0) * 1_000
  }
  await sleep(Math.random() * scatterMs)
  for (let tries = 0; ; tries += 1) {
    asked = 0
    const client = await NativeClient.open(base, guest, { refused })
    if (client) return client
    await sleep(asked > 0 ? asked + Math.random() * 1_000 : backoff(tries, Math.random))
  }
}
