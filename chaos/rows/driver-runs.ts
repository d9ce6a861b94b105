import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Row, Shown } from './row.ts'

const SEEDS = 20
const driver = fileURLToPath(new URL('../driver.ts', import.meta.url))

/** What the full run of `npm run chaos` shows. */
export const chaos: Row = {
  id: 'R1',
  demands: 'also R3, R4, R5, R19: 50 kills, 100,000 acknowledged messages, 0 violations',
  run: () => drive([]),
}

/** All faults together, for a minute each from other seeds. */
export const seeds: Row = {
  id: 'R6',
  demands: `all faults together, ${SEEDS} seeds for a minute each: 0 violations`,
  run: async ({ minutes }) => {
    let good = 0
    const count = minutes === null ? SEEDS : Math.max(1, Math.floor(minutes))
    for (let seed = 1; seed <= count; seed += 1) {
      const { isGood, figure } = await drive([`--seed=${seed}`, '--minutes=1'])
      console.log(`  seed ${seed}: ${figure}`)
      if (isGood) good += 1
    }
    return { isGood: good === count, figure: `${good} of ${count} seeds without a violation` }
  },
}

const drive = async (args: string[]): Promise<Shown> => {
  const child = spawn(process.execPath, [driver, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const figures = /^\d+ acknowledged messages,.*$/m.exec(said)?.[0] ?? 'it did not come to an end'
  const violations = /^\d+ violations$/m.exec(said)?.[0] ?? ''
  if (code !== 0) console.log(said)
  return { isGood: code === 0, figure: `${figures}; ${violations}` }
}
