/**
 * Rounds of the same work, one at a time. Who comes during one waits for the next, which all who wait share: what the one under way has
 * asked already may have changed since. However many ask at once, they cost two.
 */
export class Rounds<Result> {
  #current: Promise<unknown> | null = null
  #following: Promise<Result> | null = null

  next(work: () => Promise<Result>): Promise<Result> {
    if (this.#following) return this.#following
    if (!this.#current) return this.#begin(work)
    this.#following = this.#current.then(() => {
      this.#following = null
      return this.#begin(work)
    })
    return this.#following
  }

  #begin(work: () => Promise<Result>): Promise<Result> {
    const round = work()
    const ended = () => {
      if (this.#current === current) this.#current = null
    }
    const current = round.then(ended, ended)
    this.#current = current
    return round
  }
}
