import type { Answer } from './batch.ts'

/** Which of its posts to a conversation a hub makes: `hub` is one life of it, and `n` grows with each. Another try has the same. */
export type Turn = { hub: string; n: number }

/**
 * Knows tries by their turn: those that come late, and those that come again. One that its hub gave up may be under way still; run after later
 * ones, or after what others did since, it would undo that. A conversation that starts anew knows none: what was under way to its earlier
 * life ended with that.
 */
export class Turns {
  readonly #last = new Map<number, Turn & { answers: Answer[] | null }>()

  /**
   * Takes the turn of this user's hub. Answers null where its orders are to be performed, what they were answered where that was noted, and
   * `late` where a later one was taken already.
   */
  take(userId: number, { hub, n }: Turn): Answer[] | 'late' | null {
    const last = this.#last.get(userId)
    if (last?.hub === hub && n < last.n) return 'late'
    if (last?.hub === hub && n === last.n) return last.answers
    this.#last.set(userId, { hub, n, answers: null })
    return null
  }

  /** Notes what the orders of this turn, which was taken, were answered. */
  note(userId: number, { hub, n }: Turn, answers: Answer[]): void {
    const last = this.#last.get(userId)
    if (last?.hub === hub && last.n === n) last.answers = answers
  }
}
