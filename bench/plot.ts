import type { Measurement } from './measurement.ts'
import { median } from './statistics.ts'

const WIDTH = 760
const LEFT = 90
const RIGHT = 120
const LINE = 22
const HEAD = 28
const COLOURS = ['#2563eb', '#94a3b8', '#d97706', '#16a34a', '#9333ea']

/** One metric as bars on a logarithmic scale, with the least and the most of the rounds as a line over each. */
export const plot = (measurements: Measurement[], { metric, title }: { metric: string; title: string }): string => {
  const shown = measurements.filter((each) => each.metric === metric)
  const subjects = [...new Set(shown.map(({ subject }) => subject))]
  const values = shown.flatMap((each) => each.values).filter((value) => value > 0)
  const low = 10 ** Math.floor(Math.log10(Math.min(...values)) - 0.01)
  const high = Math.max(...values)
  const x = (value: number): number =>
    LEFT + ((WIDTH - LEFT - RIGHT) * Math.log(Math.max(value, low) / low)) / Math.log(high / low)
  const parts: string[] = [text({ x: 8, y: 22, size: 15 }, `${title} (logarithmic)`)]
  let y = 40
  for (const scenario of new Set(shown.map((each) => each.scenario))) {
    parts.push(text({ x: 8, y: y + 16, size: 13 }, scenario))
    y += HEAD
    for (const each of shown.filter((one) => one.scenario === scenario)) {
      const middle = median(each.values)
      const [from, to] = [Math.min(...each.values), Math.max(...each.values)]
      const colour = COLOURS[subjects.indexOf(each.subject) % COLOURS.length]
      parts.push(
        text({ x: 8, y: y + 14, size: 12 }, each.subject),
        `<rect x="${LEFT}" y="${y + 3}" width="${round(x(middle) - LEFT)}" height="14" fill="${colour}"/>`,
        `<path d="M${round(x(from))} ${y + 10}H${round(x(to))}" stroke="currentColor" stroke-width="1.5"/>`,
        text({ x: round(x(to)) + 6, y: y + 14, size: 12 }, `${Number(middle.toPrecision(3))} ${each.unit}`),
      )
      y += LINE
    }
    y += 8
  }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" font-family="system-ui, sans-serif">`,
    '<style>svg{color:#111;background:#fff}</style>',
    ...parts,
    '</svg>\n',
  ].join('\n')
}

const text = (at: { x: number; y: number; size: number }, words: string): string =>
  `<text x="${at.x}" y="${at.y}" font-size="${at.size}" fill="currentColor">${words.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</text>`

const round = (value: number): number => Math.round(value * 10) / 10
