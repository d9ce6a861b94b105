import { circleOf } from '../directory/circle.ts'
import { openDirectory } from '../directory/directory.ts'
import type { CircleStanding } from './hub-schema.ts'
import type { HubStore } from './hub-store.ts'

/** Who is a friend of this user, and who is hidden by a block: a copy of what the directory says, read anew when that changed. */
export class Circle {
  readonly #env: Env
  readonly #userId: number
  readonly #store: HubStore
  #standings: Map<number, CircleStanding>
  #read: Promise<unknown> = Promise.resolve()

  constructor(env: Env, hub: { userId: number; store: HubStore }) {
    this.#env = env
    this.#userId = hub.userId
    this.#store = hub.store
    this.#standings = hub.store.circle()
  }

  friends(): number[] {
    return [...this.#standings].flatMap(([userId, standing]) => (standing === 'friend' ? [userId] : []))
  }

  /** Neither of the two is to see whether the other is here. */
  hides(userId: number): boolean {
    return this.#standings.get(userId) === 'hidden'
  }

  /** One reading at a time: an older answer must not come after a newer one. */
  refresh(): Promise<void> {
    const read = this.#read.then(async () => this.#replace(await this.#ask()))
    this.#read = read.catch(() => undefined)
    return read
  }

  async #ask(): Promise<Map<number, CircleStanding>> {
    const { friends, hidden } = await circleOf(openDirectory(this.#env), this.#userId)
    const standings = new Map<number, CircleStanding>(friends.map((userId) => [userId, 'friend']))
    for (const userId of hidden) standings.set(userId, 'hidden')
    return standings
  }

  /** Writes what differs, for a row written is what costs. */
  #replace(standings: Map<number, CircleStanding>): void {
    for (const userId of this.#standings.keys()) if (!standings.has(userId)) this.#store.leaveCircle(userId)
    for (const [userId, standing] of standings) {
      if (this.#standings.get(userId) !== standing) this.#store.putInCircle(userId, standing)
    }
    this.#standings = standings
  }
}
