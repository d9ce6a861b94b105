import { setTimeout as sleep } from 'node:timers/promises'
import { pauseBefore } from '../../harness/patience.ts'
import { openConversation, openSocket } from '../load/causerie.ts'
import { inGroups } from '../load/in-groups.ts'
import { Series } from '../load/series.ts'
import { type LoadSocket, RefusedUpgrade } from '../load/socket.ts'
import type { Measurement } from '../measurement.ts'
import { request } from '../rest.ts'
import type { Bar, Causerie, Context, Person, Scenario } from '../scenario.ts'

const PEOPLE = 2_000
const AT_ONCE = 20
const GIVE_UP_MS = 90_000
const QUIET_MS = 3_000

const run = async (context: Context): Promise<Measurement[]> => {
  const people = context.quick ? 100 : PEOPLE
  const causerie = await context.startCauserie({ people })
  try {
    const pairs = causerie.people.flatMap((person, i, all): [Person, Person][] => {
      const other = all[i + 1]
      return i % 2 === 0 && other ? [[person, other]] : []
    })
    await inGroups(pairs, AT_ONCE, (pair) => openConversation(causerie.url, pair))
    context.log(`${pairs.length} conversations are there`)
    const held = await inGroups(causerie.people, AT_ONCE, async (person) => ({
      person,
      have: await haveOf(causerie, person),
    }))
    let sockets = await inGroups(held, AT_ONCE, ({ person, have }) => openSocket(causerie.url, person, have))
    context.log(`${sockets.length} sockets are there`)
    const series = new Series()
    // The first storm counts like the others: each finds a server that has just started.
    for (let round = 1; round <= context.rounds; round += 1) {
      await causerie.restart()
      for (const socket of sockets) socket.cut()
      const refusals = new Map<string, number>()
      const [startedAt, before] = [performance.now(), causerie.cpuMs()]
      const back = await Promise.all(held.map((each) => comeBack(causerie, each, refusals)))
      sockets = back.filter((socket) => socket !== null)
      const ms = performance.now() - startedAt
      // Each tells the other of the pair that it is here, which goes on for a moment.
      await sleep(QUIET_MS)
      const cpu = ((causerie.cpuMs() - before) * 1000) / people
      series.add({ ...FIGURE, metric: 'CPU per resume', unit: 'µs' }, cpu)
      series.add({ ...FIGURE, metric: 'until all are back', unit: 'ms' }, ms)
      series.add({ ...FIGURE, metric: REFUSALS, unit: 'count' }, sumOf(refusals))
      series.add({ ...FIGURE, metric: 'memory when all are back', unit: 'bytes' }, causerie.memory())
      series.add(
        { ...FIGURE, metric: BACK, unit: 'count' },
        sockets.filter((socket) => !socket.isClosed).length / people,
      )
      const reasons = [...refusals].map(([reason, times]) => `${times} times ${reason}`).join(', ')
      context.log(
        `storm ${round}: ${cpu.toFixed(0)} µs each, all back after ${ms.toFixed(0)} ms; refused: ${reasons || 'nobody'}`,
      )
    }
    for (const socket of sockets) socket.cut()
    return series.measurements
  } finally {
    await causerie.stop()
  }
}

const FIGURE = { scenario: 'everybody comes back after a crash', subject: 'causerie' }
const sumOf = (counts: Map<string, number>): number => [...counts.values()].reduce((sum, each) => sum + each, 0)

const BACK = 'share of sockets that are back'
const REFUSALS = 'refusals'

/** What a client that has everything says that it has. */
const haveOf = async ({ url }: Causerie, { token }: Person): Promise<string> => {
  const { items } = await request<{ items: Line[] }>(`${url}/v1/conversations`, { token })
  return items
    .map(({ conversation, rev, readSeq, epoch }) =>
      [conversation.id, rev, readSeq]
        .map((number) => number.toString(36))
        .concat(epoch.slice(0, 8))
        .join('.'),
    )
    .join('_')
}

type Line = { conversation: { id: number }; rev: number; readSeq: number; epoch: string }

/** Tries until it is greeted, when the project's own client would, and no sooner than a refusal asks; null where that takes too long. */
const comeBack = async (
  { url }: Causerie,
  { person, have }: { person: Person; have: string },
  refusals: Map<string, number>,
): Promise<LoadSocket | null> => {
  const end = Date.now() + GIVE_UP_MS
  let asked = 0
  for (let attempt = 0; ; attempt += 1) {
    await sleep(pauseBefore(attempt, asked))
    try {
      return await openSocket(url, person, have)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      asked = error instanceof RefusedUpgrade ? error.retryAfterMs : 0
      refusals.set(error.message, (refusals.get(error.message) ?? 0) + 1)
      if (Date.now() > end) return null
    }
  }
}

const bars: Bar[] = [
  {
    claim: 'share of 2,000 sockets that came back after a crash',
    atLeast: 1,
    of: (figures) => figures.median({ ...FIGURE, metric: BACK }),
  },
]

export const storm: Scenario = { name: 'storm', bars, run }
