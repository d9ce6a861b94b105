// `npm run check`: everything that must hold before a change is done. The tests, which take longest, run when all else does.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { root } from './wrangler.ts'

const STEPS = {
  'types of tests and tools': ['tsc', '-p', '.'],
  'types of the server': ['tsc', '-p', 'src'],
  'types of the web app': ['tsc', '-p', 'src/web'],
  lint: ['oxlint'],
  format: ['oxfmt', '--check'],
  'dead code': ['knip'],
  'generated files': ['node', 'scripts/generate.ts', '--check'],
}

// Nobody answers questions here.
const start = ([command = '', ...args]: string[], output: 'pipe' | 'inherit'): ChildProcess =>
  spawn(command, args, { cwd: root, stdio: ['ignore', output, output] })

const holds = async ([name, command]: [string, string[]]): Promise<boolean> => {
  const step = start(command, 'pipe')
  const [said, complained, [code]] = await Promise.all([text(step.stdout!), text(step.stderr!), once(step, 'exit')])
  console.log(code === 0 ? `✓ ${name}` : `✗ ${name}\n${said}${complained}`)
  return code === 0
}

const failed = (await Promise.all(Object.entries(STEPS).map(holds))).filter((held) => !held).length
if (failed > 0) {
  console.log(`0 passed, ${failed} failed`)
  process.exitCode = 1
} else {
  const [code] = await once(start(['npm', 'test', '--silent'], 'inherit'), 'exit')
  process.exitCode = code ?? 1
}
