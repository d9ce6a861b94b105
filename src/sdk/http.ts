import { CauserieError } from './errors.ts'
import type { Tokens } from './tokens.ts'
import type { Call, Transport } from './transport.ts'

/** Requests as the user who is signed in. A token that ran out on the way is renewed and the request made again, once. */
export class Http {
  readonly #transport: Transport
  readonly #tokens: Tokens

  constructor(transport: Transport, tokens: Tokens) {
    this.#transport = transport
    this.#tokens = tokens
  }

  get<Answer>(path: string): Promise<Answer> {
    return this.send({ method: 'GET', path })
  }

  post<Answer>(path: string, json?: unknown): Promise<Answer> {
    return this.send({ method: 'POST', path, json })
  }

  async send<Answer>(call: Call): Promise<Answer> {
    const token = await this.#tokens.access()
    try {
      return await this.#transport<Answer>({ ...call, token })
    } catch (error) {
      if (!isStaleToken(error)) return this.#refused(error, token)
    }
    const renewed = await this.#tokens.renew(token)
    return this.#transport<Answer>({ ...call, token: renewed }).catch((error: unknown) => this.#refused(error, renewed))
  }

  async #refused(error: unknown, token: string): Promise<never> {
    if (error instanceof CauserieError && error.code === 'session.revoked') await this.#tokens.lose(error.code, token)
    throw error
  }
}

const isStaleToken = (error: unknown): boolean =>
  error instanceof CauserieError && (error.code === 'token.expired' || error.code === 'token.invalid')
