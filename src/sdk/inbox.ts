import type { InboxEntry, InboxPage } from '../protocol/conversation.ts'
import type { ConversationEvent, Hello } from '../protocol/events.ts'
import { byActivity, nextInboxEntry } from '../protocol/inbox.ts'
import type { Have } from '../protocol/socket.ts'
import { logOf } from '../protocol/wire.ts'
import { backoff } from './backoff.ts'
import { CauserieError, isTransient } from './errors.ts'
import type { Http } from './http.ts'

type Deps = {
  http: Http
  viewerId: () => number
  onChange: () => void
  /** The user is no longer a member. */
  onGone: (conversationId: number) => void
  /** Read where it stands. */
  onEntry: (entry: InboxEntry) => void
}

type Reading = {
  first: InboxPage
  /** The moment at which the first page was asked for. */
  asked: number
  /** What should be on one of the pages. */
  expected: number[]
  pageAfter?: (cursor: string) => Promise<InboxPage | null>
}

/** What `have` may take of the address of the socket: about 500 conversations; the others come whole in each hello. */
const MAX_HAVE = 500
const TRIES = 3

/** The inbox, live. */
export class Inbox {
  readonly #deps: Deps
  readonly #byId = new Map<number, InboxEntry>()
  /** Entries that are being asked for again, and what happened to them meanwhile. */
  readonly #asking = new Map<number, ConversationEvent[]>()
  /** Counts what makes earlier answers useless: the moment at which a conversation went or got another log, and that of signing out. */
  #moment = 0
  readonly #turnedAt = new Map<number, number>()
  #clearedAt = 0
  #isKnown = false
  /** Whose inbox is being read: pages of an earlier one are of no use. */
  #reading = 0
  #sorted: readonly InboxEntry[] | null = null
  #unnamed: number[] = []

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Newest first; null until it was read once. */
  get entries(): readonly InboxEntry[] | null {
    if (!this.#isKnown) return null
    this.#sorted ??= [...this.#byId.values()].toSorted(byActivity)
    return this.#sorted
  }

  /** Unread messages in all conversations. */
  get unread(): number {
    return [...this.#byId.values()].reduce((sum, entry) => sum + entry.unread, 0)
  }

  /** The entry as it is held here, at once; undefined where there is none. */
  get(conversationId: number): InboxEntry | undefined {
    return this.#byId.get(conversationId)
  }

  /** Reads it by REST. Not needed when connected. */
  async load(): Promise<readonly InboxEntry[]> {
    const [reading, asked, expected] = [this.#reading, this.#moment, [...this.#byId.keys()]]
    const first = await this.#deps.http.get<InboxPage>('/v1/conversations')
    if (this.#reading === reading) await this.#take({ first, asked, expected })
    return this.entries ?? []
  }

  /** Asks for one entry. */
  async fetch(conversationId: number): Promise<InboxEntry> {
    const take = this.expect()
    const entry = await this.#deps.http.get<InboxEntry>(`/v1/conversations/${conversationId}`)
    take(entry)
    return entry
  }

  /** @internal Takes an entry as a frame showed it just now; the newer of two stays. */
  put(entry: InboxEntry): void {
    this.#put(entry, this.#moment)
  }

  /** @internal To be called before an entry is asked for: what it returns takes the answer, unless that is of a time before something ended. */
  expect(): (entry: InboxEntry) => void {
    const asked = this.#moment
    return (entry) => void this.#put(entry, asked)
  }

  /** @internal */
  apply(event: ConversationEvent): void {
    const { conversationId } = event
    const buffer = this.#asking.get(conversationId)
    if (buffer) return void buffer.push(event)
    const entry = this.#byId.get(conversationId)
    const next = entry && this.#after(entry, event)
    if (!next) void this.#ask(conversationId, event)
    else if (next !== entry) this.#set(conversationId, next)
  }

  /** @internal What the server need not tell. Remembers what there was no room for. */
  have(): Have[] {
    const entries = [...this.#byId.values()].toSorted(byActivity)
    this.#unnamed = entries.slice(MAX_HAVE).map((entry) => entry.conversation.id)
    return entries.slice(0, MAX_HAVE).map(({ conversation, rev, readSeq, epoch }) => ({
      conversationId: conversation.id,
      rev,
      readSeq,
      log: logOf(epoch),
    }))
  }

  /** @internal */
  greet(hello: Hello): void {
    for (const id of hello.gone) this.remove(id)
    // What is asked for still is told here, or as soon as the server knows it.
    this.#asking.clear()
    // It takes the place of a reading that is under way still.
    this.#reading += 1
    const first = { items: hello.conversations, nextCursor: hello.nextCursor }
    const pageAfter = (cursor: string) => this.#pageInTheEnd(cursor)
    this.#take({ first, asked: this.#moment, expected: this.#unnamed, pageAfter }).catch(() => {})
  }

  /** @internal */
  remove(conversationId: number): void {
    this.#turn(conversationId)
    this.#deps.onGone(conversationId)
    if (!this.#byId.delete(conversationId)) return
    this.#sorted = null
    this.#deps.onChange()
  }

  /** @internal */
  clear(): void {
    this.#byId.clear()
    this.#asking.clear()
    this.#turnedAt.clear()
    this.#clearedAt = ++this.#moment
    this.#reading += 1
    this.#isKnown = false
    this.#sorted = null
    this.#deps.onChange()
  }

  /** Takes this page in and those that follow it; of `expected`, what is on none of them is gone, or moved while they were read. */
  async #take({ first, asked, expected, pageAfter = (cursor) => this.#pageAfter(cursor) }: Reading): Promise<void> {
    const reading = this.#reading
    const missing = new Set(expected)
    for (let [page, pageAsked] = [first, asked]; ;) {
      for (const entry of page.items) {
        if (this.#put(entry, pageAsked)) this.#deps.onEntry(entry)
        missing.delete(entry.conversation.id)
      }
      this.#isKnown = true
      this.#deps.onChange()
      if (page.nextCursor === null) break
      pageAsked = this.#moment
      const next = await pageAfter(page.nextCursor)
      if (this.#reading !== reading || !next) return
      page = next
    }
    // A conversation that did not answer the server is left out too: only it can say that one is in it no longer.
    for (const id of missing) if (this.#reading === reading) await this.#ask(id)
  }

  #pageAfter(cursor: string): Promise<InboxPage> {
    return this.#deps.http.get<InboxPage>(`/v1/conversations?cursor=${cursor}`)
  }

  /** Asks until it is answered, or until another reading begins: null then. */
  async #pageInTheEnd(cursor: string): Promise<InboxPage | null> {
    const reading = this.#reading
    for (let failures = 1; this.#reading === reading; failures += 1) {
      try {
        return await this.#pageAfter(cursor)
      } catch {
        await new Promise((resolve) => setTimeout(resolve, backoff(failures, Math.random)))
      }
    }
    return null
  }

  /** Null where only the server can tell: something is missing in between, or the rule cannot count. */
  #after(entry: InboxEntry, event: ConversationEvent): InboxEntry | null {
    return event.rev > entry.rev + 1 ? null : nextInboxEntry(entry, event, this.#deps.viewerId())
  }

  /**
   * Asks for this entry again, because of what happened in its conversation or to find out whether it is still there. Waits for the first
   * answer; where none comes, it is asked for in the background until one does, or until a hello tells it.
   */
  async #ask(conversationId: number, ...buffer: ConversationEvent[]): Promise<void> {
    this.#asking.set(conversationId, buffer)
    if (!(await this.#tryToAsk(conversationId, buffer))) void this.#askAgain(conversationId, buffer)
  }

  async #askAgain(conversationId: number, buffer: ConversationEvent[]): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      await new Promise((resolve) => setTimeout(resolve, backoff(failures, Math.random)))
      // What happened until now is in what is answered next.
      buffer.length = 0
      if (this.#asking.get(conversationId) !== buffer || (await this.#tryToAsk(conversationId, buffer))) return
    }
  }

  /** Answers whether nothing is left to be asked. */
  async #tryToAsk(conversationId: number, buffer: ConversationEvent[]): Promise<boolean> {
    const isOver = () => this.#asking.get(conversationId) !== buffer
    try {
      for (let tries = 1; ; tries += 1) {
        const take = this.expect()
        const entry = await this.#deps.http.get<InboxEntry>(`/v1/conversations/${conversationId}`)
        if (isOver()) return true
        take(entry)
        // It was of another log, of which what happened before says nothing.
        if (isOver()) return true
        if (this.#replay(conversationId, buffer)) break
        if (tries === TRIES) return false
      }
    } catch (error) {
      if (isOver()) return true
      const isRefused = error instanceof CauserieError && !isTransient(error.code)
      if (!isRefused) return false
      if (error.code === 'conversation.not_found') this.remove(conversationId)
    }
    if (!isOver()) this.#asking.delete(conversationId)
    return true
  }

  #replay(conversationId: number, events: ConversationEvent[]): boolean {
    let entry = this.#byId.get(conversationId)
    for (const event of events) {
      const next = entry && this.#after(entry, event)
      if (!next) return false
      entry = next
    }
    if (entry) this.#set(conversationId, entry)
    return true
  }

  /** Answers whether an entry that was asked for at that moment says anything of now. */
  #put(entry: InboxEntry, asked: number): boolean {
    const { id } = entry.conversation
    const held = this.#byId.get(id)
    const isEarlier = asked < (this.#turnedAt.get(id) ?? 0) && held?.epoch !== entry.epoch
    if (isEarlier || asked < this.#clearedAt) return false
    if (held && held.epoch !== entry.epoch) this.#turn(id)
    const next = newer(held, entry)
    if (next !== held) this.#set(id, next)
    return true
  }

  /** It went, or its log is another: what was asked before is of no use, and neither is what happened before. */
  #turn(conversationId: number): void {
    this.#turnedAt.set(conversationId, ++this.#moment)
    this.#asking.delete(conversationId)
  }

  #set(conversationId: number, entry: InboxEntry): void {
    this.#byId.set(conversationId, entry)
    this.#sorted = null
    this.#deps.onChange()
  }
}

const newer = (held: InboxEntry | undefined, entry: InboxEntry): InboxEntry => {
  if (!held || held.epoch !== entry.epoch || entry.rev > held.rev) return entry
  return entry.rev === held.rev && entry.readSeq >= held.readSeq ? entry : held
}
