/** Which of its posts to a conversation a hub makes: `hub` is one life of it, and `n` grows with each. Another try has the same. */
export type Turn = { hub: string; n: number }

/**
 * Knows late tries by their turn. One that its hub gave up may be under way still; run after later ones, it would undo what they did.
 * A conversation that starts anew knows none: what was under way to its earlier life ended with that.
 */
export class Turns {
  readonly #last = new Map<number, Turn>()

  /** Takes the turn of this user's hub; answers false where a later one was taken already. */
  take(userId: number, { hub, n }: Turn): boolean {
    const last = this.#last.get(userId)
    if (last?.hub === hub && n < last.n) return false
    this.#last.set(userId, { hub, n })
    return true
  }
}
