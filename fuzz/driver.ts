// `npm run fuzz`: whatever anybody sends, the server answers as it should, goes on, and changes nothing that it refused to change.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import * as fc from 'fast-check'
import { Random } from '../harness/random.ts'
import { ServerProcess } from '../harness/server.ts'
import { freePort } from '../scripts/free-port.ts'
import type { AsyncApi } from '../src/contract/asyncapi.ts'
import type { OpenApi } from '../src/contract/openapi.ts'
import { Client } from './client.ts'
import { lackOf, type Spoilt, spoiltIn } from './enough.ts'
import { type Draft, framesLike, requestsTo } from './inputs.ts'
import { BACKUP_TOKEN, People } from './people.ts'
import { type Finding, type Input, Sender } from './sender.ts'
import { Storage } from './storage.ts'
import { Trial } from './trial.ts'
import { type Frame, framesOf, type Route, routesOf } from './targets.ts'
import { sendOddBytes, sendOddFrames } from './odd-bytes.ts'

/** Half of them frames, of which eight in ten are spoilt, and more of the requests. The others show what is refused beside what is taken. */
const INPUTS = 26_000
const BATCH = { right: 40, wrong: 16 }
const SHOWN = 20
/** The fuzzer's own calls are not judged, and end at the earliest after so long. */
const GIVE_UP_MS = 10_000
/** What a server may hold more after bytes that it has seen before. */
const GROWTH_BYTES = 64 * 2 ** 20

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string' },
    inputs: { type: 'string' },
    // How many seconds an answer may take; one that takes longer is a finding.
    patience: { type: 'string', default: '2' },
    only: { type: 'string' },
    port: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
})
const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31))
const inputs = Number(flags.inputs ?? INPUTS)
const hangMs = Number(flags.patience) * 1_000
const port = flags.port === undefined ? await freePort() : Number(flags.port)
if (![seed, inputs, hangMs, port].every(Number.isFinite)) {
  throw new Error('--seed, --inputs, --patience and --port take numbers.')
}

const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'causerie-fuzz-'))
let server: ServerProcess | null = null
process.once('exit', () => {
  if (server?.pid) process.kill(server.pid, 'SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    rmSync(folder, { recursive: true, force: true })
    process.exit(130)
  })
}

type Counted = Pick<Spoilt, 'name' | 'kind'> & { drafts: Draft<Input>[] }

/** As many inputs for each route as for any other, and likewise for each frame; half of all are frames. */
const draftAll = async (client: Client): Promise<Counted[]> => {
  const routes = routesOf(await client.must<OpenApi>('GET', '/openapi.json'))
  const frames = framesOf(await client.must<AsyncApi>('GET', '/asyncapi.json'))
  const isWanted = ({ name }: { name: string }): boolean => flags.only === undefined || name.includes(flags.only)
  const draft = <Made extends Input>(
    { name, kind }: Route | Frame,
    made: fc.Arbitrary<Draft<Made>>,
    all: number,
  ): Counted => {
    const numRuns = Math.ceil(inputs / 2 / all)
    // A seed of its own, so that what is added later changes nothing for the others.
    return { name, kind, drafts: fc.sample(made, { seed: new Random(`${seed}/${name}`).below(2 ** 31), numRuns }) }
  }
  return [
    ...routes.filter(isWanted).map((route) => draft(route, requestsTo(route), routes.length)),
    ...frames.filter(isWanted).map((frame) => draft(frame, framesLike(frame), frames.length)),
  ]
}

/** Batches of one kind, right ones apart from wrong ones: a batch of which nothing was taken must change nothing. */
const batchesOf = (all: Counted[], random: Random): Draft<Input>[][] => {
  const kinds = Map.groupBy(
    all.flatMap(({ drafts }) => drafts),
    ({ target, isRight }) => `${isRight} ${/^[A-Z]/.test(target) ? 'route' : target.split(' ')[0]}`,
  )
  const batches = [...kinds.values()].flatMap((kind) => {
    const mixed = random.sample(kind, kind.length)
    const size = kind[0]?.isRight ? BATCH.right : BATCH.wrong
    return Array.from({ length: Math.ceil(mixed.length / size) }, (_, i) => mixed.slice(i * size, (i + 1) * size))
  })
  return random.sample(batches, batches.length)
}

const main = async (): Promise<boolean> => {
  const startedAt = Date.now()
  const since = (): string => `${((Date.now() - startedAt) / 1000).toFixed(0).padStart(4)} s`
  console.log(`fuzz: seed ${seed}; repeat its inputs with --seed ${seed}`)
  const running = await ServerProcess.prepare({ folder, port, vars: { BACKUP_TOKEN } })
  server = running
  await running.start()
  const client = new Client(running.url, Math.max(hangMs * 2, GIVE_UP_MS))
  const people = new People(client)
  await people.make()
  const all = await draftAll(client)
  const batches = batchesOf(all, new Random(seed).fork('order'))
  console.log(`${since()}  ${all.length} routes and frames, ${batches.flat().length} inputs`)

  const findings: Finding[] = []
  const memoryBefore = running.memory
  const sender = new Sender({ client, people, hangMs })
  const trial = new Trial({ sender, people, storage: new Storage(folder) })
  let told = Date.now()
  for (const [i, batch] of batches.entries()) {
    findings.push(...(await trial.run(batch)))
    if (running.hasFallen) {
      findings.push({ input: null, what: 'the server ended by itself' })
      break
    }
    if (Date.now() - told < 10_000) continue
    told = Date.now()
    console.log(
      `${since()}  ${trial.sent} inputs, ${Math.round(((i + 1) / batches.length) * 100)} %, ${findings.length} findings`,
    )
  }
  const logged = readFileSync(running.logFile, 'utf8').length
  if (flags.only === undefined && !running.hasFallen) {
    const odd = await sendOddBytes(client, people.token)
    const memory = running.memory ?? 0
    // By themselves: here it is the server that is waited for, not the fuzzer, which is busy with so many at once.
    await sendOddFrames(client, people.token, { name: 'native', found: odd, patienceMs: hangMs })
    const growth = (running.memory ?? 0) - memory
    if (growth > GROWTH_BYTES) odd.findings.push(`odd frames, sent once more, cost ${mib(growth)} of memory`)
    if (running.hasFallen) odd.findings.push('the server ended by itself')
    findings.push(...odd.findings.map((what) => ({ input: null, what })))
    console.log(
      `${since()}  ${odd.sent} frames and requests of odd bytes; once more they cost ${mib(growth)} of memory`,
    )
  }
  const memoryAfter = running.memory
  sender.close()
  client.close()
  await running.kill()

  const spoilt = all.map(({ name, kind }) => ({ name, kind, spoilt: trial.counts.get(name)?.spoilt ?? 0 }))
  tell(trial, spoilt)
  const { user, system } = process.cpuUsage()
  console.log(
    `processor time: server ${(running.cpuMs / 1000).toFixed(0)} s, fuzzer ${((user + system) / 1e6).toFixed(0)} s`,
  )
  console.log(`memory of the server: ${mib(memoryBefore)} at first, ${mib(memoryAfter)} in the end`)
  const log = readFileSync(running.logFile, 'utf8')
  const faults = [...faultsIn(log.slice(0, logged), true), ...faultsIn(log.slice(logged), false)]
  for (const line of faults) findings.push({ input: null, what: `the server's log says ${line}` })
  const isWhole = flags.only === undefined && flags.inputs === undefined
  if (isWhole) findings.push(...lackOf(spoilt).map((what) => ({ input: null, what })))
  tellFindings(findings)
  return findings.length === 0
}

const mib = (bytes: number | null): string => `${((bytes ?? 0) / 2 ** 20).toFixed(0)} MiB`

const tell = (trial: Trial, targets: Spoilt[]): void => {
  console.log(`\n${'route or frame'.padEnd(60)} inputs spoilt  taken refused`)
  for (const { name, spoilt } of targets) {
    const { inputs: sent = 0, refused: wrong = 0 } = trial.counts.get(name) ?? {}
    console.log(`${name.padEnd(60)} ${[sent, spoilt, sent - wrong, wrong].map((n) => String(n).padStart(6)).join(' ')}`)
  }
  const { drafted, sent, refused, compared, again, slowestMs, busy } = trial
  const [requests, frames] = [spoiltIn(targets, 'route'), spoiltIn(targets, 'frame')]
  console.log(
    `\n${requests + frames} spoilt inputs, ${requests} of them requests and ${frames} frames, and ${drafted - requests - frames} plain ones, sent ${sent} times, ${refused} refused: ${compared} of these in batches of which nothing was taken, and ${again} once more ` +
      `by themselves; what the server holds was the same before and after.\n` +
      `slowest answer ${slowestMs.toFixed(0)} ms; refused for now (503): ${busy}`,
  )
}

const tellFindings = (findings: Finding[]): void => {
  console.log(`\n${findings.length} findings`)
  for (const { what, input } of findings.slice(0, SHOWN)) {
    console.log(`  ${what}`)
    if (input) console.log(`    ${shown(input)}`)
  }
}

const shown = (input: Input): string => {
  const data = input.kind === 'said' ? input.data : (input.body ?? '')
  const text = JSON.stringify(typeof data === 'string' ? data : Buffer.from(data).toString('latin1')).slice(0, 600)
  if (input.kind === 'said') return `${input.frame.name} ${text}`
  const bearer = typeof input.bearer === 'string' ? input.bearer : 'odd'
  return `${input.method} ${input.url.slice(0, 300)} (token: ${bearer}, type: ${input.type}) ${text}`
}

/** What the server's log tells of faults. With odd bytes the runtime complains of them there too, which is no fault of the server's. */
const faultsIn = (log: string, withRuntime: boolean): string[] => {
  const lines = log.split('\n').filter((line) => line !== '')
  const faults = lines.filter((line) => {
    const own = line.includes(OWN_LINE)
    return own ? line.includes(OWN_ERROR) : withRuntime && /"level":"error"|uncaught|fatal|assert/i.test(line)
  })
  return [
    ...new Set(
      faults.map((line) => line.replaceAll(/"timestamp":"?\d+"?|\\"requestId\\":\\"[^"]*"/g, '').slice(0, 600)),
    ),
  ]
}

/** The server writes lines of JSON, which the runtime wraps in its own. */
const OWN_LINE = '"message":"{\\"level\\":'
const OWN_ERROR = `${OWN_LINE}\\"error`

try {
  const isGood = await main()
  process.exitCode = isGood ? 0 : 1
  if (flags.keep || !isGood) console.log(`The data and the log are in ${folder}`)
  else rmSync(folder, { recursive: true, force: true })
} catch (error) {
  console.error(error)
  console.error(`The data and the log are in ${folder}`)
  process.exitCode = 2
}
process.exit()
