import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import { root } from '../scripts/wrangler.ts'
import type { Row } from './row.ts'

const RUNS = 2_000
/** After each operation something loses its memory: one time in four it dies, else it is evicted, which is in vain where it does not run. */
const CRASHES_PLANNED = 1 / 4
/** Of the evictions and of the crashes that are planned: where fewer came about the runs proved little. */
const LEAST_DONE = 1 / 2
/** So many in one life of the runtime: a few minutes. */
const IN_ONE_LIFE = 125
const vitest = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')))

/** The model test of the suite, with more runs than the suite has time for. */
export const model: Row = {
  id: 'R7',
  demands: `${RUNS} runs of the model with an eviction or a crash after each operation, of either at least half of those planned: 0 divergences`,
  run: async ({ minutes, folder }) => {
    const reports = folder('memory')
    const until = Date.now() + (minutes ?? Number.POSITIVE_INFINITY) * 60_000
    const tally = { runs: 0, operations: 0, acknowledged: 0, evictions: 0, crashes: 0 }
    const said: string[] = []
    let seed = Math.floor(Math.random() * 2 ** 24)
    let begun = 0

    const lives = Array.from({ length: availableParallelism() }, async () => {
      while (begun < RUNS && Date.now() < until && said.length === 0) {
        const runs = Math.min(IN_ONE_LIFE, RUNS - begun)
        begun += runs
        const life = await oneLife({ runs, seed: (seed += 1_000), reports })
        for (const key of KEYS) tally[key] += life.tally?.[key] ?? 0
        said.push(...life.said)
      }
    })
    await Promise.all(lives)

    for (const each of said) console.log(each)
    const { runs, operations, acknowledged, evictions, crashes } = tally
    const planned = { evictions: operations * (1 - CRASHES_PLANNED), crashes: operations * CRASHES_PLANNED }
    const much =
      `${operations} operations, ${acknowledged} messages, ${evictions} of some ${planned.evictions.toFixed(0)} evictions ` +
      `and ${crashes} of some ${planned.crashes.toFixed(0)} crashes`
    if (said.length > 0) return { isGood: false, figure: `diverged, or broke off, after ${runs} runs` }
    const isHard = evictions >= planned.evictions * LEAST_DONE && crashes >= planned.crashes * LEAST_DONE
    return { isGood: runs >= RUNS ? isHard : null, figure: `0 of ${runs} runs diverged; ${much}` }
  },
}

const KEYS = ['runs', 'operations', 'acknowledged', 'evictions', 'crashes'] as const
type Tally = Record<(typeof KEYS)[number], number>
type Report = {
  testResults: { assertionResults: { status: string; failureMessages: string[]; meta: { model?: Tally } }[] }[]
}

/** Answers what was done, and what is to be said of a failure. */
const oneLife = async (input: {
  runs: number
  seed: number
  reports: string
}): Promise<{ tally?: Tally | undefined; said: string[] }> => {
  const { runs, seed, reports } = input
  const file = join(reports, `${seed}.json`)
  const what = ['--project=worker', 'test/worker/model.test.ts', '-t', 'each followed']
  const args = [vitest, 'run', ...what, '--reporter=json', `--outputFile=${file}`, '--silent']
  // The runtime keeps its storage among the temporary files.
  const TMPDIR = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
  const env = { ...process.env, MODEL_RUNS: String(runs), MODEL_SEED: String(seed), TMPDIR }
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'ignore', 'pipe'] })
  const [error, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')])
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : null
  const results = report?.testResults.flatMap(({ assertionResults }) => assertionResults) ?? []
  const tally = results.flatMap(({ meta }) => meta.model ?? [])[0]
  if (code === 0 && tally) return { tally, said: [] }
  const messages = results.flatMap(({ failureMessages }) => failureMessages)
  return { tally, said: [`seed ${seed}`, ...(messages.length > 0 ? messages : [error.slice(-4_000)])] }
}
