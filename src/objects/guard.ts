/**
 * An alarm that is set before a burst of deliveries and taken back after it, so that whatever a crash interrupts is taken up
 * again. Setting and deleting it is a row each per burst, not per message.
 */
export class Guard {
  static readonly DELAY_MS = 10_000
  static readonly #LULL_MS = 1_000

  readonly #storage: DurableObjectStorage
  readonly #isSettled: () => boolean
  #armed: boolean
  #lull: ReturnType<typeof setTimeout> | null = null
  #activeAt = 0

  /** `standing` says that an earlier life set the alarm and did not take it back. */
  constructor(storage: DurableObjectStorage, options: { standing: boolean; isSettled: () => boolean }) {
    this.#storage = storage
    this.#isSettled = options.isSettled
    this.#armed = options.standing
  }

  arm(): void {
    this.#activeAt = Date.now()
    if (this.#armed) return
    this.#armed = true
    void this.#storage.setAlarm(Date.now() + Guard.DELAY_MS)
  }

  /** Everything is delivered: once nothing new came for a moment, the alarm is not needed. */
  settle(): void {
    this.#activeAt = Date.now()
    if (!this.#lull && this.#armed) this.#waitForLull(Guard.#LULL_MS)
  }

  /** One timer waits for the end of a burst, however many messages there are in it. */
  #waitForLull(ms: number): void {
    this.#lull = setTimeout(() => this.#mayDisarm(), ms)
  }

  #mayDisarm(): void {
    this.#lull = null
    // What is under way now settles once more.
    if (!this.#armed || !this.#isSettled()) return
    const rest = this.#activeAt + Guard.#LULL_MS - Date.now()
    if (rest > 0) return this.#waitForLull(Math.min(rest, Guard.#LULL_MS))
    this.#armed = false
    void this.#storage.deleteAlarm()
  }

  /** To be called when the alarm fires. Answers whether this life knew of it: if not, it is an earlier one's work that is to be taken up. */
  fired(): boolean {
    const isKnown = this.#armed
    this.#armed = false
    return isKnown
  }
}
