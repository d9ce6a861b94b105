import type { Answer } from './batch.ts'

/** Which of its posts to a conversation a hub makes: `hub` is one life of it, and `n` grows with each. Another try has the same. */
export type Turn = { hub: string; n: number }

/** What is kept of all answers together. Most are a few words; the members of a large group are the largest. */
const MAX_CHARACTERS = 16 * 1024 * 1024

/**
 * Knows tries by their turn: those that come late, and those that come again. One that its hub gave up may be under way still; run after later
 * ones, or after what others did since, it would undo that. A conversation that starts anew knows none: what was under way to its earlier
 * life ended with that.
 */
export class Turns {
  readonly #last = new Map<number, Turn & { answers: Answer[] | null; characters: number }>()
  #characters = 0

  /**
   * Takes the turn of this user's hub. Answers null where its orders are to be performed, `again` where they are to be performed once more,
   * what they were answered where that was noted, and `late` where a later one was taken already.
   */
  take(userId: number, { hub, n }: Turn): Answer[] | 'again' | 'late' | null {
    const last = this.#last.get(userId)
    if (last?.hub === hub && n < last.n) return 'late'
    if (last?.hub === hub && n === last.n) return last.answers ?? 'again'
    this.#characters -= last?.characters ?? 0
    this.#last.set(userId, { hub, n, answers: null, characters: 0 })
    return null
  }

  /** Notes what the orders of this turn, which was taken, were answered: so many characters. Where that is one too many, nothing is noted. */
  note(userId: number, { hub, n }: Turn, noted: { answers: Answer[]; characters: number }): void {
    const last = this.#last.get(userId)
    if (last?.hub !== hub || last.n !== n || this.#characters + noted.characters > MAX_CHARACTERS) return
    Object.assign(last, noted)
    this.#characters += noted.characters
  }
}
