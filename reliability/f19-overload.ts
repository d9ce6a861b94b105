import { setTimeout as sleep } from 'node:timers/promises'
import { type Guest, type NativeClient, newGuests, openClient, openGroup } from './guest.ts'
import { watchMemory } from './memory.ts'
import { everything } from './read-all.ts'
import { mib, percentile, type Row } from './row.ts'

const SENDERS = 10
const GROWTH_BYTES = 384 * 2 ** 20
/** What has waited for so long is refused ([BAD8] of docs/protocol.md). This client tries nothing again, so nothing comes on top of it. */
const ACKED_WITHIN_MS = 12_000

type Tally = { acked: Set<string>; took: number[]; refused: Map<string, number>; bare: number; unanswered: number }

type Flood = { limit: string; perSecond: number; seconds: number }

/** Ten people talk in one conversation as fast as they can, whatever the answers: first without a limit per person, then with ours. */
export const overload: Row = {
  id: 'F19',
  demands:
    '15,000 and 4,000 messages a second at one conversation: taken or refused with a time to wait, nothing acknowledged is lost, ' +
    `p99 of the acknowledgements ≤ ${ACKED_WITHIN_MS / 1_000} s`,
  needsLinux: true,
  run: async (context) => {
    const unlimited = await flood(context, { limit: '1000000', perSecond: 1_500, seconds: 4 })
    const limited = await flood(context, { limit: '300', perSecond: 400, seconds: 15 })
    return {
      isGood: unlimited.isGood && limited.isGood,
      figure: `15,000 a second without a limit per person: ${unlimited.figure}; 4,000 with that of 300 in ten seconds: ${limited.figure}`,
    }
  },
}

const flood = async ({ server: prepare }: Parameters<Row['run']>[0], load: Flood): ReturnType<Row['run']> => {
  const server = await prepare({ vars: { COMMANDS_PER_10_SECONDS: load.limit } })
  await server.start()
  const guests = await newGuests(server.url, SENDERS)
  const [owner, ...others] = guests as [Guest, ...Guest[]]
  const c = await openGroup(server.url, owner, others)
  const tally: Tally = { acked: new Set(), took: [], refused: new Map(), bare: 0, unanswered: 0 }
  const memory = watchMemory(server)
  await Promise.all(guests.map((guest) => shout(server.url, { guest, c, tally, load })))
  const most = memory.stop()
  // Whoever was refused may go on when the time that they were told is over.
  await sleep(11_000)
  const client = await openClient(server.url, owner)
  const isCalm = (await client.say(c, 'calm'))?.ok === true
  const stored = await everything(client, c)
  const counts = new Map<string, number>()
  for (const { clientId } of stored) counts.set(clientId, (counts.get(clientId) ?? 0) + 1)
  const lost = [...tally.acked].filter((clientId) => counts.get(clientId) !== 1).length
  const hasFallen = server.hasFallen
  client.socket.cut()
  await server.kill()
  const p99 = percentile(tally.took, 0.99)
  const refusals = [...tally.refused].map(([code, count]) => `${count} ${code}`).join(', ') || 'none'
  const isGood =
    lost + tally.bare + tally.unanswered === 0 &&
    isCalm &&
    !hasFallen &&
    tally.refused.size > 0 &&
    tally.acked.size > 0 &&
    p99 <= ACKED_WITHIN_MS &&
    most - memory.before <= GROWTH_BYTES
  const figure =
    `${tally.acked.size} acknowledged (p99 ${p99.toFixed(0)} ms, slowest ${percentile(tally.took, 1).toFixed(0)} ms), ${lost} lost or twice, refused ${refusals} ` +
    `(${tally.bare} without a time to wait), ${tally.unanswered} unanswered, ${mib(memory.before)} before and ${mib(most)} at most`
  return { isGood, figure }
}

const shout = async (
  base: string,
  { guest, c, tally, load }: { guest: Guest; c: number; tally: Tally; load: Flood },
): Promise<void> => {
  const count = load.perSecond * load.seconds
  const client: NativeClient = await openClient(base, guest)
  const startedAt = performance.now()
  const answers: Promise<void>[] = []
  for (let sent = 0; sent < count;) {
    const due = Math.min(count, ((performance.now() - startedAt) / 1_000) * load.perSecond)
    for (; sent < due; sent += 1) answers.push(sayOne(client, { clientId: `shout-${guest.id}-${sent}`, c, tally }))
    await sleep(10)
  }
  await Promise.race([Promise.all(answers), sleep(60_000)])
  tally.unanswered += answers.length - (await answered(answers))
  client.socket.cut()
}

/** How many of these came to an end by now. */
const answered = async (answers: Promise<void>[]): Promise<number> => {
  const pending = Symbol('pending')
  const states = await Promise.all(answers.map((answer) => Promise.race([answer, Promise.resolve(pending)])))
  return states.filter((state) => state !== pending).length
}

const sayOne = async (client: NativeClient, said: { clientId: string; c: number; tally: Tally }): Promise<void> => {
  const { clientId, c, tally } = said
  const from = performance.now()
  const reply = await client.say(c, clientId)
  if (reply === null) {
    tally.unanswered += 1
  } else if (reply.ok) {
    tally.acked.add(clientId)
    tally.took.push(performance.now() - from)
  } else {
    const code = reply.error?.code ?? '?'
    tally.refused.set(code, (tally.refused.get(code) ?? 0) + 1)
    if ((reply.error?.retryAfter ?? 0) < 1) tally.bare += 1
  }
}
