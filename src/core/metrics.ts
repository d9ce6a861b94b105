type Kind = 'counter' | 'histogram'

/** What is counted. */
const METRICS = {
  causerie_connections_opened_total: ['counter', 'Sockets that were let in.'],
  causerie_connections_closed_total: ['counter', 'Sockets whose end was seen. A server that was killed sees none.'],
  causerie_connection_seconds_total: ['counter', 'How long closed sockets were open. Its rate is how many are open.'],
  causerie_messages_total: ['counter', 'Messages stored, repeats left out.'],
  causerie_object_rows_written_total: ['counter', 'Rows that objects wrote, indexes and alarms among them.'],
  causerie_faults_total: [
    'counter',
    'Lines of level warn or error in the log, by event, and calls that were made again.',
  ],
  causerie_fan_out_lag_seconds: [
    'histogram',
    'From a change until the hub of a member who is awake took it; the longest wait of each call.',
  ],
} as const satisfies Record<string, [Kind, string]>

type Metric = keyof typeof METRICS
export type Counter = Exclude<Metric, 'causerie_faults_total' | 'causerie_fan_out_lag_seconds'>

/** The upper bounds of the buckets, in milliseconds. */
const BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, Infinity]

const seconds = (ms: number): string => (ms === Infinity ? '+Inf' : String(ms / 1000))

// Every delivery looks these up, so they are put together once.
const FAN_OUT_LAG = 'causerie_fan_out_lag_seconds'
const BUCKETS = BOUNDS_MS.map((bound) => `${FAN_OUT_LAG}_bucket{le="${seconds(bound)}"}`)
const SUM = `${FAN_OUT_LAG}_sum`

/** Under which names a wait is counted: its own bucket only, and the sum. */
export const namesOfLag = (ms: number): { bucket: string; sum: string } => ({
  bucket: BUCKETS[BOUNDS_MS.findIndex((bound) => ms <= bound)] ?? SUM,
  sum: SUM,
})

/** The totals as Prometheus reads them. */
export const expose = (totals: Map<string, number>): string =>
  Object.entries(METRICS)
    .map(([name, [kind, help]]) => {
      const samples = kind === 'histogram' ? histogram(totals) : counter(name, totals)
      const lines = samples.map(([sample, value]) => `${sample} ${value}`)
      return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines, ''].join('\n')
    })
    .join('')

type Samples = [name: string, value: number][]

const counter = (name: string, totals: Map<string, number>): Samples => {
  const samples = [...totals].filter(([sample]) => sample === name || sample.startsWith(`${name}{`)).toSorted(byName)
  return samples.length > 0 ? samples : [[name, 0]]
}

/** To Prometheus each bucket counts the smaller ones too. */
const histogram = (totals: Map<string, number>): Samples => {
  let count = 0
  const buckets = BUCKETS.map((bucket): Samples[number] => {
    count += totals.get(bucket) ?? 0
    return [bucket, count]
  })
  return [...buckets, [SUM, totals.get(SUM) ?? 0], [`${FAN_OUT_LAG}_count`, count]]
}

const byName = ([a]: Samples[number], [b]: Samples[number]): number => (a < b ? -1 : 1)
