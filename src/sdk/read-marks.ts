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
  readonly #sending = new Set<number>()
  readonly #timers = new Map<number, ReturnType<typeof setTimeout>>()

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
    this.#stopTimers()
    for (const conversationId of this.#wanted.keys()) this.#later(conversationId)
  }

  clear(): void {
    this.#stopTimers()
    this.#wanted.clear()
  }

  #later(conversationId: number, ms = COALESCE_MS): void {
    if (!this.#wanted.has(conversationId)) return
    if (this.#sending.has(conversationId) || this.#timers.has(conversationId)) return
    const tell = () => {
      this.#timers.delete(conversationId)
      void this.#tell(conversationId)
    }
    this.#timers.set(conversationId, setTimeout(tell, ms))
  }

  #stopTimers(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  async #tell(conversationId: number): Promise<void> {
    const seq = this.#wanted.get(conversationId)
    if (seq === undefined || !this.#deps.isOnline()) return
    this.#sending.add(conversationId)
    let pauseS: number | null = null
    try {
      await this.#deps.send(conversationId, seq)
    } catch (error) {
      // A mark that may not be set is not worth a second try.
      const isRefused = error instanceof CauserieError && !isTransient(error.code)
      if (!isRefused) pauseS = (error instanceof CauserieError ? error.retryAfter : undefined) ?? AGAIN_S
    }
    this.#sending.delete(conversationId)
    if (pauseS !== null) return this.#later(conversationId, pauseS * 1_000)
    if (this.#wanted.get(conversationId) === seq) this.#wanted.delete(conversationId)
    this.#later(conversationId)
  }
}
