// `npm run check`: everything that must hold before a change is done. It stops at the first thing that does not.
import { spawnSync } from 'node:child_process'
import { root } from './wrangler.ts'

const STEPS = {
  'types of tests and tools': ['tsc', '-p', '.'],
  'types of the server': ['tsc', '-p', 'src'],
  'types of the web app': ['tsc', '-p', 'src/web'],
  lint: ['oxlint'],
  format: ['oxfmt', '--check'],
  'dead code': ['knip'],
  'generated files': ['node', 'scripts/generate.ts', '--check'],
  tests: ['npm', 'test', '--silent'],
}

for (const [name, [command = '', ...args]] of Object.entries(STEPS)) {
  console.log(`Checking ${name} …`)
  // Nobody answers questions here.
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (status === 0) continue
  // The tests end with a line of their own.
  if (name !== 'tests') console.error(`The check of ${name} failed.`)
  process.exit(1)
}
