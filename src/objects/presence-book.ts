import type { Presence } from '../protocol/user.ts'

/**
 * How a user stands, as that user's hub said. Calls and answers overtake each other: of two reports of one user the one with the greater
 * `asOf` (milliseconds by the clock of that hub) is the later.
 */
export type PresenceReport = Presence & { asOf: number }

/** So many are asked at most. */
export const MAX_PEERS = 200
const AT_ONCE = 25

/**
 * Who of this user's peers is online, and the telling of one's own coming and going. Kept in memory only: presence writes
 * nothing, and a hub that forgot asks again.
 */
export class PresenceBook {
  readonly #known = new Map<number, PresenceReport>()
  /** What the peers were last told. */
  announced: boolean
  /** Whether the peers were asked since this memory began. */
  warm = false

  constructor(announced: boolean) {
    this.announced = announced
  }

  online(): number[] {
    return [...this.#known.values()].flatMap((presence) => (presence.online ? [presence.userId] : []))
  }

  knows(userId: number): boolean {
    return this.#known.has(userId)
  }

  /** Notes a report; answers whether it is news. A hub that slept knows nothing, so what it hears is new to it. */
  note(report: PresenceReport): boolean {
    const before = this.#known.get(report.userId)
    if (before && before.asOf > report.asOf) return false
    this.#known.set(report.userId, report)
    return before?.online !== report.online
  }

  /** A peer is out of sight; answers whether it was seen as online. */
  lose(userId: number): boolean {
    const before = this.#known.get(userId)
    if (!before?.online) return false
    this.#known.set(userId, { ...before, online: false })
    return true
  }

  forget(): void {
    this.#known.clear()
    this.warm = false
  }

  /** Asks `exchange` of every peer, a few at a time; a hub that cannot be reached is left out. */
  async exchange(peers: number[], exchange: (userId: number) => Promise<PresenceReport>): Promise<PresenceReport[]> {
    const learned: PresenceReport[] = []
    const list = peers.slice(0, MAX_PEERS)
    for (let i = 0; i < list.length; i += AT_ONCE) {
      const answers = await Promise.allSettled(list.slice(i, i + AT_ONCE).map(exchange))
      for (const answer of answers) if (answer.status === 'fulfilled') learned.push(answer.value)
    }
    return learned
  }
}
