import type { Measurement } from './measurement.ts'
import type { Figures } from './scenario.ts'

export const median = (values: number[]): number => quantile(values, 0.5)

/** Between two values it is their mix. */
export const quantile = (values: number[], q: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * q
  const [low = Number.NaN, high = Number.NaN] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]]
  return low + (high - low) * (at - Math.floor(at))
}

/** Three of them count. */
export const digits = (value: number): string =>
  value.toLocaleString('en', value < 1000 ? { maximumSignificantDigits: 3 } : { maximumFractionDigits: 0 })

type Name = Pick<Measurement, 'scenario' | 'subject' | 'metric'>

export const figuresOf = (measurements: Measurement[]): Figures => {
  const find = (name: Name): Measurement | undefined =>
    measurements.find(
      ({ scenario, subject, metric }) =>
        scenario === name.scenario && subject === name.subject && metric === name.metric,
    )
  return {
    median: (name) => {
      const found = find(name)
      return found ? median(found.values) : null
    },
    ratio: (of, to) => {
      const [above, below] = [find(of), find(to)]
      return above && below ? median(ratios(above.values, below.values)) : null
    },
  }
}

/** Round by round: what disturbs one round disturbs both. */
const ratios = (above: number[], below: number[]): number[] =>
  above.slice(0, below.length).map((value, i) => value / (below[i] ?? Number.NaN))
