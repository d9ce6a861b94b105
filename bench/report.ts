import type { Measurement } from './measurement.ts'
import type { Bar, Figures, Scenario } from './scenario.ts'
import { figuresOf, median } from './statistics.ts'

type Run = { scenarios: Scenario[]; measurements: Measurement[]; rounds: number; minutes: number }

/** Prints the figures and whether each bar holds; true where all do. */
export const report = ({ scenarios, measurements, rounds, minutes }: Run): boolean => {
  console.log(`\nMedians of ${rounds} rounds (least – most), ${minutes.toFixed(1)} minutes\n`)
  console.log(tables(measurements))
  const judged = scenarios.flatMap(({ bars = [] }) => bars).map((bar) => judge(bar, figuresOf(measurements)))
  for (const { line } of judged) console.log(line)
  return judged.every(({ holds }) => holds !== false)
}

const tables = (measurements: Measurement[]): string =>
  measurements
    .map(({ scenario, subject, metric, unit, values }) => {
      const [low, high] = [Math.min(...values), Math.max(...values)]
      return `${scenario} | ${subject} | ${metric} | ${median(values).toFixed(2)} ${unit} (${low.toFixed(2)} – ${high.toFixed(2)})`
    })
    .join('\n')

const judge = (bar: Bar, figures: Figures): { holds: boolean | null; line: string } => {
  const value = bar.of(figures)
  const { claim, atMost, atLeast } = bar
  const demand = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`
  if (value === null) return { holds: null, line: `  not measured  ${claim} (${demand})` }
  const holds = value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity)
  return { holds, line: `  ${holds ? 'holds ' : 'MISSED'}  ${claim}: ${value.toFixed(2)} (${demand})` }
}
