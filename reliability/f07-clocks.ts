import { setTimeout as sleep } from 'node:timers/promises'
import { CauserieClient } from '../src/sdk/index.ts'
import { Inside } from '../chaos/inside.ts'
import { PASSWORD } from '../chaos/person.ts'
import { ask } from '../harness/rest.ts'
import { type Guest, type NativeClient, newGuest, newGuests, openClient, openGroup } from './guest.ts'
import { everything } from './read-all.ts'
import type { Row } from './row.ts'

const DAY = 24 * 60 * 60 * 1000
const BEHIND = [-DAY, 0, -3_600_000, 0, -60_000, 0, -3_000, 0]
const AHEAD = [60_000, 0, 3_600_000, 0, DAY, 0]
const JUMPS = [...BEHIND, ...BEHIND, ...BEHIND, ...AHEAD, ...BEHIND, ...AHEAD]
const STAYS_MS = 700

/** The clock of the server jumps by up to a day, those of two clients are a day wrong, and everybody talks. */
export const wrongClocks: Row = {
  id: 'F7',
  demands:
    'clocks that jump and differ by a day: nothing acknowledged is lost, the order is that of the revisions, tokens end',
  run: async ({ server: prepare }) => {
    const server = await prepare({ entry: 'chaos/inside/worker.ts' })
    await server.start()
    const base = server.url
    const inside = new Inside(base, 1)
    const people = await newGuests(base, 6)
    const [owner, ...others] = people as [Guest, ...Guest[]]
    const c = await openGroup(base, owner, others)
    const acked = new Map<string, number>()
    let isOver = false

    const disorder: number[] = []
    const listening = people.slice(0, 2).map(async (guest) => {
      while (!isOver) {
        const client = await openClient(base, guest)
        let heard = 0
        client.hear = ({ type, message }) => {
          if (type !== 'message.created' || !message) return
          if (message.seq <= heard) disorder.push(message.seq)
          heard = message.seq
        }
        const pinging = setInterval(() => client.socket.send('ping'), 200)
        await Promise.race([client.socket.closed, over()])
        clearInterval(pinging)
        client.socket.cut()
      }
    })
    const over = async (): Promise<void> => {
      while (!isOver) await sleep(100)
    }
    const talking = people.slice(2, 5).map(async (guest) => {
      let client: NativeClient = await openClient(base, guest)
      for (let i = 1; !isOver; i += 1) {
        const clientId = `clock-${guest.id}-${i}`
        for (;;) {
          const reply = await Promise.race([client.say(c, clientId), sleep(3_000, null)])
          if (reply?.ok) {
            acked.set(clientId, reply.result?.message.seq ?? 0)
            break
          }
          await sleep(20)
          client.socket.cut()
          client = await openClient(base, guest)
        }
        await sleep(20)
      }
      client.socket.cut()
    })
    const clients = await Promise.all([skewed(base, people[5] as Guest, DAY), skewed(base, people[5] as Guest, -DAY)])
    const skewedTalking = clients.map(async (client, k) => {
      for (let i = 1; !isOver; i += 1) {
        const { clientId, seq } = await client.conversation(c).send(`skewed-${k}-${i}`)
        acked.set(clientId, seq)
        await sleep(50)
      }
    })

    let ahead: Guest | null = null
    for (const offset of JUMPS) {
      await inside.setClock(offset)
      if (offset === DAY) ahead ??= await newGuest(base)
      await sleep(STAYS_MS)
    }
    await inside.setClock(0)
    isOver = true
    await Promise.all([...listening, ...talking, ...skewedTalking])
    for (const client of clients) client.disconnect()

    const stored = await everything(await openClient(base, owner), c)
    const wrongPlaces = [...acked].filter(([clientId, seq]) => stored[seq - 1]?.clientId !== clientId).length
    const gaps = stored.filter(({ seq }, i) => seq !== i + 1).length
    const doubled = stored.length - new Set(stored.map(({ clientId }) => clientId)).size
    const back = stored.filter(({ createdAt }, i) => createdAt < (stored[i - 1]?.createdAt ?? '')).length
    const dated = new Date().toISOString()
    const future = stored.filter(({ createdAt }) => createdAt > dated).length
    // A token that was signed a day ahead of time is one until its own end, and no longer.
    const opens = async (guest: Guest): Promise<number | null> =>
      (await ask(base, { method: 'GET', path: '/v1/me', token: guest.token })).status
    const early = ahead ? await opens(ahead) : null
    await inside.setClock(DAY + 11 * 60_000)
    const late = [ahead ? await opens(ahead) : null, await opens(owner)]
    await server.kill()
    const isGood =
      wrongPlaces + gaps + doubled + disorder.length + back === 0 &&
      future > 0 &&
      late.every((status) => status === 401)
    const figure =
      `${acked.size} acknowledged messages, ${wrongPlaces} lost or elsewhere, ${gaps} gaps, ${doubled} twice, ${disorder.length} told out of order, ` +
      `in ${JUMPS.length} jumps; ${future} dated ahead, times back ${back} times; a token signed a day ahead: ${early} at once, ${late[0]} after its end`
    return { isGood, figure }
  },
}

const skewed = async (base: string, { name }: Guest, byMs: number): Promise<CauserieClient> => {
  const client = new CauserieClient({ baseUrl: base, now: () => Date.now() + byMs })
  await client.login({ login: name, password: PASSWORD })
  client.connect()
  await client.whenOnline()
  return client
}
