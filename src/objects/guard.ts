/**
 * An alarm that is set before a burst of deliveries and taken back after it, so that whatever a crash interrupts is taken up
 * again. Setting and deleting it is a row each per burst, not per message.
 */
export class Guard {
  static readonly DELAY_MS = 10_000
  static readonly #LULL_MS = 1_000

  readonly #storage: DurableObjectStorage
  readonly #isSettled: () => boolean
  readonly #isWaiting: () => boolean
  #armed: boolean
  #lull: ReturnType<typeof setTimeout> | null = null
  #activeAt = 0

  /**
   * `isAlarmSet` says that an earlier life set the alarm and did not take it back. `isWaiting` is asked every second while not all is settled,
   * and says whether to ask again.
   */
  constructor(
    storage: DurableObjectStorage,
    options: { isAlarmSet: boolean; isSettled: () => boolean; isWaiting: () => boolean },
  ) {
    this.#storage = storage
    this.#isSettled = options.isSettled
    this.#isWaiting = options.isWaiting
    this.#armed = options.isAlarmSet
  }

  /** `delayMs` counts where it is not armed yet. */
  arm(delayMs = Guard.DELAY_MS): void {
    this.#activeAt = Date.now()
    if (!this.#lull) this.#waitForLull(Guard.#LULL_MS)
    if (this.#armed) return
    this.#armed = true
    void this.#storage.setAlarm(Date.now() + delayMs)
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
    if (!this.#armed) return
    if (!this.#isSettled()) {
      // What is under way now settles once more.
      if (this.#isWaiting()) this.#waitForLull(Guard.#LULL_MS)
      return
    }
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
