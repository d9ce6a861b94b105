import type { Rates } from './inside/injector.ts'

type Kind = 'CONVERSATION' | 'USER_HUB'

/** The doors of the test build: what nobody could do to it from outside. */
export class Inside {
  readonly #url: string
  readonly #seed: number
  #starts = 0

  constructor(url: string, seed: number) {
    this.#url = `${url}/chaos`
    this.#seed = seed
  }

  /** From now on, until the server is started again, calls meet these faults. */
  async inject(rates: Partial<Rates>): Promise<void> {
    this.#starts += 1
    await this.#ask({ do: 'rates', rates, seed: this.#seed + this.#starts })
  }

  /** From now on, until the server is started again, its clock is so far before the right time, or behind it. */
  setClock(offsetMs: number): Promise<boolean> {
    return this.#ask({ do: 'clock', offsetMs })
  }

  /** Ends the life of one object; answers whether that was done. */
  end(how: 'object aborted' | 'object evicted', object: { kind: Kind; name: string }): Promise<boolean> {
    return this.#ask({ do: how === 'object aborted' ? 'abort' : 'evict', ...object })
  }

  async #ask(json: object): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(10_000)
      const response = await fetch(this.#url, { method: 'POST', body: JSON.stringify(json), signal })
      await response.body?.cancel()
      return response.ok
    } catch {
      // The server was killed meanwhile.
      return false
    }
  }
}
