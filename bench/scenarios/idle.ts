import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../scripts/free-port.ts'
import { startFloor } from '../floor/floor.ts'
import { openSocket } from '../load/causerie.ts'
import { inGroups } from '../load/in-groups.ts'
import { Series } from '../load/series.ts'
import { LoadSocket } from '../load/socket.ts'
import type { Measurement } from '../measurement.ts'
import type { Causerie, Context, Figures, Scenario, Subject } from '../scenario.ts'
import { digits } from '../statistics.ts'

const SOCKETS = 5_000
const AT_ONCE = 50
/** So many are opened before a rest. */
const PORTION = 2_000
const PER_USER = 10
/** The runtime puts objects to sleep after ten seconds. */
const UNTIL_ASLEEP_MS = 12_000
const IDLE_MS = 5_000
const PONG = Buffer.from('pong')
const PONG_TIMEOUT_MS = 60_000
const MEMORY = 'memory for each'

/** Each in a process of its own, for freed memory is not given back. */
const run = async (context: Context): Promise<Measurement[]> => {
  const series = new Series()
  for (let round = 1; round <= context.rounds; round += 1) {
    await measureCauserie(context, series)
    await measureFloors(context, series, round)
  }
  return series.measurements
}

const measureCauserie = async (context: Context, series: Series): Promise<void> => {
  const sockets = context.quick ? 200 : SOCKETS
  const causerie: Causerie = await context.startCauserie({ people: sockets })
  try {
    for (const perUser of [PER_USER, 1]) {
      await causerie.restart()
      const users = causerie.people.slice(0, sockets / perUser)
      const wanted = Array.from({ length: perUser }, () => users).flat()
      const open = async (n: number): Promise<LoadSocket> => {
        const person = wanted[n]
        if (!person) throw new Error(`There is no socket ${n}.`)
        return openSocket(causerie.url, person)
      }
      await measure(context, {
        subject: causerie,
        name: `Causerie, ${named(users.length)} users`,
        sockets,
        open,
        series,
      })
    }
  } finally {
    await causerie.stop()
  }
}

/** What the runtime takes for sockets of objects that do nothing. */
const measureFloors = async (context: Context, series: Series, round: number): Promise<void> => {
  const sockets = context.quick ? 200 : SOCKETS
  for (const [i, perObject] of [PER_USER, 1].entries()) {
    const floor = await startFloor({ folder: join(context.folder, `floor-${round}-${i}`), port: await freePort() })
    const open = (n: number): Promise<LoadSocket> =>
      LoadSocket.open(`${floor.url.replace('http', 'ws')}/object-${Math.floor(n / perObject)}`)
    const name = `${floor.name}, ${named(sockets / perObject)} objects`
    try {
      await measure(context, { subject: floor, name, sockets, open, series })
    } finally {
      await floor.stop()
    }
  }
}

type Case = {
  subject: Subject
  name: string
  sockets: number
  open: (n: number) => Promise<LoadSocket>
  series: Series
}

const measure = async (context: Context, { subject, name, sockets: count, open, series }: Case): Promise<void> => {
  const first = await open(0)
  first.cut()
  await sleep(UNTIL_ASLEEP_MS / 4)
  const empty = subject.memory()
  const sockets: LoadSocket[] = []
  while (sockets.length < count) {
    // An object that is awake has files open, of which a system allows so many.
    if (sockets.length > 0) await sleep(UNTIL_ASLEEP_MS)
    const from = sockets.length
    const next = Array.from({ length: Math.min(PORTION, count - from) }, (_, i) => from + i)
    sockets.push(...(await inGroups(next, AT_ONCE, open)))
    context.log(`${name}: ${named(sockets.length)} sockets are open`)
  }
  await sleep(UNTIL_ASLEEP_MS)
  const each = (subject.memory() - empty) / sockets.length
  const idleFrom = subject.cpuMs()
  await sleep(IDLE_MS)
  const idle = subject.cpuMs() - idleFrom
  const pinged = await pingAll(subject, sockets)
  const lost = sockets.filter((socket) => socket.isClosed).length
  for (const socket of sockets) socket.cut()
  const figure = { scenario: `${named(count)} idle sockets`, subject: name }
  series.add({ ...figure, metric: MEMORY, unit: 'bytes' }, each)
  series.add({ ...figure, metric: `CPU of all in ${IDLE_MS / 1000} s`, unit: 'ms' }, idle)
  series.add({ ...figure, metric: 'CPU per ping', unit: 'µs' }, pinged)
  series.add({ ...figure, metric: 'sockets that were lost', unit: 'count' }, lost)
  context.log(
    `${name}: ${(each / 1024).toFixed(1)} KiB each, ${idle.toFixed(1)} ms of CPU in ${IDLE_MS / 1000} s, ${pinged.toFixed(1)} µs per ping`,
  )
}

/** What a client sends every half minute or so to see that the other end is there. */
const pingAll = async (subject: Subject, sockets: LoadSocket[]): Promise<number> => {
  const before = subject.cpuMs()
  let pongs = 0
  const answered = new Promise<string>((resolve) => {
    for (const socket of sockets) {
      socket.onFrame = (frame) => {
        if (frame.equals(PONG)) pongs += 1
        if (pongs === sockets.length) resolve('all')
      }
      socket.send('ping')
    }
  })
  const late = sleep(PONG_TIMEOUT_MS, 'late', { ref: false })
  if ((await Promise.race([answered, late])) === 'late')
    throw new Error(`${pongs} of ${sockets.length} pings were answered.`)
  return ((subject.cpuMs() - before) * 1000) / sockets.length
}

const named = (count: number): string => count.toLocaleString('en')

/** Beside the floor of as many objects. */
const summary = (figures: Figures): string[] => {
  const memory = { scenario: `${named(SOCKETS)} idle sockets`, metric: MEMORY }
  const lines = [PER_USER, 1].flatMap((each) => {
    const count = named(SOCKETS / each)
    const ratio = figures.ratio(
      { ...memory, subject: `Causerie, ${count} users` },
      { ...memory, subject: `floor, ${count} objects` },
    )
    return ratio === null ? [] : [`- ${count} users: ${digits(ratio)} times the memory of the floor`]
  })
  return lines.length > 0 ? [lines.join('\n')] : []
}

export const idle: Scenario = { name: 'idle', summary, run }
