import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'
import { OFFLINE_GRACE_MS } from '../../src/core/presence.ts'
import { Series } from '../load/series.ts'
import type { Measurement } from '../measurement.ts'
import { HOSTED, PLATFORM } from '../prices.ts'
import type { Bar, Context, Scenario } from '../scenario.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const TESTS = 'test/worker/cost.test.ts'

const ALONE = 'a direct message alone'
const IN_BURST = 'a direct message in a burst of 50'
const GROUP_ALONE = 'a message to a group of ten alone'
const GROUP_IN_BURST = 'a message to a group of ten in a burst of 50'
const RETURN = 'going and coming back to five quiet conversations'
const IDLE_DAY = 'a day of an idle user, who comes back ten times'
const RETURNS_PER_DAY = 10
const MEMBERS = 10

/**
 * For how long the objects are billed, which no run on one machine can tell. After a message alone its conversation has a timer of a second and
 * its sender's hub one of a quarter, and in a talk with a message a second there is no second without them. That somebody went is told after a
 * grace. A call takes some hundredths of a second, most of it for the write.
 */
const SECONDS_PER_CALL = 0.02
const SECONDS_PER_MESSAGE = 1 + 0.25
const SECONDS_OF_TIMER: Record<string, number> = {
  [ALONE]: SECONDS_PER_MESSAGE,
  [IN_BURST]: SECONDS_PER_MESSAGE,
  [GROUP_ALONE]: SECONDS_PER_MESSAGE,
  [GROUP_IN_BURST]: SECONDS_PER_MESSAGE,
  [RETURN]: OFFLINE_GRACE_MS / 1000,
}
/** Refreshing the tokens, the ticket, and the upgrade. */
const WORKER_REQUESTS: Record<string, number> = { [RETURN]: 3 }

const Bill = z.object({ requests: z.number(), rows: z.number(), rowsRead: z.number() })
type Bill = z.infer<typeof Bill>

const Report = z.object({
  success: z.boolean(),
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({ meta: z.object({ bills: z.record(z.string(), Bill).default({}) }).default({ bills: {} }) }),
      ),
    }),
  ),
})

const run = async (context: Context): Promise<Measurement[]> => {
  const series = new Series()
  // Once: counts are the same each time.
  const bills = await countBills(join(context.folder, 'counted.json'))
  for (const [scenario, bill] of Object.entries(bills)) addBill(series, scenario, bill)
  const back = bills[RETURN]
  if (back) addBill(series, IDLE_DAY, times(back, RETURNS_PER_DAY), RETURNS_PER_DAY)
  addHosted(series)
  context.log(`${Object.keys(bills).length} bills are counted`)
  return series.measurements
}

/** The counts come from the tests that hold their bounds: the platform's own classes, listened to. */
const countBills = async (outputFile: string): Promise<Record<string, Bill>> => {
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const args = [vitest, 'run', '--project', 'worker', TESTS, '--reporter=json', `--outputFile=${outputFile}`]
  const child = spawn(process.execPath, args, { cwd: root, stdio: 'ignore' })
  const kill = (): void => void child.kill('SIGKILL')
  process.once('exit', kill)
  await once(child, 'exit')
  process.off('exit', kill)
  const report = Report.parse(JSON.parse(readFileSync(outputFile, 'utf8')))
  if (!report.success) throw new Error(`${TESTS} failed: npx vitest run --project worker ${TESTS} says why.`)
  const found = report.testResults.flatMap(({ assertionResults }) => assertionResults.map(({ meta }) => meta.bills))
  return Object.assign({}, ...found) as Record<string, Bill>
}

const times = ({ requests, rows, rowsRead }: Bill, count: number): Bill => ({
  requests: requests * count,
  rows: rows * count,
  rowsRead: rowsRead * count,
})

const addBill = (series: Series, scenario: string, bill: Bill, count = 1): void => {
  const figure = { scenario, subject: 'causerie', unit: 'count' as const }
  series.add({ ...figure, metric: REQUESTS }, bill.requests)
  series.add({ ...figure, metric: ROWS }, bill.rows)
  series.add({ ...figure, metric: 'rows read' }, bill.rowsRead)
  const kind = scenario === IDLE_DAY ? RETURN : scenario
  const seconds = bill.requests * SECONDS_PER_CALL + (SECONDS_OF_TIMER[kind] ?? 0) * count
  const workerRequests = (WORKER_REQUESTS[kind] ?? 0) * count
  const parts = {
    'for requests, per million': bill.requests * PLATFORM.objectRequest + workerRequests * PLATFORM.workerRequest,
    'for rows, per million': bill.rows * PLATFORM.rowWritten + bill.rowsRead * PLATFORM.rowRead,
    'for duration, per million': seconds * PLATFORM.objectGigabytes * PLATFORM.gigabyteSecond,
  }
  for (const [metric, value] of Object.entries(parts)) series.add({ ...figure, unit: 'USD', metric }, value)
  const sum = Object.values(parts).reduce((total, part) => total + part, 0)
  series.add({ ...figure, unit: 'USD', metric: scenario.includes('message') ? PER_MILLION : 'price of a million' }, sum)
}

/** The sender's own copy is no delivery. */
const addHosted = (series: Series): void => {
  for (const { name, perPublished, perDelivered } of HOSTED) {
    const figure = { subject: name, metric: PER_MILLION, unit: 'USD' as const }
    for (const scenario of [ALONE, IN_BURST]) series.add({ ...figure, scenario }, perPublished + perDelivered)
    for (const scenario of [GROUP_ALONE, GROUP_IN_BURST])
      series.add({ ...figure, scenario }, perPublished + perDelivered * (MEMBERS - 1))
  }
}

const REQUESTS = 'object requests'
const ROWS = 'rows written'
const PER_MILLION = 'price of a million messages'

const bars: Bar[] = [
  {
    claim: 'object requests of one direct message',
    atMost: 2.1,
    of: (figures) => figures.median({ scenario: ALONE, subject: 'causerie', metric: REQUESTS }),
  },
  {
    claim: 'rows written for one direct message',
    atMost: 4,
    of: (figures) => figures.median({ scenario: ALONE, subject: 'causerie', metric: ROWS }),
  },
]

const plots = [{ file: 'cost', metric: PER_MILLION, title: 'USD per million messages at list prices' }]

export const cost: Scenario = { name: 'cost', bars, plots, run }
