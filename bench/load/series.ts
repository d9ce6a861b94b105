import type { Measurement } from '../measurement.ts'

type Figure = Omit<Measurement, 'values'>

/** Collects the values of figures, round after round. */
export class Series {
  readonly #values = new Map<string, Measurement>()

  add(figure: Figure, value: number): void {
    const key = [figure.scenario, figure.subject, figure.metric].join('\n')
    const found = this.#values.get(key)
    if (found) found.values.push(value)
    else this.#values.set(key, { ...figure, values: [value] })
  }

  get measurements(): Measurement[] {
    return [...this.#values.values()]
  }
}
