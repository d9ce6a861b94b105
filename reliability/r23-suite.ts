import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { root } from '../scripts/wrangler.ts'
import type { Row } from './row.ts'

const TIMES = 20

/** A test that fails now and then tells nobody anything: so the whole suite, many times. */
export const suite: Row = {
  id: 'R23',
  demands: `the whole suite ${TIMES} times (some hours): it passes each time`,
  run: async ({ minutes }) => {
    const until = Date.now() + (minutes ?? Number.POSITIVE_INFINITY) * 60_000
    const lasted: number[] = []
    let passed = 0
    while (lasted.length < TIMES && Date.now() < until) {
      const from = Date.now()
      const child = spawn('npm', ['test', '--silent'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
      const [said, complained, [code]] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        once(child, 'exit'),
      ])
      lasted.push((Date.now() - from) / 60_000)
      if (code === 0) passed += 1
      else console.log(said, complained)
      const closing = said.trimEnd().split('\n').at(-1)
      console.log(`  run ${lasted.length}: ${closing}, after ${lasted.at(-1)?.toFixed(1)} minutes`)
    }
    const runs = lasted.length
    const figure = `${passed} of ${runs} runs passed, each in ${Math.min(...lasted).toFixed(1)} to ${Math.max(...lasted).toFixed(1)} minutes`
    return { isGood: passed < runs ? false : runs >= TIMES ? true : null, figure }
  },
}
