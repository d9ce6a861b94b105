import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../harness/random.ts'
import { askUntilDone } from './ask-until-done.ts'
import type { Somebody, World } from './clients.ts'
import type { History } from './history.ts'
import { register } from './person.ts'
import type { WireEntry } from './wire.ts'

/** Of those who are there, so many are in each group. */
const GUESTS = 3
/** About as long as one takes on a busy server. */
const LASTS_MS = 400

/**
 * Newcomers who register and open groups while everything fails. Once one is there, its guests talk in it as in any other conversation, and in
 * the end everybody who is in it must find it, and nobody anything else.
 */
export class Openings {
  readonly #world: World
  readonly #history: History
  readonly #base: string
  readonly #random: Random
  /** How many people there were before. */
  readonly #before: number
  readonly #underWay = new Set<Promise<void>>()
  #begun = 0

  constructor(options: { world: World; history: History; base: string; random: Random }) {
    this.#world = options.world
    this.#history = options.history
    this.#base = options.base
    this.#random = options.random
    this.#before = options.world.people.length
  }

  get begun(): number {
    return this.#begun
  }

  /** Begins one. Resolves at some moment of it. */
  async begin(): Promise<void> {
    this.#begun += 1
    const done = this.#open(this.#begun).finally(() => this.#underWay.delete(done))
    this.#underWay.add(done)
    await sleep(this.#random.between(0, LASTS_MS))
  }

  /** Resolves when everything that was begun is over. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay)
  }

  async #open(number: number): Promise<void> {
    const { people, members } = this.#world
    const guests = this.#random.sample(
      people.filter(({ devices }) => devices.length > 0),
      GUESTS,
    )
    const founder: Somebody = { ...(await register(this.#base, this.#before + number)), devices: [] }
    people.push(founder)
    const memberIds = guests.map(({ person }) => person.id)
    const group = { clientId: `opened-${number}`, memberIds }
    // The second time as somebody does who had no answer: it is the same group, and the checker looks whether it is.
    await this.#ask(founder, group)
    const c = await this.#ask(founder, group)
    members.set(c, [founder.person.id, ...memberIds])
    this.#history.write({ e: 'conversation', c, memberIds: [founder.person.id, ...memberIds] })
  }

  /** Answers the number of the conversation. */
  async #ask(founder: Somebody, { clientId, memberIds }: { clientId: string; memberIds: number[] }): Promise<number> {
    const where = { base: this.#base, history: this.#history }
    const json = { kind: 'group', title: `Group ${clientId}`, memberIds, clientId }
    const { body } = await askUntilDone<WireEntry>(where, founder, {
      doing: { do: 'open', clientId, memberIds },
      request: { method: 'POST', path: '/v1/conversations', json },
      told: ({ conversation }) => ({ id: conversation.id }),
    })
    if (!body) throw new Error(`${clientId} was opened, and nobody was told`)
    return body.conversation.id
  }
}
