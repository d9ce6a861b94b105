import type { Measurement } from './measurement.ts'
import { OURS } from './scenario.ts'
import { digits, median } from './statistics.ts'

const WIDTH = 760
const LEFT = 205
const RIGHT = 90
const LINE = 22
const HEAD = 28

const STYLE = `
svg { background: #fff; --words: #1f2328; --quiet: #59636e; --ours: #2563eb; --floor: #9aa5b1; --others: #c9b8a3; }
@media (prefers-color-scheme: dark) {
  svg { background: #0d1117; --words: #f0f6fc; --quiet: #9198a1; --ours: #58a6ff; --floor: #6e7781; --others: #7d6b56; }
}
text { fill: var(--words) } .quiet { fill: var(--quiet) } .strong { font-weight: 600 } path { stroke: var(--words) }
.ours { fill: var(--ours) } .floor { fill: var(--floor) } .others { fill: var(--others) }`

/** One metric as bars on a logarithmic scale, with the least and the most of the rounds as a line over each. Causerie has the colour. */
export const plot = (measurements: Measurement[], { metric, title }: { metric: string; title: string }): string => {
  const shown = measurements.filter((each) => each.metric === metric)
  const isCompared = shown.some(({ subject }) => subject === OURS)
  const values = shown.flatMap((each) => each.values).filter((value) => value > 0)
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)) - 0.01)
  const high = Math.max(...values)
  const x = (value: number): number =>
    LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(Math.max(value, low) / low)) / Math.log(high / low)
  const parts: string[] = [text({ x: 12, y: 24, size: 15, look: 'strong' }, `${title} (logarithmic)`)]
  let y = 40
  for (const scenario of new Set(shown.map((each) => each.scenario))) {
    parts.push(text({ x: 12, y: y + 18, size: 13, look: 'quiet' }, capital(scenario)))
    y += HEAD
    const own = shown.filter((one) => one.scenario === scenario)
    for (const each of own.toSorted((a, b) => Number(b.subject === OURS) - Number(a.subject === OURS))) {
      const isOurs = !isCompared || each.subject === OURS
      const look = isOurs ? 'ours' : each.subject.startsWith('floor') ? 'floor' : 'others'
      const middle = median(each.values)
      const [from, to] = [Math.min(...each.values), Math.max(...each.values)]
      const label = { x: 24, y: y + 15, size: 12, look: isCompared && isOurs ? 'strong' : '' }
      parts.push(
        text(label, isCompared && isOurs ? capital(each.subject) : each.subject),
        `<rect class="${look}" x="${LEFT}" y="${y + 3}" width="${round(x(middle) - LEFT)}" height="15" rx="2"/>`,
        ...(from === to ? [] : [`<path d="M${round(x(from))} ${y + 10.5}H${round(x(to))}" stroke-width="1.5"/>`]),
        text({ ...label, x: round(x(to)) + 6 }, `${digits(middle)} ${each.unit}`),
      )
      y += LINE
    }
    y += 8
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 8}" font-family="system-ui, sans-serif">`,
    `<style>${STYLE}</style>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}

const text = (at: { x: number; y: number; size: number; look: string }, words: string): string =>
  `<text x="${at.x}" y="${at.y}" font-size="${at.size}" class="${at.look}">${words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`

const capital = (words: string): string => `${words[0]?.toUpperCase()}${words.slice(1)}`

const round = (value: number): number => Math.round(value * 10) / 10
