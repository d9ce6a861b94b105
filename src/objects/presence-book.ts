import type { Presence } from '../protocol/user.ts'

/** So many are asked at most. */
export const MAX_PEERS = 200
const AT_ONCE = 25

/**
 * Who of this user's peers is online, and the telling of one's own coming and going. Kept in memory only: presence writes
 * nothing, and a hub that forgot asks again.
 */
export class PresenceBook {
  readonly #known = new Map<number, Presence>()
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

  get(userId: number): Presence | undefined {
    return this.#known.get(userId)
  }

  /** Notes what is known now; answers whether that is new. A hub that slept knows nothing, so what it hears is new to it. */
  note(presence: Presence): boolean {
    const before = this.#known.get(presence.userId)
    this.#known.set(presence.userId, presence)
    return before?.online !== presence.online
  }

  forget(): void {
    this.#known.clear()
    this.warm = false
  }

  /** Asks `exchange` of every peer, a few at a time; a hub that cannot be reached is left out. */
  async exchange(peers: number[], exchange: (userId: number) => Promise<Presence>): Promise<Presence[]> {
    const learned: Presence[] = []
    const list = peers.slice(0, MAX_PEERS)
    for (let i = 0; i < list.length; i += AT_ONCE) {
      const answers = await Promise.allSettled(list.slice(i, i + AT_ONCE).map(exchange))
      for (const answer of answers) if (answer.status === 'fulfilled') learned.push(answer.value)
    }
    return learned
  }
}
