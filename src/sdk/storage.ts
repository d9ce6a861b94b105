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

/** `localStorage`, every key with a prefix; memory where the browser forbids it. A full one throws on writing. */
export const browserStorage = (prefix = 'causerie.'): KeyValueStore => {
  const local = readableLocalStorage()
  if (!local) return memoryStorage()
  return {
    get: (key) => local.getItem(prefix + key),
    set: (key, value) => local.setItem(prefix + key, value),
    delete: (key) => local.removeItem(prefix + key),
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
