const PAUSES_MS = [0, 100, 500]

/** Calls an object, again if need be: one that restarts breaks the call under way, and the next call finds it up again. */
export const insist = async <Result>(call: () => Promise<Result>): Promise<Result> => {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      const pause = PAUSES_MS[attempt]
      if (pause === undefined || isOverloaded(error)) throw error
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}

/** An overloaded object must not be called again: that is what overloads it. */
export const isOverloaded = (error: unknown): boolean => Reflect.get(Object(error), 'overloaded') === true
