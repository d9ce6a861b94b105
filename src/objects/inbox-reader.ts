import { logFault } from '../directory/faults.ts'
import type { InboxEntry, InboxPage, InboxQuery } from '../protocol/conversation.ts'
import { activityOf, byActivity } from '../protocol/inbox.ts'
import type { EntryAnswer, Left } from './batch.ts'
import type { InboxBook } from './inbox-book.ts'
import { Rounds } from './rounds.ts'
import { conversationOf } from './stubs.ts'
import { CALL_LIMIT_MS, GivenUp, within } from './within.ts'

const AT_ONCE = 25
/** An entry that was overtaken by a frame on its way is asked for again, this often. */
const TRIES = 3
/** Where a conversation does not answer, whoever is being greeted waits for no more of them after this. Clients give up after 15 seconds. */
const PATIENCE_MS = 4_000

type Deps = {
  userId: number
  inbox: InboxBook
  /** The user is no longer in: its sockets are to hear so. */
  leave: (conversationId: number, left: Left) => void
  /** The conversation goes on as another log: they are to hear that too. */
  join: (entry: InboxEntry) => void
  /** Where the conversation stands was learnt: what the sockets have not been told of it is missing. */
  learnt: (entry: InboxEntry) => void
}

/** Reads the inbox, asking those conversations whose entry the hub cannot tell by itself. */
export class InboxReader {
  readonly #env: Env
  readonly #userId: number
  readonly #inbox: InboxBook
  readonly #leave: Deps['leave']
  readonly #join: Deps['join']
  readonly #learnt: Deps['learnt']
  /** The order of the last reading of all: a page further down asks for its own entries only. */
  #positions: InboxPosition[] | null = null
  readonly #askedForLog = new Set<number>()
  /** Those that did not answer when they were last asked: they come last. */
  readonly #hung = new Set<number>()
  readonly #rounds = { awake: new Rounds<Answers>(), asleep: new Rounds<Answers>() }

  constructor(env: Env, deps: Deps) {
    this.#env = env
    this.#userId = deps.userId
    this.#inbox = deps.inbox
    this.#leave = deps.leave
    this.#join = deps.join
    this.#learnt = deps.learnt
  }

  /**
   * All entries, the last active first. With `wake`, conversations that stopped calling are told to call again. `outstanding` lists
   * those that could not be asked now, or whose entry is of the past already.
   */
  async readAll(options: { wake: boolean }): Promise<{ entries: InboxEntry[]; outstanding: number[] }> {
    const rounds = options.wake ? this.#rounds.awake : this.#rounds.asleep
    const ask = () => rounds.next(() => this.#ask(this.#inbox.ids(), options.wake))
    let answers = await ask()
    for (let tries = 1; tries < TRIES && this.#hung.size === 0 && this.#isOvertaken(answers); tries += 1) {
      answers = await ask()
    }
    // No await from here on: what the sockets see next begins where this ends.
    const { entries, outstanding } = this.#tell(this.#inbox.ids(), answers)
    entries.sort(byActivity)
    this.#positions = entries.map(positionOf)
    return { entries, outstanding }
  }

  /** A page of the same; a conversation that could not be asked now is left out, and is in `outstanding`. */
  async readPage(
    { cursor, limit }: InboxQuery,
    options: { wake: boolean },
  ): Promise<{ page: InboxPage; outstanding: number[] }> {
    if (cursor === undefined || !this.#positions) {
      const { entries, outstanding } = await this.readAll(options)
      if (cursor === undefined)
        return { page: { items: entries.slice(0, limit), nextCursor: cursorAfter(entries, limit) }, outstanding }
    }
    const below = this.#positions?.filter((position) => isBelow(position, cursor)) ?? []
    const ids = below.slice(0, limit).map((position) => position.id)
    const { entries, outstanding } = this.#tell(ids, await this.#ask(ids, options.wake))
    const last = below[limit - 1]
    return { page: { items: entries, nextCursor: last && below.length > limit ? textOf(last) : null }, outstanding }
  }

  /** Asks which log a conversation goes on as, where something came of another one than the hub follows. */
  async askForLog(conversationId: number): Promise<void> {
    // However many frames say so.
    if (this.#askedForLog.has(conversationId)) return
    this.#askedForLog.add(conversationId)
    await this.#askOne(conversationId, true)
    this.#askedForLog.delete(conversationId)
  }

  /** Whether an entry changed, while others were still asked, in a way that only its conversation can tell. */
  #isOvertaken(answers: Answers): boolean {
    return [...answers.keys()].some(
      (id) => this.#inbox.subscription(id)?.asleep === false && this.#inbox.peek(id) === null,
    )
  }

  /** Those of these entries that the hub knows by now, or that were answered. */
  #tell(ids: number[], answers: Answers): { entries: InboxEntry[]; outstanding: number[] } {
    const outstanding: number[] = []
    const entries = ids.flatMap((id) => {
      if (!this.#inbox.has(id)) return []
      const entry = this.#inbox.peek(id) ?? answers.get(id)
      // What came since an answer was told to those who were greeted then.
      const isOvertaken = (entry?.rev ?? 0) < (this.#inbox.subscription(id)?.order.known ?? 0)
      if (!entry || isOvertaken) outstanding.push(id)
      return entry ? [entry] : []
    })
    return { entries, outstanding }
  }

  /** Asks those conversations whose entries the hub cannot tell. */
  async #ask(ids: number[], wake: boolean): Promise<Answers> {
    const answers: Answers = new Map()
    const missing = ids
      .filter((id) => this.#inbox.has(id) && this.#inbox.peek(id) === null)
      .toSorted((a, b) => Number(this.#hung.has(a)) - Number(this.#hung.has(b)))
    const from = Date.now()
    let isHung = false
    // One that does not answer holds up itself and nobody else.
    const lane = async (): Promise<void> => {
      for (let id = missing.shift(); id !== undefined; id = missing.shift()) {
        if (isHung && Date.now() - from > PATIENCE_MS) return
        const entry = await this.#askOne(id, wake)
        this.#hung.delete(id)
        if (entry === 'hung') {
          isHung = true
          this.#hung.add(id)
        } else if (entry) answers.set(id, entry)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    return answers
  }

  async #askOne(conversationId: number, wake: boolean): Promise<InboxEntry | 'hung' | null> {
    let overtaken: InboxEntry | null = null
    for (let tries = 0; tries < TRIES; tries += 1) {
      const subscription = this.#inbox.subscription(conversationId)
      if (!subscription) return null
      // Also where the subscription is awake: what this hub answered to an earlier log, the conversation may have noted for this one.
      const nap = wake ? subscription.nap : null
      try {
        const conversation = conversationOf(this.#env, conversationId)
        const asked: Promise<EntryAnswer> = conversation.entryFor({ userId: this.#userId, nap })
        const answer = await within(CALL_LIMIT_MS, asked)
        const { entry } = answer
        if (!entry) {
          this.#leave(conversationId, answer.left)
          return null
        }
        // Another log was begun while the answer was under way, which may be of the one before.
        if (this.#inbox.subscription(conversationId)?.epoch !== subscription.epoch) continue
        if (entry.epoch === subscription.epoch) {
          this.#inbox.learn(entry, { nap, now: Date.now() })
          this.#learnt(entry)
        } else this.#join(entry)
        if (!wake || this.#inbox.peek(conversationId)) return entry
        overtaken = entry
      } catch (error) {
        logFault('inbox.unread', error, { conversationId, userId: this.#userId })
        // It would take as long again, and it is asked once more in a while.
        if (error instanceof GivenUp) return 'hung'
      }
    }
    return overtaken
  }
}

type Answers = Map<number, InboxEntry>

/** Where an entry stands in the order of the inbox. */
type InboxPosition = { id: number; at: number }

const positionOf = (entry: InboxEntry): InboxPosition => ({
  id: entry.conversation.id,
  at: Date.parse(activityOf(entry)),
})

/** Where a page that ends here goes on. */
const textOf = ({ at, id }: InboxPosition): string => `${at}-${id}`

const isBelow = (position: InboxPosition, cursor = ''): boolean => {
  const [at = 0, id = 0] = cursor.split('-').map(Number)
  return position.at < at || (position.at === at && position.id < id)
}

/** Null where these are all. */
export const cursorAfter = (entries: InboxEntry[], count: number): string | null => {
  const last = entries[count - 1]
  return last && entries.length > count ? textOf(positionOf(last)) : null
}
