// `npm run reliability`: shows, one by one, the rows of docs/reliability.md that take too long for the tests.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '../scripts/free-port.ts'
import { wrongClocks } from './f07-clocks.ts'
import { fsyncFails } from './f10-fsync-fails.ts'
import { overload } from './f19-overload.ts'
import { chaos, seeds } from './driver-runs.ts'
import { plantedFaults } from './r02-planted-faults.ts'
import { model } from './r07-model.ts'
import { fsyncBeforeAck } from './r08-fsync.ts'
import { diskFull } from './r09-disk-full.ts'
import { resumeGap } from './r10-resume.ts'
import { longAbsence } from './r11-long-absence.ts'
import { reconnectStorm } from './r12-storm.ts'
import { idle } from './r13-idle.ts'
import { manySockets } from './r14-many-sockets.ts'
import { slowReaders } from './r15-slow-readers.ts'
import { halfOpen } from './r16-half-open.ts'
import { deployLive } from './r20-deploy.ts'
import { backup } from './r21-backup.ts'
import { soak } from './r22-soak.ts'
import { suite } from './r23-suite.ts'
import { forgedTokens } from './s05-forged-tokens.ts'
import { refreshRace } from './s07-refresh-race.ts'
import { revocation } from './s08-revocation.ts'
import { enumeration } from './s10-enumeration.ts'
import { guessing } from './s11-guessing.ts'
import { scripts } from './s13-scripts.ts'
import { crawl } from './s16-crawl.ts'
import { injection } from './s16-injection.ts'
import { hashing } from './s17-hashing.ts'
import { erasure } from './s20-erasure.ts'
import { lighthouse } from './w01-lighthouse.ts'
import type { Row, RowContext } from './row.ts'
import { ServerProcess } from '../harness/server.ts'

const ROWS: Row[] = [
  chaos,
  wrongClocks,
  fsyncFails,
  overload,
  plantedFaults,
  seeds,
  model,
  fsyncBeforeAck,
  diskFull,
  resumeGap,
  longAbsence,
  reconnectStorm,
  idle,
  manySockets,
  slowReaders,
  halfOpen,
  deployLive,
  backup,
  soak,
  suite,
  forgedTokens,
  refreshRace,
  revocation,
  enumeration,
  guessing,
  scripts,
  injection,
  crawl,
  hashing,
  erasure,
  lighthouse,
]

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    list: { type: 'boolean', default: false },
    minutes: { type: 'string' },
    port: { type: 'string' },
  },
})

const folders: string[] = []
const servers: ServerProcess[] = []
process.once('exit', () => {
  for (const { pid } of servers) if (pid !== null) process.kill(pid, 'SIGKILL')
  for (const folder of folders) {
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // Something is mounted there: what was interrupted could not take it away.
    }
  }
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(130))

const context: RowContext = {
  minutes: flags.minutes === undefined ? null : Number(flags.minutes),
  folder: (kind) => {
    const parent = kind === 'memory' && existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
    const folder = mkdtempSync(join(parent, 'causerie-reliability-'))
    folders.push(folder)
    return folder
  },
  server: async (options = {}) => {
    const port = flags.port === undefined ? await freePort() : Number(flags.port)
    const server = await ServerProcess.prepare({ folder: context.folder('memory'), port, ...options })
    servers.push(server)
    return server
  },
}

const wanted = flags.only?.map((id) => id.toUpperCase())
const rows = ROWS.filter(({ id }) => wanted?.includes(id) ?? true)
const unknown = wanted?.filter((id) => ROWS.every((row) => row.id !== id)) ?? []
if (unknown.length > 0)
  console.log(`No row here is called ${unknown.join(', ')}: docs/reliability.md says what shows it.`)
let failed = unknown.length
for (const { id, demands, needsLinux, run } of rows) {
  console.log(`${id.padEnd(4)} ${demands}`)
  if (flags.list) continue
  const canRun = !needsLinux || existsSync('/proc/self/statm')
  const { isGood, figure } = canRun
    ? await run(context)
    : { isGood: null, figure: 'needs Linux, which tells what a process takes' }
  console.log(`${isGood === null ? '–' : isGood ? '✓' : '✗'}    ${figure}\n`)
  if (isGood === false) failed += 1
}
process.exit(failed === 0 ? 0 : 1)
