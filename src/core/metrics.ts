type Kind = 'counter' | 'histogram'

/** What is counted. */
export const METRICS = {
  causerie_connections_opened_total: ['counter', 'Sockets that were let in.'],
  causerie_connections_closed_total: ['counter', 'Sockets whose end was seen. A server that was killed sees none.'],
  causerie_connection_seconds_total: ['counter', 'How long closed sockets were open. Its rate is how many are open.'],
  causerie_messages_total: ['counter', 'Messages stored, repeats left out.'],
  causerie_object_rows_written_total: ['counter', 'Rows that objects wrote, indexes and alarms among them.'],
  causerie_faults_total: ['counter', 'Lines of level warn or error in the log, by event.'],
  causerie_fan_out_lag_seconds: [
    'histogram',
    'From a change until the hub of a member who is awake took it; the longest wait of each call.',
  ],
} as const satisfies Record<string, [Kind, string]>

export type Metric = keyof typeof METRICS
export type Counter = { [Name in Metric]: (typeof METRICS)[Name][0] extends 'counter' ? Name : never }[Metric]
export type Histogram = Exclude<Metric, Counter>

/** The upper bounds of a histogram's buckets, in milliseconds. */
const BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, Infinity]

/** The name under which a wait is counted: its own bucket only, so that counting is one step. */
export const bucketOf = (metric: Histogram, ms: number): string =>
  `${metric}_bucket{le="${seconds(BOUNDS_MS.find((bound) => ms <= bound) ?? Infinity)}"}`

export const sumOf = (metric: Histogram): string => `${metric}_sum`

/** The totals as Prometheus reads them. */
export const expose = (totals: Map<string, number>): string =>
  Object.entries(METRICS)
    .map(([name, [kind, help]]) => {
      const samples = kind === 'histogram' ? histogram(name as Histogram, totals) : counter(name, totals)
      const lines = samples.map(([sample, value]) => `${sample} ${value}`)
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines, ''].join('\n')
    })
    .join('')

type Samples = [name: string, value: number][]

const counter = (name: string, totals: Map<string, number>): Samples => {
  const samples = [...totals].filter(([sample]) => sample === name || sample.startsWith(`${name}{`)).toSorted(byName)
  return samples.length > 0 ? samples : [[name, 0]]
}

const histogram = (name: Histogram, totals: Map<string, number>): Samples => {
  let count = 0
  const buckets = BOUNDS_MS.map((bound): Samples[number] => {
    const bucket = bucketOf(name, bound)
    count += totals.get(bucket) ?? 0
    return [bucket, count]
  })
  return [...buckets, [sumOf(name), totals.get(sumOf(name)) ?? 0], [`${name}_count`, count]]
}

const byName = ([a]: Samples[number], [b]: Samples[number]): number => (a < b ? -1 : 1)

const seconds = (ms: number): string => (ms === Infinity ? '+Inf' : String(ms / 1000))
