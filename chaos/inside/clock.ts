/** A clock that can be put wrong: whatever the objects of the isolate take from `Date`. The runtime itself keeps the right time. */
export class Clock {
  #offsetMs = 0
  readonly #right = Date.now.bind(Date)

  constructor() {
    const now = (): number => this.#right() + this.#offsetMs
    globalThis.Date = new Proxy(Date, {
      get: (target, property) => (property === 'now' ? now : (Reflect.get(target, property) as unknown)),
      construct: (target, args: unknown[], newTarget) =>
        Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget) as Date,
    })
  }

  /** Puts it so far before the right time, or behind it. */
  set(offsetMs: number): void {
    this.#offsetMs = offsetMs
    if (offsetMs !== 0) console.log(JSON.stringify({ event: 'injected: clock put wrong' }))
  }

  /** Has an alarm ring after the time that was meant. */
  keep(storage: DurableObjectStorage): void {
    const setAlarm = storage.setAlarm.bind(storage)
    storage.setAlarm = (time) => setAlarm(Number(time) - this.#offsetMs)
  }
}
