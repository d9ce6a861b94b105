import { setTimeout as sleep } from 'node:timers/promises'
import { openSocket } from '../load/causerie.ts'
import { inGroups } from '../load/in-groups.ts'
import { Series } from '../load/series.ts'
import type { LoadSocket } from '../load/socket.ts'
import type { Measurement } from '../measurement.ts'
import type { Causerie, Context, Person, Scenario } from '../scenario.ts'

const SOCKETS = 5_000
const AT_ONCE = 50
/** A round takes half a minute and more. */
const MOST_ROUNDS = 3
/** The runtime puts objects to sleep after ten seconds. */
const UNTIL_ASLEEP_MS = 12_000
const IDLE_MS = 15_000
const PONG = Buffer.from('pong')
const PONG_TIMEOUT_MS = 60_000

const run = async (context: Context): Promise<Measurement[]> => {
  const sockets = context.quick ? 200 : SOCKETS
  const causerie = await context.startCauserie({ people: sockets })
  try {
    const series = new Series()
    for (let round = 1; round <= Math.min(context.rounds, MOST_ROUNDS); round += 1) {
      // As many users as sockets take long to come: once is enough to see what a user costs beside a socket.
      for (const perUser of round === 1 ? [10, 1] : [10]) {
        const users = causerie.people.slice(0, sockets / perUser)
        await takeRound(context, { causerie, users, perUser, series })
      }
    }
    return series.measurements
  } finally {
    await causerie.stop()
  }
}

/** Memory that was freed is not given back, so each round has a process of its own. */
const takeRound = async (
  context: Context,
  { causerie, users, perUser, series }: { causerie: Causerie; users: Person[]; perUser: number; series: Series },
): Promise<void> => {
  await causerie.restart()
  const [first] = users
  if (first) (await openSocket(causerie.url, first)).cut()
  await sleep(UNTIL_ASLEEP_MS / 4)
  const empty = causerie.memory()
  const wanted = Array.from({ length: perUser }, () => users).flat()
  const sockets = await inGroups(wanted, AT_ONCE, (person) => openSocket(causerie.url, person))
  await sleep(UNTIL_ASLEEP_MS)
  const each = (causerie.memory() - empty) / sockets.length
  const idleFrom = causerie.cpuMs()
  await sleep(IDLE_MS)
  const idle = causerie.cpuMs() - idleFrom
  const pinged = await pingAll(causerie, sockets)
  for (const socket of sockets) socket.cut()
  const figure = {
    scenario: `${sockets.length.toLocaleString('en')} idle sockets of ${users.length.toLocaleString('en')} users`,
    subject: 'causerie',
  }
  series.add({ ...figure, metric: 'memory per socket', unit: 'bytes' }, each)
  series.add({ ...figure, metric: 'CPU of all in 15 s', unit: 'ms' }, idle)
  series.add({ ...figure, metric: 'CPU per ping', unit: 'µs' }, pinged)
  context.log(
    `${figure.scenario}: ${(each / 1024).toFixed(1)} KiB each, ${idle.toFixed(1)} ms of CPU in 15 s, ${pinged.toFixed(1)} µs per ping`,
  )
}

/** What a client sends every half minute or so to see that the other end is there. */
const pingAll = async (causerie: Causerie, sockets: LoadSocket[]): Promise<number> => {
  const before = causerie.cpuMs()
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
  return ((causerie.cpuMs() - before) * 1000) / sockets.length
}

export const idle: Scenario = { name: 'idle', run }
