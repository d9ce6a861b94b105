/** Typed listeners. One that throws is reported as an uncaught error and keeps no other from hearing. */
export class Emitter<Events extends object> {
  readonly #handlers = new Map<keyof Events, Set<(event: never) => void>>()

  /** Listens; the returned function stops it. */
  on<Type extends keyof Events>(type: Type, handler: (event: Events[Type]) => void): () => void {
    const handlers = this.#handlers.get(type) ?? new Set()
    this.#handlers.set(type, handlers)
    handlers.add(handler)
    return () => handlers.delete(handler)
  }

  emit<Type extends keyof Events>(type: Type, event: Events[Type]): void {
    for (const handler of new Set(this.#handlers.get(type))) {
      try {
        ;(handler as (event: Events[Type]) => void)(event)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
