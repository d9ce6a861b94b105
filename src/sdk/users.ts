import { LIMITS } from '../protocol/limits.ts'
import type { User } from '../protocol/user.ts'
import type { Http } from './http.ts'
import type { Page } from './page.ts'

type Cached = { user: User; at: number }

/** Names change rarely; after this time a name is asked for again. */
const FRESH_MS = 5 * 60_000

/** Finding people, with a small cache. */
export class Users {
  readonly #http: Http
  readonly #now: () => number
  readonly #cache = new Map<number, Cached>()
  #batch: { ids: Set<number>; done: Promise<void> } | null = null

  constructor(http: Http, now: () => number) {
    this.#http = http
    this.#now = now
  }

  /** By the start of a name. */
  async search(query: string, options: { cursor?: string; limit?: number } = {}): Promise<Page<User>> {
    const { cursor, limit } = options
    const params = new URLSearchParams({ query })
    if (cursor !== undefined) params.set('cursor', cursor)
    if (limit !== undefined) params.set('limit', String(limit))
    const page = await this.#http.get<Page<User>>(`/v1/users?${params}`)
    this.#keep(page.items)
    return page
  }

  /** From the cache where that is fresh. `user.not_found`: there is none of this id. */
  async get(id: number): Promise<User> {
    const cached = this.#fresh(id)
    if (cached) return cached
    const user = await this.#http.get<User>(`/v1/users/${id}`)
    this.#keep([user])
    return user
  }

  /** Those of the ids that exist. Calls of one moment share a request. */
  async getMany(ids: readonly number[]): Promise<User[]> {
    const missing = ids.filter((id) => !this.#fresh(id))
    if (missing.length > 0) {
      this.#batch ??= this.#nextBatch()
      for (const id of missing) this.#batch.ids.add(id)
      await this.#batch.done
    }
    return ids.flatMap((id) => this.peek(id) ?? [])
  }

  /** What the cache holds, at once. */
  peek(id: number): User | undefined {
    return this.#cache.get(id)?.user
  }

  /** Whether that was asked for lately. */
  isFresh(id: number): boolean {
    return this.#fresh(id) !== undefined
  }

  #nextBatch(): { ids: Set<number>; done: Promise<void> } {
    const ids = new Set<number>()
    const done = Promise.resolve().then(async () => {
      this.#batch = null
      const all = [...ids]
      const starts = Array.from(
        { length: Math.ceil(all.length / LIMITS.idsPerRequest) },
        (_, i) => i * LIMITS.idsPerRequest,
      )
      await Promise.all(starts.map((start) => this.#load(all.slice(start, start + LIMITS.idsPerRequest))))
    })
    return { ids, done }
  }

  async #load(ids: number[]): Promise<void> {
    const { items } = await this.#http.get<Page<User>>(`/v1/users?ids=${ids.join(',')}`)
    this.#keep(items)
  }

  #keep(users: User[]): void {
    const at = this.#now()
    for (const user of users) this.#cache.set(user.id, { user, at })
  }

  #fresh(id: number): User | undefined {
    const cached = this.#cache.get(id)
    return cached && this.#now() - cached.at < FRESH_MS ? cached.user : undefined
  }
}
