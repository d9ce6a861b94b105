import { newBudget, spend } from '../core/rate.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import { MAX_PEERS } from './presence-book.ts'

const WINDOW_MS = 10_000
/** To open a socket costs much more than a command. */
const COMMANDS_PER_OPENING = 5
/** To ask so many others how they stand costs as much as a command. */
const ASKED_PER_COMMAND = 10

/** What one user may ask of the server in a while, over all sockets and REST. */
export class Budgets {
  readonly #env: Env
  readonly #commands = newBudget()
  readonly #openings = newBudget()

  constructor(env: Env) {
    this.#env = env
  }

  /** Takes so many commands; answers the refusal where nothing is left. */
  spend(price = 1): Refusal | null {
    const wait = this.#take(this.#commands, this.#limit, price)
    return wait > 0 ? refuse('rate.limited', { retryAfter: wait }) : null
  }

  /** Takes the opening of a socket; answers the seconds to wait where the user opens them too fast. */
  open(): number {
    return this.#take(this.#openings, this.#limit / COMMANDS_PER_OPENING, 1)
  }

  get #limit(): number {
    return Number(this.#env.COMMANDS_PER_10_SECONDS)
  }

  #take(budget: ReturnType<typeof newBudget>, limit: number, price: number): number {
    return spend(budget, { limit, windowMs: WINDOW_MS, now: Date.now(), price })
  }
}

/** What it costs to ask these how they stand, beside the command itself. */
export const priceOfPresence = (userIds: number[]): number =>
  Math.floor(Math.min(userIds.length, MAX_PEERS) / ASKED_PER_COMMAND)
