import type { Measurement } from './measurement.ts'
import { OURS } from './scenario.ts'
import { digits, figuresOf, median } from './statistics.ts'

/** What was measured as tables: one for each thing done, a line for each metric; or a line for each thing done, where one metric is all. */
export const tables = (measurements: Measurement[], baseline: string): string[] => {
  const scenarios = unique(measurements.map(({ scenario }) => scenario))
  const metrics = unique(measurements.map(({ metric }) => metric))
  const [only] = metrics
  if (scenarios.length > 1 && metrics.length === 1 && only !== undefined) {
    const lines = scenarios.map((name) => ({ name, own: measurements.filter(({ scenario }) => scenario === name) }))
    return [table({ title: only, lines, baseline })]
  }
  return scenarios.map((title) => {
    const own = measurements.filter(({ scenario }) => scenario === title)
    const lines = unique(own.map(({ metric }) => metric)).map((name) => ({
      name,
      own: own.filter(({ metric }) => metric === name),
    }))
    return table({ title, lines, baseline })
  })
}

type Line = { name: string; own: Measurement[] }

const table = ({ title, lines, baseline }: { title: string; lines: Line[]; baseline: string }): string => {
  const named = lines.flatMap(({ own }) => own.map(({ subject }) => subject))
  const subjects = unique(named).toSorted((a, b) => Number(b === baseline) - Number(a === baseline))
  const isCompared = subjects.includes(baseline) && subjects.length > 1
  const who = baseline === OURS ? 'Causerie' : baseline
  return [
    `**${title[0]?.toUpperCase()}${title.slice(1)}**${isCompared ? ` (2×: ${who} takes twice as much)` : ''}`,
    '',
    `| | ${subjects.join(' | ')} |`,
    `|---|${subjects.map(() => '---').join('|')}|`,
    ...lines.map(({ name, own }) => {
      const base = own.find(({ subject }) => subject === baseline)
      const cells = subjects.map((wanted) => {
        const found = own.find(({ subject }) => subject === wanted)
        if (!found) return ''
        return base && found !== base ? `${cell(found)} · ${ratio(base, found)}×` : cell(found)
      })
      return `| ${name} | ${cells.join(' | ')} |`
    }),
  ].join('\n')
}

const ratio = (base: Measurement, other: Measurement): string =>
  digits(figuresOf([base, other]).ratio(base, other) ?? Number.NaN)

const cell = ({ values, unit }: Measurement): string => {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const range = low === high ? '' : ` (${digits(low)} – ${digits(high)})`
  return `${digits(median(values))} ${unit === 'count' ? '' : unit}`.trim() + range
}

const unique = (names: string[]): string[] => [...new Set(names)]
