/** Counts in memory until somebody takes them away. */
export class Tally {
  #counts = new Map<string, number>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  add(name: string, by = 1): void {
    if (by !== 0) this.#counts.set(name, this.of(name) + by)
  }

  of(name: string): number {
    return this.#counts.get(name) ?? 0
  }

  /** Hands over what was counted, and begins anew. */
  take(): Map<string, number> {
    const taken = this.#counts
    this.#counts = new Map()
    return taken
  }

  /** Takes back what could not be handed on. */
  putBack(counts: Map<string, number>): void {
    for (const [name, by] of counts) this.add(name, by)
  }
}
