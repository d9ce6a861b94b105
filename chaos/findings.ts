import type { Violation } from './evidence.ts'

/** What the checks found wrong, and how many things of each kind they looked at: a check that saw nothing shows nothing. */
export class Findings {
  readonly violations: Violation[] = []
  readonly #counts = new Map<string, number>()

  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by)
  }

  report(kind: Violation['kind'], detail: string): void {
    this.violations.push({ kind, detail })
  }

  all(violations: Violation[]): void {
    for (const violation of violations) this.violations.push(violation)
  }
}
