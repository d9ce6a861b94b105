import type { InboxEntry, InboxPage, InboxQuery } from '../protocol/conversation.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import { GAP_MS, MAX_PAUSE_MS } from './gap-filler.ts'
import type { InboxReader } from './inbox-reader.ts'
import { type Newest, newestMessages, type NewestQuery, pageReader } from './newest-messages.ts'
import type { Conversations } from './stubs.ts'

/** Readings of messages over all conversations that may wait for one another. */
const MAX_READINGS = 8

type Deps = {
  userId: number
  reader: InboxReader
  conversations: Conversations
  /** Takes one from the user's budget; answers the refusal where nothing is left. */
  spend: () => Refusal | null
  /** Whether somebody would hear of it. */
  isHere: () => boolean
  /** Conversations that could not be asked were asked. */
  tellHeads: (entries: InboxEntry[]) => void
  waitUntil: (work: Promise<void>) => void
}

/** What is read over all conversations of a user: the inbox, and the newest messages. What could not be read now is read later. */
export class Readings {
  readonly #deps: Deps
  /** Conversations that could not be asked, for those who were answered without. */
  readonly #outstanding = new Set<number>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** All entries of the inbox, for a socket that is greeted. */
  async all(): Promise<InboxEntry[]> {
    const { entries, outstanding } = await this.#deps.reader.readAll({ wake: true })
    if (outstanding.length > 0) this.#later(outstanding, GAP_MS)
    return entries
  }

  /** A page of the inbox. Where sockets are open, they hear later of what is not on it because it could not be asked. */
  async page(query: InboxQuery): Promise<InboxPage> {
    const wake = this.#deps.isHere()
    const { page, outstanding } = await this.#deps.reader.readPage(query, { wake })
    if (wake && outstanding.length > 0) this.#later(outstanding, GAP_MS)
    return page
  }

  /**
   * The newest messages over all conversations, each page of one conversation for a command. Refuses with `rate.limited`, and with
   * `server.unavailable` where too many such readings wait.
   */
  newest(query: NewestQuery): Promise<Newest | Refusal> {
    if (this.#waiting >= MAX_READINGS) return Promise.resolve(refuse('server.unavailable', { retryAfter: 1 }))
    this.#waiting += 1
    const { userId, reader, conversations, spend } = this.#deps
    // One at a time: each holds what it has read in memory, which others share.
    const reading = this.#last.then(async () => {
      const { entries } = await reader.readAll({ wake: false })
      return newestMessages(userId, { entries, query, read: pageReader(conversations, userId), spend })
    })
    const ended = () => void (this.#waiting -= 1)
    this.#last = reading.then(ended, ended)
    return reading
  }

  /** Until a conversation could be asked it does not call. */
  #later(conversationIds: number[], pause: number): void {
    const { isHere, waitUntil } = this.#deps
    for (const conversationId of conversationIds) this.#outstanding.add(conversationId)
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (isHere()) waitUntil(this.#again(pause))
      else this.#outstanding.clear()
    }, pause)
  }

  async #again(pause: number): Promise<void> {
    const { reader, tellHeads } = this.#deps
    const asked = [...this.#outstanding]
    let next = Math.min(pause * 2, MAX_PAUSE_MS)
    try {
      const { entries, outstanding } = await reader.readAll({ wake: true })
      const read = asked.filter((conversationId) => !outstanding.includes(conversationId))
      for (const conversationId of read) this.#outstanding.delete(conversationId)
      tellHeads(entries.filter(({ conversation }) => read.includes(conversation.id)))
      // Those that answer, and go on while they do, are not to be spared.
      if (entries.some(({ conversation }) => this.#outstanding.has(conversation.id))) next = GAP_MS
    } finally {
      if (this.#outstanding.size > 0 && !this.#timer) this.#later([], next)
    }
  }
}
