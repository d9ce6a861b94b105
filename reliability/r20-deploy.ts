import { setTimeout as sleep } from 'node:timers/promises'
import { makeNextSchema } from '../chaos/next-schema.ts'
import { comeBack } from './come-back.ts'
import { Ear } from './ear.ts'
import { type Guest, type NativeClient, newGuests, openGroup } from './guest.ts'
import { everything } from './read-all.ts'
import { percentile, type Row } from './row.ts'

const SOCKETS = 1_000
const USERS = 200
const GROUP = 10
/** One in each group. */
const TALKERS = 20
/** People talk so long before the server is put out, and after everybody is back. */
const TALK_MS = 2_000
/** In each of the two times, of each of those who talk: where hardly anything was said little can be lost. */
const LEAST_PER_SECOND = 2
/** Who was not told by then is not told. */
const TOLD_WITHIN_MS = 10_000

/** New code, with a newer schema, on the same data, while a thousand sockets are open and some of them talk. */
export const deployLive: Row = {
  id: 'R20',
  demands:
    `restart with newer code and schema under load, ${SOCKETS} sockets: all back within 10 s, nothing acknowledged is lost or doubled, ` +
    'every socket is told everything that is said while it is open, once and in order',
  run: async ({ server: prepare, folder }) => {
    const server = await prepare()
    const upgrade = await server.prepareUpgrade(makeNextSchema(folder('memory')))
    await server.start()
    const guests = await newGuests(server.url, USERS)
    const groups: number[] = []
    for (let i = 0; i < USERS; i += GROUP) {
      const [owner, ...others] = guests.slice(i, i + GROUP) as [Guest, ...Guest[]]
      groups.push(await openGroup(server.url, owner, others))
    }
    const clients: NativeClient[] = []
    const ears: { ear: Ear; group: number }[] = []
    const join = async (n: number): Promise<NativeClient> => {
      const client = await comeBack(server.url, guests[n % USERS] as Guest)
      const group = Math.floor((n % USERS) / GROUP)
      clients.push(client)
      ears.push({ ear: new Ear(client, groups[group] ?? 0), group })
      return client
    }
    const talkers: NativeClient[] = []
    for (let i = 0; i < SOCKETS; i += 50) {
      const few = await Promise.all(Array.from({ length: 50 }, (_, k) => join(i + k)))
      // The first ten in a group are its members, of whom one talks.
      if (i < USERS) talkers.push(...few.filter((_, k) => (i + k) % GROUP === 0))
    }
    const acked: { c: number; clientId: string; seq: number }[] = []
    let isOver = false
    const talking = talkers.map(async (first, k) => {
      const guest = guests[k * GROUP] as Guest
      const c = groups[k] ?? 0
      let client = first
      for (let i = 1; !isOver; i += 1) {
        const clientId = `live-${k}-${i}`
        for (;;) {
          const reply = await client.say(c, clientId)
          if (reply?.ok) {
            acked.push({ c, clientId, seq: reply.result?.message.seq ?? 0 })
            break
          }
          client = await comeBack(server.url, guest)
          clients.push(client)
        }
      }
    })
    const said = async (): Promise<number> => {
      const before = acked.length
      await sleep(TALK_MS)
      return acked.length - before
    }
    const saidBefore = await said()
    await server.kill()
    const earsBefore = ears.splice(0)
    await upgrade()
    await server.start()
    const startedAt = performance.now()
    const took = await Promise.all(
      Array.from({ length: SOCKETS }, async (_, n) => {
        await sleep(Math.random() * 500)
        await join(n)
        return performance.now() - startedAt
      }),
    )
    const saidAfter = await said()
    isOver = true
    await Promise.all(talking)
    let lost = 0
    let misplaced = 0
    const ends: number[] = []
    for (const [k, c] of groups.entries()) {
      const client = await comeBack(server.url, guests[k * GROUP] as Guest)
      clients.push(client)
      const stored = await everything(client, c)
      const wanted = acked.filter((each) => each.c === c)
      const times = Map.groupBy(stored, ({ clientId }) => clientId)
      lost += wanted.filter(({ clientId }) => times.get(clientId)?.length !== 1).length
      // In each group one person talks, and says the next thing when the last one was acknowledged.
      const order = stored.map(({ clientId }) => Number(clientId.split('-')[2]))
      misplaced += stored.filter(({ seq }, i) => seq !== i + 1 || order[i] !== i + 1).length
      misplaced += wanted.filter(({ clientId, seq }) => stored[seq - 1]?.clientId !== clientId).length
      ends.push(stored.length)
    }
    const behind = (): number => ears.filter(({ ear, group }) => ear.seq !== ends[group]).length
    const until = performance.now() + TOLD_WITHIN_MS
    while (behind() > 0 && performance.now() < until) await sleep(50)
    const all = [...earsBefore, ...ears].map(({ ear }) => ear)
    const sum = (of: (ear: Ear) => number): number => all.reduce((total, ear) => total + of(ear), 0)
    const deliveries = sum(({ count }) => count)
    const [doubled, disordered, missed] = [sum((ear) => ear.doubled), sum((ear) => ear.disordered), behind()]
    for (const client of clients) client.socket.cut()
    await server.kill()
    const slowest = Math.max(...took) / 1_000
    const figure =
      `all back after ${slowest.toFixed(1)} s (half after ${(percentile(took, 0.5) / 1000).toFixed(1)} s), ` +
      `${lost} of ${acked.length} acknowledged messages lost or doubled, ${misplaced} elsewhere than they belong ` +
      `(${saidBefore} in ${TALK_MS / 1_000} s before, ${saidAfter} in as long after); of ${deliveries} deliveries ${doubled} twice, ` +
      `${disordered} out of order or after a gap, ${missed} of ${ears.length} sockets not told the last`
    const least = (TALKERS * LEAST_PER_SECOND * TALK_MS) / 1_000
    const isGood =
      lost + misplaced + doubled + disordered + missed === 0 &&
      slowest <= 10 &&
      ears.length === SOCKETS &&
      Math.min(saidBefore, saidAfter) >= least &&
      deliveries >= acked.length
    return { isGood, figure }
  },
}
