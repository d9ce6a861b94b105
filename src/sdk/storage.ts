/** Where the client keeps what must survive a reload: tokens and the outbox. */
export type KeyValueStore = {
  get(key: string): string | null | Promise<string | null>
  set(key: string, value: string): void | Promise<void>
  delete(key: string): void | Promise<void>
}

/** Forgets everything with the page. */
export const memoryStorage = (): KeyValueStore => {
  const values = new Map<string, string>()
  return {
    get: (key) => values.get(key) ?? null,
    set: (key, value) => void values.set(key, value),
    delete: (key) => void values.delete(key),
  }
}

/** `localStorage`, every key with a prefix; memory where the browser forbids it, and for what there is no room for. */
export const browserStorage = (prefix = 'causerie.'): KeyValueStore => {
  const local = readableLocalStorage()
  const memory = memoryStorage()
  if (!local) return memory
  return {
    get: async (key) => (await memory.get(key)) ?? local.getItem(prefix + key),
    set: (key, value) => {
      try {
        local.setItem(prefix + key, value)
        return memory.delete(key)
      } catch {
        // What was there before would be taken for this by the next page.
        local.removeItem(prefix + key)
        return memory.set(key, value)
      }
    },
    delete: (key) => {
      local.removeItem(prefix + key)
      return memory.delete(key)
    },
  }
}

// Reading the property alone throws where cookies are blocked.
const readableLocalStorage = (): Storage | null => {
  try {
    localStorage.getItem('')
    return localStorage
  } catch {
    return null
  }
}
