import { join } from 'node:path'
import { startFloor } from '../floor/floor.ts'
import { causerieMessenger } from '../load/causerie.ts'
import { Driver } from '../load/drive.ts'
import type { Messenger } from '../load/room.ts'
import type { Measurement } from '../measurement.ts'
import type { Bar, Context, Scenario } from '../scenario.ts'
import { quantile } from '../statistics.ts'

const WINDOW = 10
/** So many are sent in a turn before the clock is read, for what went to sleep while the others had theirs. */
const WARM_SHARE = 0.1
const PER_MESSAGE = 'CPU per message'
const PER_DELIVERY = 'CPU per delivery'

type Size = { members: number; messages: number; perSecond: number; paced: number }

const SIZES: Size[] = [
  { members: 2, messages: 4_000, perSecond: 20, paced: 100 },
  { members: 10, messages: 2_500, perSecond: 20, paced: 100 },
  { members: 100, messages: 400, perSecond: 10, paced: 50 },
  { members: 1_000, messages: 50, perSecond: 1, paced: 5 },
]

const inGroupOf = (members: number): string =>
  members === 2 ? 'a message between two' : `a message in a group of ${members.toLocaleString('en')}`

const run = async (context: Context): Promise<Measurement[]> => {
  const sizes = SIZES.filter(({ members }) => context.sizes?.includes(members) ?? true)
  const people = Math.max(...sizes.map(({ members }) => members))
  const messengers: Messenger[] = []
  try {
    messengers.push(await startFloor({ folder: join(context.folder, 'floor'), port: await context.freePort() }))
    messengers.push(causerieMessenger(await context.startCauserie({ people })))
    const measurements: Measurement[] = []
    for (const size of sizes) measurements.push(...(await climb(context, messengers, size)))
    return measurements
  } finally {
    for (const messenger of messengers) await messenger.stop()
  }
}

type Turn = { perMessage: number; perDelivery: number; p50: Pair; p99: Pair; strolled: number }
type Pair = { acknowledgement: number; delivery: number }

/** One step of the ladder: the subjects take turns, round after round, in rooms that stay open. */
const climb = async (context: Context, messengers: Messenger[], size: Size): Promise<Measurement[]> => {
  const { members } = size
  const scenario = inGroupOf(members)
  const drivers = new Map<Messenger, Driver>()
  const turns = new Map<Messenger, Turn[]>()
  try {
    for (const messenger of messengers) drivers.set(messenger, new Driver(await messenger.openRoom(members)))
    for (let round = 0; round <= context.rounds; round += 1) {
      for (const [messenger, driver] of drivers) {
        const turn = await takeTurn({ messenger, driver, size, quick: context.quick })
        if (round === 0) continue
        turns.set(messenger, [...(turns.get(messenger) ?? []), turn])
        context.log(
          `${scenario}, round ${round}: ${messenger.name} ${turn.perMessage.toFixed(1)} µs of CPU, ` +
            `${turn.perDelivery.toFixed(1)} per delivery`,
        )
      }
    }
    return [...turns].flatMap(([messenger, list]) => {
      const of = (metric: string, unit: Measurement['unit'], value: (turn: Turn) => number): Measurement => ({
        scenario,
        subject: messenger.name,
        metric,
        unit,
        values: list.map(value),
      })
      return [
        of(PER_MESSAGE, 'µs', (turn) => turn.perMessage),
        of(PER_DELIVERY, 'µs', (turn) => turn.perDelivery),
        of('CPU per message, one at a time', 'µs', (turn) => turn.strolled),
        of('to the acknowledgement, p50', 'ms', (turn) => turn.p50.acknowledgement),
        of('to the acknowledgement, p99', 'ms', (turn) => turn.p99.acknowledgement),
        of('to the last delivery, p50', 'ms', (turn) => turn.p50.delivery),
        of('to the last delivery, p99', 'ms', (turn) => turn.p99.delivery),
        of('size of a delivery', 'bytes', () => drivers.get(messenger)?.bytesPerDelivery ?? Number.NaN),
      ]
    })
  } finally {
    for (const driver of drivers.values()) await driver.close()
  }
}

const takeTurn = async (options: {
  messenger: Messenger
  driver: Driver
  size: Size
  quick: boolean
}): Promise<Turn> => {
  const { messenger, driver, size, quick } = options
  const share = (messenger.share ?? 1) * (quick ? 0.1 : 1)
  const messages = Math.max(WINDOW, Math.round(size.messages * share))
  await driver.hurry({ messages: Math.max(WINDOW, Math.round(messages * WARM_SHARE)), window: WINDOW })
  const before = messenger.cpuMs()
  await driver.hurry({ messages, window: WINDOW })
  const perMessage = ((messenger.cpuMs() - before) * 1000) / messages
  const paced = quick ? 5 : size.paced
  const pacedFrom = messenger.cpuMs()
  const times = await driver.stroll({ messages: paced, perSecond: size.perSecond })
  const strolled = ((messenger.cpuMs() - pacedFrom) * 1000) / paced
  const at = (q: number): Pair => ({
    acknowledgement: quantile(
      times.map(({ toAcknowledgement }) => toAcknowledgement),
      q,
    ),
    delivery: quantile(
      times.map(({ toLastDelivery }) => toLastDelivery),
      q,
    ),
  })
  return { perMessage, perDelivery: perMessage / size.members, p50: at(0.5), p99: at(0.99), strolled }
}

const against = (options: {
  claim: string
  members: number
  metric: string
  of: [subject: string, to: string]
}): Pick<Bar, 'claim' | 'of'> => {
  const { claim, members, metric, of } = options
  const [above, below] = of.map((subject) => ({ scenario: inGroupOf(members), subject, metric }))
  return { claim, of: (figures) => (above && below ? figures.ratio(above, below) : null) }
}

const againstFloor = (members: number, words: string): Pick<Bar, 'claim' | 'of'> =>
  against({
    claim: `CPU per delivery ${words}, times the floor`,
    members,
    metric: PER_DELIVERY,
    of: ['causerie', 'floor'],
  })

const bars: Bar[] = [
  { ...againstFloor(2, 'between two'), atMost: 2.5 },
  { ...againstFloor(10, 'among ten'), atMost: 2 },
  { ...againstFloor(100, 'among a hundred'), atMost: 1.2 },
]

export const messages: Scenario = { name: 'messages', bars, run }
