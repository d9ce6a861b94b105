import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Row, Shown } from './row.ts'

const SEEDS = 20
/** Each kind of fault has to happen so often in all seeds together. */
const HITS = 50
/** Outside and inside the server; one that never happened is in no list. */
const KINDS = 26
const driver = fileURLToPath(new URL('../chaos/driver.ts', import.meta.url))

/** What the full run of `npm run chaos` shows. */
export const chaos: Row = {
  id: 'R1',
  demands: 'also R3, R4, R5, R19: 50 kills, 100,000 acknowledged messages, 0 violations',
  run: () => drive([]),
}

/** All faults together, for a minute each from other seeds. */
export const seeds: Row = {
  id: 'R6',
  demands: `all faults together, each at least ${HITS} times, ${SEEDS} seeds for a minute each: 0 violations`,
  run: async ({ minutes }) => {
    const count = minutes === null ? SEEDS : Math.max(1, Math.floor(minutes))
    const hits = new Map<string, number>()
    const total = { good: 0, messages: 0, deliveries: 0 }
    for (let seed = 1; seed <= count; seed += 1) {
      const { isGood, figure, said } = await drive([`--seed=${seed}`, '--minutes=1'])
      console.log(`  seed ${seed}: ${figure}`)
      if (isGood) total.good += 1
      total.messages += numberBefore(' acknowledged messages', said)
      total.deliveries += numberBefore(' deliveries', said)
      for (const [fault, times] of hitsOf(said)) hits.set(fault, (hits.get(fault) ?? 0) + times)
    }
    const [rarest = 'none', least = 0] = [...hits].toSorted(([, a], [, b]) => a - b)[0] ?? []
    for (const [fault, times] of hits) console.log(`  ${fault.padEnd(34)} ${times}`)
    const isEnough = count < SEEDS ? null : least >= HITS && hits.size >= KINDS
    return {
      isGood: total.good === count && isEnough,
      figure:
        `${total.good} of ${count} seeds without a violation: ${total.messages} acknowledged messages, ` +
        `${total.deliveries} deliveries; ${hits.size} kinds of faults, the rarest (${rarest}) ${least} times`,
    }
  },
}

/** The faults that a run tells of: those from outside, and those that the test build did to itself. */
const hitsOf = (said: string): Map<string, number> => {
  const outside = said.split('\nfaults\n')[1]?.split('\n\n')[0] ?? ''
  const lines = [
    ...outside.matchAll(/^ {2}(.+?) +(\d+)(?: of \d+ planned)?$/gm),
    ...said.matchAll(/^ {2}injected: (.+?) +(\d+)$/gm),
  ]
  return new Map(lines.map(([, fault = '', times]) => [fault, Number(times)]))
}

const numberBefore = (words: string, said: string): number => Number(new RegExp(`(\\d+)${words},`).exec(said)?.[1] ?? 0)

/** Runs the driver; `said` is what it printed, which is printed again where the run was not a good one. */
export const drive = async (
  args: string[],
  { isQuiet = false }: { isQuiet?: boolean } = {},
): Promise<Shown & { said: string }> => {
  const child = spawn(process.execPath, [driver, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const figures = /^\d+ acknowledged messages,.*$/m.exec(said)?.[0] ?? 'it did not come to an end'
  const violations = /^\d+ violations$/m.exec(said)?.[0] ?? ''
  if (code !== 0 && !isQuiet) console.log(said)
  return { isGood: code === 0, figure: `${figures}; ${violations}`, said }
}
