import { circleOf } from '../directory/circle.ts'
import { askDirectory } from './ask-directory.ts'
import type { CircleRelation } from './hub-schema.ts'
import type { HubStore } from './hub-store.ts'

/** Who is a friend of this user, and who is hidden by a block: a copy of what the directory says, read anew when that changed. */
export class Circle {
  readonly #env: Env
  readonly #userId: number
  readonly #store: HubStore
  #relations: Map<number, CircleRelation>
  #read: Promise<unknown> = Promise.resolve()

  constructor(env: Env, hub: { userId: number; store: HubStore }) {
    this.#env = env
    this.#userId = hub.userId
    this.#store = hub.store
    this.#relations = hub.store.circle()
  }

  friends(): number[] {
    return [...this.#relations].flatMap(([userId, relation]) => (relation === 'friend' ? [userId] : []))
  }

  /** Neither of the two is to see whether the other is here. */
  hides(userId: number): boolean {
    return this.#relations.get(userId) === 'hidden'
  }

  /** One reading at a time: an older answer must not come after a newer one. */
  refresh(): Promise<void> {
    const read = this.#read.then(async () => this.#replace(await this.#ask()))
    this.#read = read.catch(() => undefined)
    return read
  }

  async #ask(): Promise<Map<number, CircleRelation>> {
    const { friends, hidden } = await askDirectory(this.#env, (db) => circleOf(db, this.#userId))
    const relations = new Map<number, CircleRelation>(friends.map((userId) => [userId, 'friend']))
    for (const userId of hidden) relations.set(userId, 'hidden')
    return relations
  }

  /** Writes what differs, for a row written is what costs. */
  #replace(relations: Map<number, CircleRelation>): void {
    for (const userId of this.#relations.keys()) if (!relations.has(userId)) this.#store.leaveCircle(userId)
    for (const [userId, relation] of relations) {
      if (this.#relations.get(userId) !== relation) this.#store.putInCircle(userId, relation)
    }
    this.#relations = relations
  }
}
