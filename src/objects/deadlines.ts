/** How often it is looked who waits too long. The object is awake until the next look, which is billed. */
const BEAT_MS = 250

type Deadline = { beats: number; over: () => void }

/**
 * Waits that end in time, of one object. A timer of its own for each, set and taken back, would leave a quarter of a kilobyte in the memory of
 * the runtime (workerd 2026-11-17) until the object rests: so one timer, which is left to fire, looks after all. It counts its beats, for a
 * clock may be put back.
 */
export class Deadlines {
  readonly #pending = new Set<Deadline>()
  #isBeating = false

  /** Calls `over` after so many milliseconds or up to a beat sooner, unless what this returns is called before. */
  set(ms: number, over: () => void): () => void {
    const deadline = { beats: Math.ceil(ms / BEAT_MS), over }
    this.#pending.add(deadline)
    if (!this.#isBeating) this.#beat()
    return () => void this.#pending.delete(deadline)
  }

  #beat(): void {
    this.#isBeating = true
    setTimeout(() => {
      this.#isBeating = false
      for (const deadline of this.#pending) deadline.beats -= 1
      const over = [...this.#pending].filter(({ beats }) => beats <= 0)
      // One of them may take back another.
      for (const deadline of over) if (this.#pending.delete(deadline)) deadline.over()
      if (this.#pending.size > 0 && !this.#isBeating) this.#beat()
    }, BEAT_MS)
  }
}
