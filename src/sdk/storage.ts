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

/** `localStorage`, every key with a prefix; memory where the browser forbids it. */
export const browserStorage = (prefix = 'causerie.'): KeyValueStore => {
  const local = usableLocalStorage(`${prefix}probe`)
  if (!local) return memoryStorage()
  return {
    get: (key) => local.getItem(prefix + key),
    set: (key, value) => local.setItem(prefix + key, value),
    delete: (key) => local.removeItem(prefix + key),
  }
}

// Reading the property alone throws where cookies are blocked; a full or private store throws on writing.
const usableLocalStorage = (probe: string): Storage | null => {
  try {
    localStorage.setItem(probe, '1')
    localStorage.removeItem(probe)
    return localStorage
  } catch {
    return null
  }
}
