import type { Invitation } from '../protocol/invitation.ts'
import type { Http } from './http.ts'
import { type Page, pagePath } from './page.ts'

/** Asking people into conversations. Answers arrive as `invitation.answered`. */
export class Invitations {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Those of the user and those to the user, newest first. */
  list(cursor?: string): Promise<Page<Invitation>> {
    return this.#http.get(pagePath('/v1/invitations', cursor))
  }

  /** Into a group that the user leads, or without `conversationId` into a direct conversation, which accepting opens. */
  invite(input: { userId: number; conversationId?: number; message?: string }): Promise<Invitation> {
    return this.#http.post('/v1/invitations', input)
  }

  /** The answer names the conversation. */
  accept(id: number): Promise<Invitation> {
    return this.#http.post(`/v1/invitations/${id}/accept`)
  }

  /** Says no to one. `invitation.not_found`, `invitation.answered`. */
  decline(id: number): Promise<Invitation> {
    return this.#http.post(`/v1/invitations/${id}/decline`)
  }
}
