type Deps = {
  tell: (type: 'typing.start' | 'typing.stop', conversationId: number) => void
  onChange: (conversationId: number) => void
  now: () => number
}

/** Without renewal somebody has stopped: the word of it may be lost. */
const EXPIRY_MS = 6_000
const RENEWAL_MS = 3_000

/** Who is typing, and saying so oneself. Nothing of it is stored anywhere. */
export class Typing {
  readonly #deps: Deps
  readonly #others = new Map<number, Map<number, ReturnType<typeof setTimeout>>>()
  readonly #toldAt = new Map<number, number>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  in(conversationId: number): number[] {
    return [...(this.#others.get(conversationId)?.keys() ?? [])]
  }

  /** Somebody else types, or stopped. */
  note(conversationId: number, userId: number, typing: boolean): void {
    const there = this.#others.get(conversationId) ?? new Map<number, ReturnType<typeof setTimeout>>()
    this.#others.set(conversationId, there)
    const known = there.has(userId)
    clearTimeout(there.get(userId))
    if (typing)
      there.set(
        userId,
        setTimeout(() => this.note(conversationId, userId, false), EXPIRY_MS),
      )
    else there.delete(userId)
    if (known !== typing) this.#deps.onChange(conversationId)
  }

  /** Tells the others, every few seconds at most. */
  start(conversationId: number): void {
    const now = this.#deps.now()
    if (now - (this.#toldAt.get(conversationId) ?? Number.NEGATIVE_INFINITY) < RENEWAL_MS) return
    this.#toldAt.set(conversationId, now)
    this.#deps.tell('typing.start', conversationId)
  }

  stop(conversationId: number): void {
    if (this.#toldAt.delete(conversationId)) this.#deps.tell('typing.stop', conversationId)
  }

  /** What was typed was sent: the message itself tells the others. */
  sent(conversationId: number): void {
    this.#toldAt.delete(conversationId)
  }

  clear(): void {
    const conversationIds = [...this.#others.keys()]
    for (const there of this.#others.values()) for (const timer of there.values()) clearTimeout(timer)
    this.#others.clear()
    this.#toldAt.clear()
    for (const conversationId of conversationIds) this.#deps.onChange(conversationId)
  }
}
