import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, platform } from 'node:os'
import { fileURLToPath } from 'node:url'
import { workerd } from '../chaos/bundle.ts'
import type { Measurement } from './measurement.ts'
import { plot } from './plot.ts'
import type { Bar, Figures, Scenario } from './scenario.ts'
import { figuresOf, median } from './statistics.ts'

type Run = { scenario: Scenario; measurements: Measurement[]; rounds: number; keep: boolean }

const OURS = 'causerie'
const results = fileURLToPath(new URL('results/', import.meta.url))

/** Prints the figures of a scenario and whether its bars hold, and keeps them in `results/`. True where all bars hold. */
export const report = ({ scenario, measurements, rounds, keep }: Run): boolean => {
  const figures = figuresOf(measurements)
  const judged = (scenario.bars ?? []).map((bar) => judge(bar, figures))
  const text = [`${machine()}; medians of ${rounds} rounds (least – most).`, ...tables(measurements, figures)]
  if (judged.length > 0) text.push(judged.map(({ line }) => `- ${line}`).join('\n'))
  console.log(`\n${text.join('\n\n')}\n`)
  if (keep) {
    mkdirSync(results, { recursive: true })
    const title = scenario.name[0]?.toUpperCase() + scenario.name.slice(1)
    writeFileSync(`${results}${scenario.name}.md`, `# ${title}\n\n${text.join('\n\n')}\n`)
    writeFileSync(`${results}${scenario.name}.json`, `${JSON.stringify({ rounds, measurements }, null, 2)}\n`)
    if (scenario.plot) writeFileSync(`${results}${scenario.name}.svg`, plot(measurements, scenario.plot))
  }
  return judged.every(({ holds }) => holds !== false)
}

const machine = (): string => {
  const version = execFileSync(workerd, ['--version'], { encoding: 'utf8' }).trim()
  const date = new Date().toISOString().slice(0, 10)
  return `${date}, ${availableParallelism()} processors (${platform()} ${arch()}), ${version}`
}

/** A table for each thing done: a line for each metric, a column for each subject. */
const tables = (measurements: Measurement[], figures: Figures): string[] =>
  unique(measurements.map(({ scenario }) => scenario)).map((scenario) => {
    const own = measurements.filter((each) => each.scenario === scenario)
    const subjects = unique(own.map(({ subject }) => subject)).toSorted(
      (a, b) => Number(b === OURS) - Number(a === OURS),
    )
    const lines = unique(own.map(({ metric }) => metric)).map((metric) => {
      const cells = subjects.map((subject) => {
        const found = own.find((each) => each.metric === metric && each.subject === subject)
        if (!found) return ''
        const ratio = subject === OURS ? null : figures.ratio({ scenario, subject: OURS, metric }, found)
        return `${cell(found)}${ratio === null ? '' : ` · ${digits(ratio)}×`}`
      })
      return `| ${metric} | ${cells.join(' | ')} |`
    })
    const hasOthers = subjects.includes(OURS) && subjects.length > 1
    return [
      `**${scenario[0]?.toUpperCase()}${scenario.slice(1)}**${hasOthers ? ' (2×: Causerie takes twice as much)' : ''}`,
      '',
      `| | ${subjects.join(' | ')} |`,
      `|---|${subjects.map(() => '---').join('|')}|`,
      ...lines,
    ].join('\n')
  })

const cell = ({ values, unit }: Measurement): string => {
  const [low, high] = [Math.min(...values), Math.max(...values)]
  const range = low === high ? '' : ` (${digits(low)} – ${digits(high)})`
  return `${digits(median(values))} ${unit === 'count' ? '' : unit}`.trim() + range
}

/** Three of them count. */
const digits = (value: number): string =>
  value.toLocaleString('en', value < 1000 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 })

const unique = (names: string[]): string[] => [...new Set(names)]

const judge = (bar: Bar, figures: Figures): { holds: boolean | null; line: string } => {
  const value = bar.of(figures)
  const { claim, atMost, atLeast } = bar
  const demand = atMost === undefined ? `at least ${atLeast}` : `at most ${atMost}`
  if (value === null) return { holds: null, line: `not measured: ${claim} (${demand})` }
  const holds = value <= (atMost ?? Infinity) && value >= (atLeast ?? -Infinity)
  return { holds, line: `${holds ? 'holds' : 'MISSED'}: ${claim}: ${digits(value)} (${demand})` }
}
