import type { PresenceReply } from '../protocol/events.ts'
import type { Presence } from '../protocol/user.ts'

type Deps = {
  ask: (userIds: number[]) => Promise<PresenceReply>
  onChange: (presence: Presence) => void
  now: () => number
}

/** Some do things without ever being online: they are not asked for at each of them. */
const LOOK_AGAIN_MS = 10_000

/** Who is online, of friends and of those who share a conversation with the user. */
export class PresenceList {
  readonly #known = new Map<number, Presence>()
  /** Of whom there was news since: one set for each question that is not answered yet. */
  readonly #asking = new Set<Set<number>>()
  readonly #lookedAt = new Map<number, number>()
  readonly #deps: Deps

  constructor(deps: Deps) {
    this.#deps = deps
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
    const told = new Set<number>()
    this.#asking.add(told)
    try {
      const { items } = await this.#deps.ask([...userIds])
      for (const presence of items) if (!told.has(presence.userId)) this.#hold(presence)
      return items
    } finally {
      this.#asking.delete(told)
    }
  }

  /** @internal */
  note(presence: Presence): void {
    for (const told of this.#asking) told.add(presence.userId)
    this.#hold(presence)
  }

  /**
   * @internal Somebody did something just now. Who was silent for a while may be held as offline, and nobody tells of the return. Not
   * everybody who does something is online, or may be seen so: the server knows.
   */
  stir(userId: number): void {
    const now = this.#deps.now()
    const lookedAt = this.#lookedAt.get(userId) ?? Number.NEGATIVE_INFINITY
    if (this.#known.get(userId)?.online !== false || now - lookedAt < LOOK_AGAIN_MS) return
    this.#lookedAt.set(userId, now)
    this.fetch([userId]).catch(() => {})
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
    this.#lookedAt.clear()
  }

  #hold(presence: Presence): void {
    const held = this.#known.get(presence.userId)
    const next = { ...presence, lastSeenAt: presence.lastSeenAt ?? held?.lastSeenAt ?? null }
    this.#known.set(presence.userId, next)
    if (held?.online !== next.online || held.lastSeenAt !== next.lastSeenAt) this.#deps.onChange(next)
  }
}
