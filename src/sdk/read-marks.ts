import { CauserieError, isTransient } from './errors.ts'

type Deps = {
  /** Where the user's mark stands, as far as is known. */
  readSeq: (conversationId: number) => number
  isOnline: () => boolean
  send: (conversationId: number, seq: number) => Promise<unknown>
}

/** Scrolling through a conversation marks many messages; one command a moment later tells it all. */
const COALESCE_MS = 150
/** After a mark that was not answered though there is a connection. */
const AGAIN_S = 5

/** The read marks that the user set and the server does not know yet. */
export class ReadMarks {
  readonly #deps: Deps
  readonly #wanted = new Map<number, number>()
  readonly #busy = new Set<number>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  mark(conversationId: number, seq: number): void {
    if (seq <= this.#deps.readSeq(conversationId) || seq <= (this.#wanted.get(conversationId) ?? 0)) return
    this.#wanted.set(conversationId, seq)
    this.#later(conversationId)
  }

  /** There is a connection: tells what waits. */
  resume(): void {
    for (const conversationId of this.#wanted.keys()) this.#later(conversationId)
  }

  clear(): void {
    this.#wanted.clear()
  }

  #later(conversationId: number): void {
    if (this.#busy.has(conversationId)) return
    this.#busy.add(conversationId)
    setTimeout(() => void this.#tell(conversationId), COALESCE_MS)
  }

  async #tell(conversationId: number): Promise<void> {
    const seq = this.#wanted.get(conversationId)
    let told = false
    let retryAfter: number | undefined
    if (seq !== undefined && this.#deps.isOnline()) {
      try {
        await this.#deps.send(conversationId, seq)
        told = true
      } catch (error) {
        // A mark that may not be set is not worth a second try.
        told = error instanceof CauserieError && !isTransient(error.code)
        if (!told) retryAfter = (error instanceof CauserieError ? error.retryAfter : undefined) ?? AGAIN_S
      }
    }
    this.#busy.delete(conversationId)
    if (retryAfter !== undefined) setTimeout(() => this.#later(conversationId), retryAfter * 1_000)
    if (!told) return
    if (this.#wanted.get(conversationId) === seq) this.#wanted.delete(conversationId)
    else this.#later(conversationId)
  }
}
