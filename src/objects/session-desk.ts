import { askDirectory } from './ask-directory.ts'
import { sha256 } from '../directory/secrets.ts'
import { liveSession } from '../directory/sessions.ts'
import { newTicket, TICKET_LIFE_MS } from '../directory/tickets.ts'
import { logFault } from '../directory/faults.ts'
import type { Ticket } from '../protocol/auth.ts'
import type { HubStore } from './hub-store.ts'
import type { LiveSocket, LiveSockets } from './live-sockets.ts'

/** Who ends a session says so to the hub at once; where that call was lost, the sockets are closed within this time. */
const VET_MS = 60_000
/** A directory that does not answer is not asked at once by whatever comes next. */
const VET_AGAIN_MS = 10_000

type Deps = {
  userId: number
  env: Env
  store: HubStore
  sockets: LiveSockets
  /** Closes the sockets whose session is among the ended. */
  endSockets: (ended: (sessionId: string) => boolean) => void
  waitUntil: (work: Promise<void>) => void
}

/** The user's auth sessions, as far as sockets and their tickets are of them. */
export class SessionDesk {
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
  }

  async issueTicket(sessionId: string): Promise<Ticket> {
    const { env, userId, store } = this.#deps
    const ticket = await newTicket(env, userId)
    const now = Date.now()
    store.putTicket({ hash: await sha256(ticket), sessionId, expiresAt: now + TICKET_LIFE_MS }, now)
    return { ticket, expiresIn: TICKET_LIFE_MS / 1000 }
  }

  end(sessionIds: string[]): void {
    for (const sessionId of sessionIds) this.#deps.store.endSession(sessionId, Date.now())
    this.#deps.endSockets((id) => sessionIds.includes(id))
  }

  endAll(): void {
    const { store, sockets } = this.#deps
    this.end([...new Set([...sockets.sessionIds(), ...store.ticketSessions(Date.now())])])
  }

  hasEnded(sessionId: string): boolean {
    return this.#deps.store.hasEnded(sessionId)
  }

  /** Whose session an upgrade is of, by its ticket or by the header that the worker sets; null where it is not good any more. */
  async sessionOf(request: Request): Promise<string | null> {
    const ticket = request.headers.get('x-causerie-ticket')
    if (ticket !== null) return this.#deps.store.takeTicket(await sha256(ticket), Date.now())
    const sessionId = request.headers.get('x-causerie-session')
    return sessionId === null || this.hasEnded(sessionId) ? null : sessionId
  }

  /** When the session of this socket ends by itself; null where it is over, and with it all its sockets. */
  async expiryOf({ sessionId }: LiveSocket): Promise<number | null> {
    const session = await askDirectory(this.#deps.env, (db) => liveSession(db, sessionId, Date.now()))
    if (session?.userId === this.#deps.userId) return session.expiresAt
    this.end([sessionId])
    return null
  }

  /** Asks the directory once a minute, while something happens, whether the sessions of the sockets are still good. */
  vet(now: number): void {
    const unvetted = this.#deps.sockets.takeUnvetted(now - VET_MS, now)
    if (unvetted.length > 0) this.#deps.waitUntil(this.#endThoseThatAreOver(unvetted))
  }

  async #endThoseThatAreOver(unvetted: LiveSocket[]): Promise<void> {
    for (const [, sockets] of Map.groupBy(unvetted, (socket) => socket.sessionId)) {
      const [socket] = sockets
      try {
        if (socket) await this.expiryOf(socket)
      } catch (error) {
        const again = Date.now() - VET_MS + VET_AGAIN_MS * (1 + Math.random())
        for (const each of sockets) each.vettedAt = again
        logFault('session.unvetted', error, { level: 'warn', userId: this.#deps.userId })
      }
    }
  }
}
