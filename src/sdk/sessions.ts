import type { AuthSession } from '../protocol/auth.ts'
import type { Http } from './http.ts'

/** The devices that are signed in. */
export class Sessions {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Those that are live, last used first; `current` is the one that asks. */
  async list(): Promise<AuthSession[]> {
    const { items } = await this.#http.get<{ items: AuthSession[] }>('/v1/auth/sessions')
    return items
  }

  /** Signs one of them out. */
  end(id: string): Promise<void> {
    return this.#http.send({ method: 'DELETE', path: `/v1/auth/sessions/${encodeURIComponent(id)}` })
  }
}
