import { setTimeout as sleep } from 'node:timers/promises'

const PAUSES_MS = [1_000, 2_000, 5_000, 10_000, 20_000]
const TIMEOUT_MS = 120_000
/** As if the server had failed: both call for another try. */
const NO_ANSWER = 599

type Answer<Body> = { body: Body; isRepeated: boolean }

/** What a deployment refused, by its code. */
export class Refused extends Error {
  readonly code: string

  constructor(what: string, code: string) {
    super(`${what}: ${code}`)
    this.code = code
  }
}

/** A running server, and the right to read and write all of it: CAUSERIE_URL and BACKUP_TOKEN say which and by what. */
export class Deployment {
  readonly #url: string
  readonly #token: string

  constructor({ CAUSERIE_URL: url = '', BACKUP_TOKEN: token = '' }: NodeJS.ProcessEnv) {
    if (url === '' || token === '')
      throw new Error('Set CAUSERIE_URL to the address of the server, and BACKUP_TOKEN to what is set there.')
    this.#url = url
    this.#token = token
  }

  /** Insists on an answer. `isRepeated` says that an earlier try may have been heard. */
  async ask<Body>(method: string, path: string, json?: object): Promise<Answer<Body>> {
    for (let tries = 0; ; tries += 1) {
      const { status, body } = await this.#try(method, path, json)
      if (status >= 200 && status < 300) return { body: body as Body, isRepeated: tries > 0 }
      const pause = PAUSES_MS[tries]
      if (status < 500 || pause === undefined) throw new Refused(`${method} ${path}`, body?.code ?? 'no answer')
      await sleep(pause)
    }
  }

  async #try(method: string, path: string, json?: object): Promise<{ status: number; body: { code?: string } | null }> {
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' }
    const body = json === undefined ? null : JSON.stringify(json)
    try {
      const signal = AbortSignal.timeout(TIMEOUT_MS)
      const response = await fetch(new URL(path, this.#url), { method, headers, body, signal })
      const text = await response.text()
      return { status: response.status, body: text === '' ? null : (JSON.parse(text) as object) }
    } catch {
      return { status: NO_ANSWER, body: null }
    }
  }
}
