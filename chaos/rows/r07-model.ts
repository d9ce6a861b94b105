import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { text } from 'node:stream/consumers'
import { root } from '../../scripts/wrangler.ts'
import type { Row } from './row.ts'

const RUNS = 2_000
/** So many in one life of the runtime. */
const AT_ONCE = 40
const vitest = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')))

/** The model test of the suite, with more runs than the suite has time for. */
export const model: Row = {
  id: 'R7',
  demands: `${RUNS} runs of the model with crashes, evictions and cuts: 0 divergences`,
  run: async ({ minutes }) => {
    const until = Date.now() + (minutes ?? Number.POSITIVE_INFINITY) * 60_000
    let runs = 0
    while (runs < RUNS && Date.now() < until) {
      const args = [vitest, 'run', '--project=worker', 'test/worker/model.test.ts']
      const env = { ...process.env, MODEL_RUNS: String(AT_ONCE) }
      const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
      const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
      if (code !== 0) {
        console.log(said)
        return { isGood: false, figure: `diverged, or broke off, after ${runs} runs` }
      }
      runs += AT_ONCE
    }
    return { isGood: runs >= RUNS ? true : null, figure: `0 of ${runs} runs diverged` }
  },
}
