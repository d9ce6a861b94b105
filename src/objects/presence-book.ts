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
  /** Whether all peers were asked since this memory began. */
  warm = false

  online(): number[] {
    return [...this.#known.values()].flatMap((presence) => (presence.online ? [presence.userId] : []))
  }

  knows(userId: number): boolean {
    return this.#known.has(userId)
  }

  seesOnline(userId: number): boolean {
    return this.#known.get(userId)?.online ?? false
  }

  /** Notes a report; answers whether it is news. A hub that slept knows nothing, so what it hears is new to it. */
  note(report: PresenceReport): boolean {
    const before = this.#known.get(report.userId)
    if (before && before.asOf > report.asOf) return false
    this.#known.set(report.userId, report)
    return before?.online !== report.online
  }

  /** A peer is out of sight; answers whether it may have been seen as online. */
  lose(userId: number): boolean {
    const before = this.#known.get(userId)
    // Of whom it told, a hub that slept knows no more.
    if (before && !before.online) return false
    if (before) this.#known.set(userId, { ...before, online: false })
    return true
  }

  forget(): void {
    this.#known.clear()
    this.warm = false
  }

  /** Asks `exchange` of every peer, a few at a time. `missed` are those that could not be reached. */
  async exchange(
    peers: number[],
    exchange: (userId: number) => Promise<PresenceReport>,
  ): Promise<{ reports: PresenceReport[]; missed: number[] }> {
    const reports: PresenceReport[] = []
    const missed: number[] = []
    const list = peers.slice(0, MAX_PEERS)
    for (let i = 0; i < list.length; i += AT_ONCE) {
      const asked = list.slice(i, i + AT_ONCE)
      const answers = await Promise.allSettled(asked.map(exchange))
      answers.forEach((answer, at) => {
        if (answer.status === 'fulfilled') reports.push(answer.value)
        else missed.push(asked[at] ?? 0)
      })
    }
    return { reports, missed }
  }
}
