import type { Block, Friend, FriendRequest, FriendRequestOutcome } from '../protocol/friend.ts'
import type { Http } from './http.ts'
import { type Page, pagePath } from './page.ts'

/**
 * Friends, requests to be friends, and blocks. What others do to them arrives as the events `friend.*`; after a reconnect the lists are
 * to be read again.
 */
export class Friends {
  readonly #http: Http

  constructor(http: Http) {
    this.#http = http
  }

  /** Friends, a page of them. */
  list(cursor?: string): Promise<Page<Friend>> {
    return this.#http.get(pagePath('/v1/friends', cursor))
  }

  /** Ends a friendship. */
  remove(userId: number): Promise<void> {
    return this.#http.send({ method: 'DELETE', path: `/v1/friends/${userId}` })
  }

  /** Open requests, those of the user and those to the user. */
  requests(cursor?: string): Promise<Page<FriendRequest>> {
    return this.#http.get(pagePath('/v1/friend-requests', cursor))
  }

  /** Asks somebody. Where they have asked already, the two are friends now. */
  ask(userId: number): Promise<FriendRequestOutcome> {
    return this.#http.post('/v1/friend-requests', { userId })
  }

  /** Says yes to a request; answers the friend. `friend_request.not_found`, `user.not_found` where who asked is gone. */
  accept(requestId: number): Promise<Friend> {
    return this.#http.post(`/v1/friend-requests/${requestId}/accept`)
  }

  /** Says no to a request. `friend_request.not_found`. */
  decline(requestId: number): Promise<void> {
    return this.#http.post(`/v1/friend-requests/${requestId}/decline`)
  }

  /** Takes back a request of one's own. */
  takeBack(requestId: number): Promise<void> {
    return this.#http.send({ method: 'DELETE', path: `/v1/friend-requests/${requestId}` })
  }

  /** Whom the user blocks, a page of them. */
  blocks(cursor?: string): Promise<Page<Block>> {
    return this.#http.get(pagePath('/v1/blocks', cursor))
  }

  /** Ends what was between the two, and keeps it so: no direct messages, requests, invitations or presence. */
  block(userId: number): Promise<Block> {
    return this.#http.send({ method: 'PUT', path: `/v1/blocks/${userId}` })
  }

  /** Takes a block back; where there is none, nothing happens. */
  unblock(userId: number): Promise<void> {
    return this.#http.send({ method: 'DELETE', path: `/v1/blocks/${userId}` })
  }
}
