import { sql } from 'drizzle-orm'
import * as z from 'zod'
import { type Counter, namesOfLag } from '../core/metrics.ts'
import { Tally } from '../core/tally.ts'
import { openDirectory } from './directory.ts'
import { metrics } from './schema.ts'

/**
 * There are many isolates and many more objects, and none of them knows the others. Each isolate counts in memory and adds what it counted
 * to one row of the directory, at most once a minute and only beside work that is no message: so counting costs a message nothing. What
 * an isolate had not reported when it went is lost.
 */
const tally = new Tally()

const PERIOD_MS = 60_000
/** So many messages are worth a row of their own. */
const MANY_MESSAGES = 100
let reportedAt = 0

type Deployment = { DIRECTORY: D1Database }

export const count = (metric: Counter, by = 1): void => tally.add(metric, by)

/** Counts a line of the log; `event` is a name from our own code. */
export const countFault = (event: string): void => tally.add(`causerie_faults_total{event="${event}"}`)

/** Counts a call of a member's hub, by how long the first of what it brought had waited. */
export const countDelivery = (waitedMs: number): void => {
  const waited = Math.max(0, waitedMs)
  const { bucket, sum } = namesOfLag(waited)
  tally.add(bucket)
  tally.add(sum, waited / 1000)
}

/** Whether the last report was a minute ago, or in a time that a clock which was wrong took for now. */
const isOld = (now: number): boolean => now - reportedAt >= PERIOD_MS || now < reportedAt

/** Whether a busy isolate, where nobody comes and goes, should report. */
export const isReportDue = (now: number): boolean => isOld(now) && tally.of('causerie_messages_total') >= MANY_MESSAGES

/** Reports, if a minute has passed since this isolate did. Never throws: what could not be reported waits for the next time. */
export const reportMetrics = async (env: Deployment, now: number): Promise<void> => {
  if (!isOld(now)) return
  reportedAt = now
  await flush(env)
}

/** The totals of all reports, with what this isolate has to add. */
export const readMetrics = async (env: Deployment): Promise<Map<string, number>> => {
  await flush(env)
  const [row] = await openDirectory(env).select().from(metrics)
  return new Map(Object.entries(Totals.parse(row?.totals ?? {})))
}

const Totals = z.record(z.string(), z.number())

const flush = async (env: Deployment): Promise<void> => {
  if (tally.isEmpty) return
  const taken = tally.take()
  try {
    await openDirectory(env)
      .insert(metrics)
      .values({ id: 1, totals: Object.fromEntries(taken) })
      .onConflictDoUpdate({ target: metrics.id, set: { totals: SUM } })
  } catch (error) {
    tally.putBack(taken)
    countFault('metrics.unreported')
    const name = error instanceof Error ? error.name : typeof error
    console.error(JSON.stringify({ level: 'warn', event: 'metrics.unreported', error: name }))
  }
}

// All in one row and one statement: two isolates that report at once must not lose one another's counts, and each row is paid for.
const SUM = sql`(SELECT json_group_object(key, total) FROM (
  SELECT key, sum(value) AS total FROM (
    SELECT key, value FROM json_each(metrics.totals) UNION ALL SELECT key, value FROM json_each(excluded.totals)
  ) GROUP BY key
))`
