// `npm run bench`: what a message costs the server, side by side with what else there is, in one run.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../scripts/free-port.ts'
import { startCauserie } from './causerie.ts'
import { report, reportBars } from './report.ts'
import { type Context, isUnmeasured, type Scenario } from './scenario.ts'

const ROUNDS = 5
const SCENARIO_TIMEOUT_MS = 20 * 60_000

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    sizes: { type: 'string' },
    quick: { type: 'boolean', default: false },
  },
})

const rounds = flags.quick ? 1 : Number(flags.rounds ?? ROUNDS)
const sizes = flags.sizes === undefined ? null : flags.sizes.split(',').map(Number)
if (![rounds, ...(sizes ?? [])].every((number) => Number.isInteger(number) && number > 0)) {
  throw new Error('--rounds and --sizes take whole numbers.')
}

// Part of a ladder, or one small round, is no result to keep.
const keep = !flags.quick && sizes === null

const startedAt = Date.now()
const log = (line: string): void =>
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(0).padStart(5)} s  ${line}`)

const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'causerie-bench-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

/** Every file in `scenarios/` is one. */
const findScenarios = async (): Promise<Scenario[]> => {
  const folderOfAll = new URL('scenarios/', import.meta.url)
  const names = readdirSync(folderOfAll).map((name) => basename(name, '.ts'))
  const found = await Promise.all(
    names.map(async (name) => {
      const exported = (await import(new URL(`${name}.ts`, folderOfAll).href)) as Record<string, Scenario>
      return Object.values(exported).filter((each) => typeof each === 'object' && 'run' in each)
    }),
  )
  // The longest first: whoever waits reads the figures that matter most.
  return found.flat().toSorted((a, b) => Number(b.name === 'messages') - Number(a.name === 'messages'))
}

let servers = 0
const contextFor = (name: string): Context => {
  const own = join(folder, name)
  mkdirSync(own)
  return {
    folder: own,
    rounds,
    quick: flags.quick,
    sizes,
    log,
    startCauserie: async (options = {}) => {
      servers += 1
      return startCauserie({ ...options, folder: join(own, `causerie-${servers}`), port: await freePort() })
    },
  }
}

const main = async (): Promise<boolean> => {
  const all = await findScenarios()
  const { only } = flags
  const unknown = only?.find((name) => !all.some((scenario) => scenario.name === name))
  if (unknown !== undefined) {
    throw new Error(`There is no scenario ${unknown}, but: ${all.map(({ name }) => name).join(', ')}.`)
  }
  const chosen = all.filter(({ name }) => only?.includes(name) ?? true)
  const held: boolean[] = []
  let unmeasured = 0
  for (const scenario of chosen) {
    log(`${scenario.name} …`)
    try {
      const measurements = await inTime(scenario.run(contextFor(scenario.name)), scenario.name)
      const judgements = report({ scenario, measurements, rounds, keep })
      held.push(judgements.every(({ holds }) => holds !== false))
      // Where a part was asked for, the others are not missed.
      if (keep) unmeasured += judgements.filter(isUnmeasured).length
    } catch (error) {
      // The others are worth having all the same.
      console.error(error)
      log(`${scenario.name} failed.`)
      held.push(false)
    }
  }
  if (keep) reportBars(all)
  if (unmeasured > 0) log(`${unmeasured} bars were not measured.`)
  const isGood = held.every(Boolean) && unmeasured === 0
  log(isGood ? 'All bars hold.' : 'Not all bars hold.')
  return isGood
}

const inTime = async <Result>(work: Promise<Result>, name: string): Promise<Result> => {
  const result = await Promise.race([work, sleep(SCENARIO_TIMEOUT_MS, null, { ref: false })])
  if (result === null) throw new Error(`${name} took too long.`)
  return result
}

process.exitCode = (await main()) ? 0 : 1
process.exit()
