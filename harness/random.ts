/** A seeded source of chance: the same seed gives the same numbers. */
export class Random {
  #state: number

  constructor(seed: number | string) {
    this.#state = typeof seed === 'number' ? seed >>> 0 : hash(seed)
  }

  /** From 0 up to, and without, 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 up to, and without, `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  between(low: number, high: number): number {
    return low + this.next() * (high - low)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('There is nothing to pick from.')
    return item
  }

  /** So many of them, none twice. */
  sample<Item>(items: readonly Item[], size: number): Item[] {
    const left = [...items]
    return Array.from({ length: Math.min(size, left.length) }, () => left.splice(this.below(left.length), 1)).flat()
  }

  /** A source of its own, so that what one part draws does not change what another part gets. */
  fork(name: string): Random {
    return new Random(`${this.below(2 ** 32)}/${name}`)
  }
}

const hash = (text: string): number => {
  let value = 2166136261
  for (const unit of text) value = Math.imul(value ^ (unit.codePointAt(0) ?? 0), 16777619)
  return value >>> 0
}
