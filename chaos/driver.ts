// `npm run chaos`: people talk, everything that can go wrong does, and in the end nothing may be lost, doubled, reordered or leaked.
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../scripts/free-port.ts'
import { root } from '../scripts/wrangler.ts'
import { Checker } from './checker.ts'
import { makeWorld, type Sizes, type World } from './clients.ts'
import { converge } from './converge.ts'
import type { Violation } from './evidence.ts'
import { Faults, type Hits } from './faults.ts'
import { Inside } from './inside.ts'
import type { Rates } from './inside/injector.ts'
import { makeNextSchema } from './next-schema.ts'
import { type Entry, History } from './history.ts'
import { cycles } from './plan.ts'
import { plant, PLANTED_FAULTS } from './planted-faults.ts'
import { Openings } from './openings.ts'
import { Proxy } from './proxy.ts'
import { Random } from '../harness/random.ts'
import { RawDevice } from './raw-device.ts'
import { readBack } from './read-back.ts'
import { secretsIn } from './secrets-in-log.ts'
import { ServerProcess } from '../harness/server.ts'
import { SmallDisk } from '../harness/small-disk.ts'
import { Workload } from './workload.ts'

type Run = {
  sizes: Sizes
  hands: number
  pauseMs: number
  cycle: { from: number; to: number }
  kills: number
  /** Groups that are opened meanwhile: few, for each makes every greeting after it a little longer. */
  openings: number
  messages: number
  deliveries: number
  /** For each client of a documented API: messages of its own that were acknowledged, and messages of others that it heard. */
  documented: { acked: number; heard: number }
  /** A fault that came less often shows nothing. */
  hits: number
  /** After so many kills the server is started with one more migration in every schema, and killed so often while it migrates. */
  upgrade: { after: number; kills: number } | null
  /** The run ends here, whatever was reached. */
  maxMs: number
}

const FULL: Run = {
  sizes: { raw: 15, twoDevices: 7, sdk: 3, direct: 14, groups: 9, groupSize: 6 },
  hands: 6,
  pauseMs: 20,
  cycle: { from: 4_000, to: 10_000 },
  kills: 50,
  openings: 12,
  messages: 100_000,
  deliveries: 200_000,
  documented: { acked: 200, heard: 200 },
  hits: 50,
  upgrade: { after: 25, kills: 20 },
  maxMs: 8.5 * 60_000,
}
const QUICK: Run = {
  sizes: { raw: 5, twoDevices: 2, sdk: 2, direct: 3, groups: 3, groupSize: 5 },
  hands: 4,
  pauseMs: 15,
  cycle: { from: 1_200, to: 2_200 },
  kills: 5,
  openings: 2,
  messages: 2_000,
  deliveries: 4_000,
  documented: { acked: 5, heard: 5 },
  hits: 0,
  upgrade: null,
  maxMs: 150_000,
}

/** What goes wrong inside the server: each fifty times or more in a full run. */
const RATES: Rates = {
  'call lost': 0.001,
  'answer lost': 0.001,
  // One in twenty.
  'call run twice': 0.05,
  'call delayed': 0.002,
  'death before telling': 0.001_5,
  'alarm thrown': 0.2,
  'alarm run twice': 0.3,
  'alarm late': 0.2,
  'database fails before': 0.005,
  'database fails after': 0.005,
  'database slow': 0.004,
}

/** What a run of another length must come to for each minute. */
const PER_MINUTE = { kills: 3, messages: 1_000, deliveries: 2_000 }

/** What is done inside the server is counted by its log: not all that it accepts it can carry out. */
const INSIDE = [...Object.keys(RATES), 'object aborted', 'object evicted', 'clock put wrong']

/** What the disk holds that is full now and then. */
const DISK = '4g'
/** How long what was begun may take to come to an end, once nothing fails any more. */
const AT_REST_MS = 120_000
/** How long after the last fault everybody may take to hold everything, for the run to be a good one. */
const IN_TIME_MS = 10_000
/** How long `npm run chaos` may take, from the building to the last check. */
const WHOLE_MS = 10 * 60_000

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string' },
    quick: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    // Fills the disk now and then, where one may be mounted.
    'full-disk': { type: 'boolean', default: false },
    port: { type: 'string' },
    // Serves the project with one of `PLANTED_FAULTS`, by its name.
    plant: { type: 'string' },
  },
})

const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31))
const minutes = flags.minutes === undefined ? null : Number(flags.minutes)
const port = flags.port === undefined ? await freePort() : Number(flags.port)
if (![seed, minutes ?? 0, port].every(Number.isFinite)) throw new Error('--seed, --minutes and --port take numbers.')
const run = flags.quick ? QUICK : FULL
const isDefault = !flags.quick && minutes === null && !flags['full-disk'] && flags.plant === undefined
const fault = flags.plant === undefined ? null : PLANTED_FAULTS[flags.plant]
if (fault === undefined) throw new Error(`There is no such fault: ${flags.plant}`)

const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'causerie-chaos-'))
const history = new History(join(folder, 'history.jsonl'))
const state = join(folder, 'state')
mkdirSync(state)
const disk = flags['full-disk'] ? SmallDisk.mount(state, DISK) : null
let server: ServerProcess | null = null

process.once('exit', () => {
  if (server?.pid) process.kill(server.pid, 'SIGKILL')
})
const cleanUp = (isKept: boolean): void => {
  if (isKept) return
  disk?.unmount()
  rmSync(folder, { recursive: true, force: true })
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    cleanUp(flags.keep)
    process.exit(130)
  })
}

const main = async (): Promise<boolean> => {
  const startedAt = Date.now()
  if (flags['full-disk'] && !disk) console.log('The disk is never full: that needs the right to mount.')
  const since = (): string => `${((Date.now() - startedAt) / 1000).toFixed(0).padStart(4)} s`
  console.log(`chaos: seed ${seed}${flags.quick ? ', quick' : ''}; repeat its faults with --seed ${seed}`)
  const tree = fault ? plant(join(folder, 'faulty'), fault) : root
  const running = await ServerProcess.prepare({ folder, state, port, tree, entry: 'chaos/inside/worker.ts' })
  server = running
  const upgrade = run.upgrade && (await running.prepareUpgrade(makeNextSchema(join(folder, 'next'))))
  await running.start()
  const proxy = await Proxy.listen({ upstream: port })
  const random = new Random(seed)
  const plan = cycles(random.fork('plan'), run.cycle)
  const base = proxy.url
  const world = await makeWorld({ sizes: run.sizes, direct: running.url, base, history, random: random.fork('world') })
  console.log(
    `${since()}  ${world.people.length} people with ${world.devices.length} devices in ${world.members.size} conversations`,
  )
  const talkers = [...world.devices, ...world.dialects]
  const workload = new Workload(talkers, { ...run, random: random.fork('work') })
  const inside = new Inside(running.url, seed)
  const faults = new Faults({ world, proxy, history, base, inside, disk })
  const openings = new Openings({ world, history, base, random: random.fork('openings') })
  await inside.inject(RATES)
  const workedFrom = Date.now()
  let kills = 0
  let upgradeKills: number | null = null
  const lookAfter = (): void => {
    if (running.hasFallen) history.write({ e: 'crash', what: 'the server ended by itself' })
  }
  let killedAt = Date.now()
  const restart = async (): Promise<number> => {
    lookAfter()
    await running.kill()
    killedAt = Date.now()
    history.write({ e: 'fault', what: 'kill' })
    // A runtime that finds no room when it starts ends again.
    disk?.free()
    const ms = await running.start()
    await inside.inject(RATES)
    return ms
  }
  const isDone = (): boolean => {
    const ms = Date.now() - workedFrom
    if (minutes !== null) return ms >= minutes * 60_000
    return ms >= run.maxMs || (kills >= run.kills && workload.tally.acked >= run.messages)
  }
  while (!isDone()) {
    const { value: cycle } = plan.next()
    if (!cycle) break
    const before = workload.tally.acked
    const cycleFrom = Date.now()
    for (const fault of cycle.faults) {
      await sleep(Math.max(0, cycleFrom + fault.at - Date.now()))
      faults.start(fault)
    }
    await sleep(Math.max(0, cycleFrom + cycle.ms - Date.now()))
    // Spread over the run, and each just before a kill, that it may come in the middle.
    if (openings.begun < run.openings * Math.min(1, (kills + 1) / run.kills)) await openings.begin()
    const memory = running.memory
    kills += 1
    let startMs = await restart()
    if (cycle.again !== null) {
      await sleep(cycle.again)
      kills += 1
      startMs = await restart()
    }
    console.log(
      `${since()}  cycle of ${(cycle.ms / 1000).toFixed(1)} s: ${workload.tally.acked - before} messages acknowledged, ` +
        `${cycle.faults.length} faults, killed${cycle.again === null ? '' : ' twice'}, back in ${startMs} ms` +
        `${memory === null ? '' : `, ${(memory / 2 ** 20).toFixed(0)} MiB`}; ${workload.tally.acked} in all, ${kills} kills`,
    )
    if (upgrade && run.upgrade && upgradeKills === null && kills >= run.upgrade.after) {
      await running.kill()
      await upgrade()
      const moments = random.fork('upgrade')
      for (upgradeKills = 0; upgradeKills < run.upgrade.kills; upgradeKills += 1) {
        await restart()
        await sleep(moments.between(10, 500))
      }
      await restart()
      console.log(`${since()}  from here on with a newer schema, killed ${upgradeKills} times on the way`)
    }
  }
  const workedMs = Date.now() - workedFrom
  await inside.inject({})
  const cpuMs = { server: running.cpuMs, clients: process.cpuUsage().user / 1000 + process.cpuUsage().system / 1000 }
  proxy.calm()
  let calmSince = Date.now()
  const rest = async (): Promise<boolean> => {
    await Promise.all([faults.settled(), openings.settled()])
    calmSince = Date.now()
    const watching = setInterval(() => console.log(`        not at rest yet: ${workload.unfinished.join(', ')}`), 3_000)
    await workload.stop()
    clearInterval(watching)
    return true
  }
  const isAtRest = await Promise.race([rest(), sleep(AT_REST_MS, false, { ref: false })])
  if (!isAtRest) console.log(`Somebody still waits for an answer after ${AT_REST_MS / 1000} s.`)
  console.log(`${since()}  everybody falls silent`)
  const lacking = await converge(running.url, world)
  const convergedMs = Date.now() - calmSince
  const sinceKillMs = Date.now() - killedAt
  for (const device of talkers) device.stop()
  const read = await readBack(running.url, world, history)
  for (const device of world.devices) device.tellCopies()
  console.log(`${since()}  ${read} messages read back`)
  history.flush()
  lookAfter()
  await running.kill()
  proxy.close()
  const checker = new Checker()
  for await (const line of createInterface({ input: createReadStream(history.path) }))
    checker.take(JSON.parse(line) as Entry)
  const violations = checker.finish()
  const { counts } = checker
  console.log(`\n${since()}  checked`)
  table('faults', [
    ['kill -9 and restart', `${kills}`],
    ...(upgradeKills === null ? [] : [['kill -9 while it migrates to a newer schema', `${upgradeKills}`] as const]),
    ...Object.entries(faults.hits).map(([kind, { planned, hit }]) => [kind, `${hit} of ${planned} planned`] as const),
  ])
  table(
    'history',
    Object.entries(counts)
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([what, count]) => [what, `${count}`] as const),
  )
  const log = logged(running.logFile)
  table('server log', [
    ...[...log].map(([what, count]) => [what, `${count}`] as const),
    ['readers that were cut for not reading', `${cut(world)}`],
  ])
  const acked = counts['acknowledged messages'] ?? 0
  console.log(
    `\n${acked} acknowledged messages, ${counts['deliveries'] ?? 0} deliveries, ${kills} kills in ${(workedMs / 60_000).toFixed(1)} min ` +
      `(${(acked / (workedMs / 1000)).toFixed(0)} messages/s); all copies complete ${(convergedMs / 1000).toFixed(1)} s after the last fault`,
  )
  console.log(
    `The last kill was ${((sinceKillMs - convergedMs) / 1000).toFixed(1)} s before the end of the last fault.`,
  )
  console.log(
    `processor time: server ${(cpuMs.server / 1000).toFixed(0)} s, clients and network ${(cpuMs.clients / 1000).toFixed(0)} s`,
  )
  tell(violations)
  const secrets = secretsIn(readFileSync(running.logFile, 'utf8'))
  for (const secret of secrets) console.log(`The log has what it must not: ${secret}`)
  const complaints = complaintsOf({ kills, messages: acked, deliveries: counts['deliveries'] ?? 0 }, world)
  const rare = minutes === null ? rareFaults(faults.hits, log) : []
  if (rare.length > 0) complaints.push(`Of these came fewer than the ${run.hits} that were wanted: ${rare.join(', ')}.`)
  if (convergedMs > IN_TIME_MS && run !== QUICK)
    complaints.push(`It took longer than ${IN_TIME_MS / 1000} s until everybody held everything.`)
  if (lacking.length > 0) complaints.push(`In the end this was missing: ${lacking.join('; ')}.`)
  const failed = log.get('request.failed') ?? 0
  if (failed > 0) complaints.push(`${failed} requests failed in a way that nobody foresaw.`)
  // Since this process began.
  const tookMs = performance.now()
  console.log(`The whole run took ${(tookMs / 1000).toFixed(0)} s.`)
  if (isDefault && tookMs > WHOLE_MS) complaints.push(`That is longer than the ${WHOLE_MS / 1000} s that it may take.`)
  for (const complaint of complaints) console.log(complaint)
  return isAtRest && violations.length === 0 && secrets.length === 0 && complaints.length === 0
}

type Reached = { kills: number; messages: number; deliveries: number }

/** Where a run shows less than it should. */
const complaintsOf = (reached: Reached, { dialects }: World): string[] => {
  const share = minutes === null ? null : Math.max(1, minutes)
  const wanted = share === null ? run : scaled(PER_MINUTE, share)
  const complaints = (['kills', 'messages', 'deliveries'] as const).flatMap((what) =>
    reached[what] >= wanted[what] ? [] : [`${reached[what]} ${what} were reached, where ${wanted[what]} were wanted.`],
  )
  const { acked, heard } = minutes === null ? run.documented : QUICK.documented
  for (const { name, tally } of dialects) {
    if (tally.acked >= acked && tally.heard >= heard) continue
    complaints.push(
      `${name} had ${tally.acked} messages acknowledged and heard ${tally.heard}, where ${acked} and ${heard} were wanted.`,
    )
  }
  return complaints
}

const scaled = ({ kills, messages, deliveries }: Reached, by: number): Reached => ({
  kills: kills * by,
  messages: messages * by,
  deliveries: deliveries * by,
})

const cut = ({ devices }: World): number =>
  devices.reduce((sum, device) => sum + (device instanceof RawDevice ? (device.closed.get(4508) ?? 0) : 0), 0)

const table = (title: string, rows: readonly (readonly [string, string])[]): void => {
  console.log(`\n${title}`)
  for (const [what, value] of rows) console.log(`  ${what.padEnd(34)} ${value}`)
}

const tell = (violations: Violation[]): void => {
  console.log(`\n${violations.length} violations`)
  const kinds = Map.groupBy(violations, ({ kind }) => kind)
  for (const [kind, all] of kinds) {
    console.log(`  ${kind}: ${all.length}`)
    for (const { detail } of all.slice(0, 10)) console.log(`    ${detail}`)
  }
}

/** The kinds of faults that came too seldom for a run to show anything of them. */
const rareFaults = (hits: Hits, log: ReadonlyMap<string, number>): string[] => {
  const counted = new Map<string, number>(Object.entries(hits).map(([kind, { hit }]) => [kind, hit]))
  for (const kind of INSIDE) counted.set(kind, log.get(`injected: ${kind}`) ?? 0)
  return [...counted].filter(([, count]) => count < run.hits).map(([kind, count]) => `${kind} (${count})`)
}

/** What the server wrote how often, by the name of the event, or by its first words. */
const logged = (file: string): Map<string, number> => {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  const names = lines.map(
    (line) =>
      /\\?"event\\?":\\?"([^"\\]+)/.exec(line)?.[1] ??
      /"message":"(?:e = )?([^"\\;]{1,60})/.exec(line)?.[1] ??
      line.slice(0, 34),
  )
  return new Map([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]))
}

try {
  const isGood = await main()
  process.exitCode = isGood ? 0 : 1
  // A server with a planted fault is to fail.
  const isKept = flags.keep || (!isGood && fault === null)
  if (isKept)
    console.log(`The history and the data are in ${folder}${disk ? ', which holds a disk to be unmounted' : ''}`)
  cleanUp(isKept)
} catch (error) {
  console.error(error)
  console.error(`The history and the data are in ${folder}`)
  history.flush()
  cleanUp(true)
  process.exitCode = 2
}
process.exit()
