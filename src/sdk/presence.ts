import type { PresenceReply } from '../protocol/events.ts'
import type { Presence } from '../protocol/user.ts'

/** Who is online, of friends and of those who share a conversation with the user. */
export class PresenceList {
  readonly #known = new Map<number, Presence>()
  readonly #ask: (userIds: number[]) => Promise<PresenceReply>
  readonly #onChange: (presence: Presence) => void

  constructor(deps: { ask: (userIds: number[]) => Promise<PresenceReply>; onChange: (presence: Presence) => void }) {
    this.#ask = deps.ask
    this.#onChange = deps.onChange
  }

  isOnline(userId: number): boolean {
    return this.#known.get(userId)?.online ?? false
  }

  /** What is known of somebody. */
  get(userId: number): Presence | undefined {
    return this.#known.get(userId)
  }

  /** Asks the server; needs a connection. */
  async fetch(userIds: readonly number[]): Promise<Presence[]> {
    const { items } = await this.#ask([...userIds])
    for (const presence of items) this.note(presence)
    return items
  }

  /** @internal */
  note(presence: Presence): void {
    const held = this.#known.get(presence.userId)
    const next = { ...presence, lastSeenAt: presence.lastSeenAt ?? held?.lastSeenAt ?? null }
    this.#known.set(presence.userId, next)
    if (held?.online !== next.online || held.lastSeenAt !== next.lastSeenAt) this.#onChange(next)
  }

  /** @internal Who is online as a connection begins: these, and nobody else. */
  greet(online: number[]): void {
    const now = new Set(online)
    for (const userId of this.#known.keys())
      if (!now.has(userId)) this.note({ userId, online: false, lastSeenAt: null })
    for (const userId of now) this.note({ userId, online: true, lastSeenAt: null })
  }

  /** @internal */
  clear(): void {
    this.#known.clear()
  }
}
