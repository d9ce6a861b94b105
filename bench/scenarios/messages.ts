import { join } from 'node:path'
import { freePort } from '../../scripts/free-port.ts'
import { startFloor } from '../floor/floor.ts'
import { causerieMessenger } from '../load/causerie.ts'
import { Driver } from '../load/drive.ts'
import type { Messenger } from '../load/room.ts'
import type { Measurement } from '../measurement.ts'
import { fastApi } from '../peers/fastapi.ts'
import type { Peer } from '../peers/peer.ts'
import { prosody } from '../peers/prosody.ts'
import { socketIo } from '../peers/socket-io.ts'
import { type Bar, type Context, type Figures, OURS, type Scenario } from '../scenario.ts'
import { digits, quantile } from '../statistics.ts'

/** How many messages are under way at once: calls of a distributed server carry more the more there is to carry. */
const LOADS = [10, 100] as const
type Load = (typeof LOADS)[number]
/** What is sent in a turn before the clock is read. */
const WAKING = 10
const WARM_SHARE = 0.1
const perMessage = (load: Load): string => `CPU per message, ${load} in flight`
const perDelivery = (load: Load): string => `CPU per delivery, ${load} in flight`

const STROLLED = 'CPU per message, one at a time'
const TO_ACKNOWLEDGEMENT = 'to the acknowledgement, p50'
const TO_LAST_DELIVERY = 'to the last delivery, p50'

const PEERS: Record<string, Peer> = { 'socket.io': socketIo, fastapi: fastApi, prosody }

type Size = { members: number; messages: number; perSecond: number; paced: number }

const SIZES: Size[] = [
  { members: 2, messages: 2_000, perSecond: 20, paced: 40 },
  { members: 10, messages: 1_500, perSecond: 20, paced: 40 },
  { members: 100, messages: 300, perSecond: 10, paced: 20 },
  { members: 1_000, messages: 50, perSecond: 2, paced: 4 },
]

const inGroupOf = (members: number): string =>
  members === 2 ? 'a message between two' : `a message in a group of ${members.toLocaleString('en')}`

const run = async (context: Context): Promise<Measurement[]> => {
  const sizes = SIZES.filter(({ members }) => context.sizes?.includes(members) ?? true)
  const people = Math.max(...sizes.map(({ members }) => members))
  const messengers: Messenger[] = []
  try {
    messengers.push(await startFloor({ folder: join(context.folder, 'floor'), port: await freePort() }))
    messengers.push(causerieMessenger(await context.startCauserie({ people })))
    for (const [name, peer] of Object.entries(PEERS)) {
      const started = await peer({ folder: join(context.folder, name), port: await freePort(), people })
      if (typeof started === 'string') context.log(`${name} is left out: ${started}`)
      else messengers.push(started)
    }
    const measurements: Measurement[] = []
    for (const size of sizes) measurements.push(...(await climb(context, messengers, size)))
    return measurements
  } finally {
    for (const messenger of messengers) await messenger.stop()
  }
}

/** All in µs of the processor for a message, and in ms. */
type Turn = { hurried: Record<Load, number>; strolled: number; p50: Pair; p99: Pair }
type Pair = { acknowledgement: number; delivery: number }

/** One step of the ladder: the subjects take turns, round after round, in rooms that stay open. */
const climb = async (context: Context, messengers: Messenger[], size: Size): Promise<Measurement[]> => {
  const { members } = size
  const scenario = inGroupOf(members)
  const drivers = new Map<Messenger, Driver>()
  const turns = new Map<Messenger, Turn[]>()
  try {
    for (const messenger of messengers) {
      if (members <= (messenger.mostMembers ?? Infinity)) {
        drivers.set(messenger, new Driver(await messenger.openRoom(members)))
      } else context.log(`${scenario}: ${messenger.name} is left out, which is measured up to ${messenger.mostMembers}`)
    }
    for (let round = 0; round <= context.rounds; round += 1) {
      for (const [messenger, driver] of drivers) {
        const turn = await takeTurn({ messenger, driver, size, quick: context.quick, isWarming: round === 0 })
        if (round === 0) continue
        turns.set(messenger, [...(turns.get(messenger) ?? []), turn])
        const costs = LOADS.map((load) => `${(turn.hurried[load] / members).toFixed(1)} (${load} in flight)`)
        context.log(`${scenario}, round ${round}: ${messenger.name}, µs of CPU per delivery ${costs.join(', ')}`)
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
        ...LOADS.flatMap((load) => [
          of(perMessage(load), 'µs', (turn) => turn.hurried[load]),
          of(perDelivery(load), 'µs', (turn) => turn.hurried[load] / members),
        ]),
        of(STROLLED, 'µs', (turn) => turn.strolled),
        of(TO_ACKNOWLEDGEMENT, 'ms', (turn) => turn.p50.acknowledgement),
        of('to the acknowledgement, p99', 'ms', (turn) => turn.p99.acknowledgement),
        of(TO_LAST_DELIVERY, 'ms', (turn) => turn.p50.delivery),
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
  isWarming: boolean
}): Promise<Turn> => {
  const { messenger, driver, size, quick, isWarming } = options
  const share = (messenger.share ?? 1) * (quick ? 0.1 : 1)
  // Whoever slept since the last turn wakes with one message at a time.
  await driver.hurry({ messages: WAKING, window: 1 })
  const hurried = {} as Record<Load, number>
  for (const load of LOADS) {
    const messages = Math.max(load, Math.round(size.messages * share))
    await driver.hurry({ messages: Math.max(WAKING, Math.round(messages * WARM_SHARE)), window: load })
    const before = messenger.cpuMs()
    await driver.hurry({ messages, window: load })
    hurried[load] = ((messenger.cpuMs() - before) * 1000) / messages
  }
  const paced = quick || isWarming ? 2 : size.paced
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
  return { hurried, strolled, p50: at(0.5), p99: at(0.99) }
}

/** Under each load: what one costs, times the other. */
const against = (options: {
  claim: string
  members: number
  metric: (load: Load) => string
  of: string
  to: string
}): Pick<Bar, 'claim' | 'of'>[] => {
  const { claim, members, metric, of, to } = options
  return LOADS.map((load) => {
    const name = { scenario: inGroupOf(members), metric: metric(load) }
    return {
      claim: `${claim}, ${load} in flight`,
      of: (figures) => figures.ratio({ ...name, subject: of }, { ...name, subject: to }),
    }
  })
}

const AMONG: Record<number, string> = { 2: 'between two', 10: 'among ten', 100: 'among a hundred' }

const againstFloor = (members: number, atMost: number): Bar[] =>
  against({
    claim: `CPU per delivery ${AMONG[members]}: Causerie's, times that of the floor`,
    members,
    metric: perDelivery,
    of: OURS,
    to: 'floor',
  }).map((bar) => ({ ...bar, atMost }))

const againstFastApi = (members: number, atLeast: number): Bar[] =>
  against({
    claim: `CPU per message ${AMONG[members]}: that of FastAPI, times Causerie's`,
    members,
    metric: perMessage,
    of: 'fastapi',
    to: 'causerie',
  }).map((bar) => ({ ...bar, atLeast }))

const againstSocketIo = (members: number, atMost: number): Bar[] =>
  against({
    claim: `CPU per delivery ${AMONG[members]}: Causerie's, times that of Socket.IO`,
    members,
    metric: perDelivery,
    of: 'causerie',
    to: 'socket.io',
  }).map((bar) => ({ ...bar, atMost }))

const bars: Bar[] = [
  ...againstFloor(2, 2.5),
  ...againstFloor(10, 2),
  ...againstFloor(100, 1.2),
  ...againstFastApi(2, 10),
  ...againstFastApi(100, 3),
  ...againstSocketIo(100, 1),
]

const SUBJECTS: Record<string, string> = {
  causerie: 'Causerie',
  floor: 'floor',
  'socket.io': 'Socket.IO',
  fastapi: 'FastAPI',
  prosody: 'Prosody',
}

/** What the documentation shows. */
const summary = (figures: Figures): string[] => {
  const cellsOf = (members: number, metric: string, per = 1): string =>
    Object.keys(SUBJECTS)
      .map((subject) => {
        const name = { scenario: inGroupOf(members), metric }
        const value = figures.median({ ...name, subject })
        if (value === null) return ''
        const ratio = subject === OURS ? null : figures.ratio({ ...name, subject: OURS }, { ...name, subject })
        return `${digits(value / per)}${ratio === null ? '' : ` (${digits(ratio)}×)`}`
      })
      .join(' | ')
  const head = (...titles: string[]): string[] => [
    `| ${[...titles, ...Object.values(SUBJECTS)].join(' | ')} |`,
    `|${'---|'.repeat(titles.length + Object.keys(SUBJECTS).length)}`,
  ]
  const strolled: [string, string, number][] = [
    ['CPU', STROLLED, 1000],
    ['to the acknowledgement', TO_ACKNOWLEDGEMENT, 1],
    ['to the last delivery', TO_LAST_DELIVERY, 1],
  ]
  return [
    '**µs of CPU for each delivery** (2×: Causerie takes twice as much)',
    [
      ...head('members', 'in flight'),
      ...SIZES.flatMap(({ members }) =>
        LOADS.map((load) => `| ${members.toLocaleString('en')} | ${load} | ${cellsOf(members, perDelivery(load))} |`),
      ),
    ].join('\n'),
    '**One at a time: ms for each message**',
    [
      ...head('members', ''),
      ...SIZES.flatMap(({ members }) =>
        strolled.map(
          ([title, metric, per]) => `| ${members.toLocaleString('en')} | ${title} | ${cellsOf(members, metric, per)} |`,
        ),
      ),
    ].join('\n'),
  ]
}

const plots = LOADS.map((load) => ({
  file: `messages-${load}`,
  metric: perDelivery(load),
  title: `CPU of the server per delivery, ${load} messages in flight`,
}))

export const messages: Scenario = { name: 'messages', bars, plots, summary, run }
