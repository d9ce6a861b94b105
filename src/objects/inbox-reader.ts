import type { InboxEntry } from '../protocol/conversation.ts'
import type { InboxBook } from './inbox-book.ts'
import { logFault } from './log.ts'
import { conversationOf } from './stubs.ts'

const AT_ONCE = 25
/** An entry that was overtaken by a frame on its way is asked for again, this often. */
const TRIES = 3

/** Reads the inbox, asking those conversations whose line the hub cannot tell by itself. */
export class InboxReader {
  readonly #env: Env
  readonly #userId: number
  readonly #inbox: InboxBook

  constructor(env: Env, hub: { userId: number; inbox: InboxBook }) {
    this.#env = env
    this.#userId = hub.userId
    this.#inbox = hub.inbox
  }

  /**
   * All entries, the last active first. With `wake`, conversations that stopped calling are told to call again. `unread` lists
   * those that could not be asked now.
   */
  async readAll(options: { wake: boolean }): Promise<{ entries: InboxEntry[]; unread: number[] }> {
    const answers = new Map<number, InboxEntry>()
    const missing = this.#inbox.ids().filter((id) => this.#inbox.peek(id) === null)
    for (let i = 0; i < missing.length; i += AT_ONCE) {
      const some = missing.slice(i, i + AT_ONCE)
      const entries = await Promise.all(some.map((id) => this.#ask(id, options.wake)))
      for (const entry of entries) if (entry) answers.set(entry.conversation.id, entry)
    }
    // No await from here on: what the sockets see next begins where this ends.
    const unread: number[] = []
    const entries = this.#inbox.ids().flatMap((id) => {
      const entry = this.#inbox.peek(id) ?? answers.get(id)
      if (!entry) unread.push(id)
      return entry ? [entry] : []
    })
    return { entries: entries.toSorted((a, b) => activityOf(b).localeCompare(activityOf(a))), unread }
  }

  async #ask(conversationId: number, wake: boolean): Promise<InboxEntry | null> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const line = this.#inbox.line(conversationId)
      if (!line) return null
      const nap = wake && line.asleep ? line.nap : null
      try {
        const entry = await conversationOf(this.#env, conversationId).entryFor({ userId: this.#userId, nap })
        if (!entry) {
          this.#inbox.leave(conversationId)
          return null
        }
        this.#inbox.learn(entry, { awake: nap !== null, now: Date.now() })
        if (!wake || this.#inbox.peek(conversationId)) return entry
      } catch (error) {
        logFault('inbox.unread', error, { conversationId, userId: this.#userId })
      }
    }
    return null
  }
}

const activityOf = (entry: InboxEntry): string => entry.lastMessage?.createdAt ?? entry.conversation.createdAt
