import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, platform } from 'node:os'
import { fileURLToPath } from 'node:url'
import { workerd } from '../harness/bundle.ts'
import type { Measurement } from './measurement.ts'
import { plot } from './plot.ts'
import { type Judgement, judge, OURS, type Scenario } from './scenario.ts'
import { digits, figuresOf } from './statistics.ts'
import { tables } from './tables.ts'

type Run = { scenario: Scenario; measurements: Measurement[]; rounds: number; keep: boolean }
type Kept = { date: string; rounds: number; measurements: Measurement[] }

const results = fileURLToPath(new URL('results/', import.meta.url))

/** Prints the figures of a scenario and whether its bars hold, and keeps them in `results/`. Answers its bars. */
export const report = ({ scenario, measurements, rounds, keep }: Run): Judgement[] => {
  const figures = figuresOf(measurements)
  const judgements = (scenario.bars ?? []).map((bar) => judge(bar, figures))
  const text = [
    `${today()}, ${machine()}; ${roundsOf(measurements)}.`,
    ...(scenario.summary?.(figures) ?? []),
    ...tables(measurements, scenario.baseline ?? OURS),
    ...(judgements.length > 0 ? [barsTable(judgements)] : []),
  ]
  console.log(`\n${text.join('\n\n')}\n`)
  if (keep) {
    mkdirSync(results, { recursive: true })
    const title = scenario.name[0]?.toUpperCase() + scenario.name.slice(1)
    const kept: Kept = { date: today(), rounds, measurements }
    writeFileSync(`${results}${scenario.name}.md`, `# ${title}\n\n${text.join('\n\n')}\n`)
    writeFileSync(`${results}${scenario.name}.json`, `${JSON.stringify(kept, null, 2)}\n`)
    for (const each of scenario.plots ?? []) writeFileSync(`${results}${each.file}.svg`, plot(measurements, each))
  }
  return judgements
}

/** Prints all bars, those of scenarios that were not run this time by what was kept of their last run, and keeps them in `results/bars.md`. */
export const reportBars = (scenarios: Scenario[]): void => {
  const parts = scenarios.flatMap((scenario) => {
    const path = `${results}${scenario.name}.json`
    if (!scenario.bars || !existsSync(path)) return []
    const { date, measurements } = JSON.parse(readFileSync(path, 'utf8')) as Kept
    const figures = figuresOf(measurements)
    return [`\`${scenario.name}\`, ${date}`, barsTable(scenario.bars.map((bar) => judge(bar, figures)))]
  })
  const text = parts.join('\n\n')
  console.log(`\n${text}\n`)
  writeFileSync(`${results}bars.md`, `# Bars\n\n${text}\n`)
}

const roundsOf = (measurements: Measurement[]): string => {
  const counts = measurements.map(({ values }) => values.length)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  if (most === 1) return 'measured once'
  return `medians of ${least === most ? most : `${least} to ${most}`} rounds (least – most)`
}

const barsTable = (judgements: Judgement[]): string =>
  [
    '| bar | demanded | measured | holds |',
    '|---|---|---|---|',
    ...judgements.map(({ claim, demand, value, holds }) => {
      const answer = value === null ? 'not measured' : holds === null ? '' : holds ? 'yes' : '**no**'
      return `| ${claim} | ${demand} | ${value === null ? '' : digits(value)} | ${answer} |`
    }),
  ].join('\n')

const today = (): string => new Date().toISOString().slice(0, 10)

const machine = (): string => {
  const version = execFileSync(workerd, ['--version'], { encoding: 'utf8' }).trim()
  return `${availableParallelism()} processors (${platform()} ${arch()}), ${version}`
}
