import type { Changes, InboxEntry, MemberList } from '../protocol/conversation.ts'
import type { ConversationEvent } from '../protocol/events.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { HistoryPage, Message } from '../protocol/message.ts'
import { backoff } from './backoff.ts'
import { CauserieError, CauserieNetworkError } from './errors.ts'
import type { Http } from './http.ts'
import type { Inbox } from './inbox.ts'
import * as replicas from './replica.ts'
import type { Replica } from './replica.ts'
import type { Connection } from './socket.ts'

type Deps = {
  http: Http
  connection: Connection
  inbox: Inbox
  onChange: () => void
  onGone: () => void
}

const PAGE = LIMITS.defaultPageSize
const TRIES = 3

/**
 * Loads a replica and keeps it up to date: what is missing is pulled, and a copy of another epoch, or one that fell too far behind, is
 * read anew.
 */
export class LiveReplica {
  readonly #id: number
  readonly #deps: Deps
  #held: Replica | null = null
  #loading: Promise<void> | null = null
  #older: Promise<boolean> | null = null
  #pulling = false
  /** What came while the copy was being read. */
  #early: ConversationEvent[] = []
  #isClosed = false
  #retry: ReturnType<typeof setTimeout> | undefined
  /** After a pull that failed; until it is over nothing is pulled, however much comes. */
  #pause: ReturnType<typeof setTimeout> | undefined

  constructor(id: number, deps: Deps) {
    this.#id = id
    this.#deps = deps
  }

  get held(): Replica | null {
    return this.#held
  }

  /** Reads the copy, or what it lacks. */
  async open(): Promise<void> {
    if (this.#loading) return this.#loading
    if (!this.#held) return this.#load()
  }

  /** There is a connection, and the inbox is up to date. */
  resume(): void {
    this.#endPause()
    const entry = this.#deps.inbox.get(this.#id)
    if (!this.#held) this.#loadQuietly()
    else if (entry) this.hear(entry)
    this.#pull()
  }

  hear(entry: InboxEntry): void {
    if (!this.#held) return
    if (entry.epoch !== this.#held.epoch) return this.#loadQuietly()
    this.#set(replicas.hear(this.#held, entry.rev))
  }

  apply(event: ConversationEvent): void {
    if (this.#loading) this.#early.push(event)
    if (this.#held) this.#set(replicas.applyEvent(this.#held, event))
  }

  merge(message: Message): void {
    if (this.#held) this.#set(replicas.mergeMessage(this.#held, message))
  }

  /** Answers whether there are still older messages. */
  loadOlder(): Promise<boolean> {
    this.#older ??= this.#loadOlder().finally(() => (this.#older = null))
    return this.#older
  }

  close(): void {
    this.#isClosed = true
    this.#held = null
    clearTimeout(this.#retry)
    this.#endPause()
  }

  #set(next: Replica): void {
    if (this.#isClosed) return
    const changed = next !== this.#held
    this.#held = next
    if (changed) this.#deps.onChange()
    this.#pull()
  }

  #load(): Promise<void> {
    if (this.#loading) return this.#loading
    this.#early = []
    this.#loading = this.#read().then(
      (replica) => {
        this.#loading = null
        clearTimeout(this.#retry)
        this.#set(this.#early.reduce(replicas.applyEvent, replica))
        // What a hello said meanwhile.
        const entry = this.#deps.inbox.get(this.#id)
        if (entry) this.hear(entry)
      },
      (error: unknown) => {
        this.#loading = null
        if (isNotFound(error)) this.#gone()
        throw error
      },
    )
    return this.#loading
  }

  /** Where it fails, it is tried again in a while, and by the next connection. */
  #loadQuietly(failures = 1): void {
    clearTimeout(this.#retry)
    this.#load().catch((error: unknown) => {
      if (isNotFound(error) || this.#isClosed) return
      clearTimeout(this.#retry)
      this.#retry = setTimeout(
        () => {
          if (this.#deps.connection.isOnline) this.#loadQuietly(failures + 1)
        },
        backoff(failures, Math.random),
      )
    })
  }

  async #read(): Promise<Replica> {
    for (let tries = 0; tries < TRIES; tries += 1) {
      const reading = await this.#readParts()
      if (reading) return replicas.newReplica(reading)
    }
    throw new CauserieNetworkError('The conversation changed while it was read.')
  }

  /** Null where the log was replaced by another in between. */
  async #readParts() {
    const { http, inbox } = this.#deps
    const [members, page] = await Promise.all([
      http.get<MemberList>(`${this.#path}/members`),
      http.get<HistoryPage>(`${this.#path}/messages?limit=${PAGE}`),
    ])
    let entry = inbox.get(this.#id)
    const isCurrent = entry?.epoch === page.epoch && entry.rev >= Math.min(members.rev, page.rev)
    if (!entry || !isCurrent) entry = await inbox.fetch(this.#id)
    if (entry.epoch !== page.epoch || members.epoch !== page.epoch) return null
    return { conversation: entry.conversation, members, page }
  }

  async #loadOlder(): Promise<boolean> {
    const start = this.#held
    if (!start || start.from <= 1) return false
    this.#set(replicas.expectOlder(start))
    try {
      const path = `${this.#path}/messages?before=${start.from}&limit=${PAGE}`
      const page = await this.#deps.http.get<HistoryPage>(path)
      // A copy that was read anew meanwhile has a window of its own.
      if (this.#held?.below && this.#held.from === start.from) this.#takeOlder(this.#held, page)
    } finally {
      if (this.#held?.below) this.#set(replicas.giveUpOlder(this.#held))
    }
    return (this.#held?.from ?? 1) > 1
  }

  #takeOlder(held: Replica, page: HistoryPage): void {
    if (held.epoch === page.epoch) this.#set(replicas.applyOlder(held, page))
    else this.#loadQuietly()
  }

  /** Pulls until nothing is missing. Without a connection there is no hurry: the next one comes here again. */
  #pull(): void {
    if (this.#pulling || this.#loading || this.#pause !== undefined || !this.#lacks) return
    void this.#pullAll()
  }

  #endPause(): void {
    clearTimeout(this.#pause)
    this.#pause = undefined
  }

  get #lacks(): boolean {
    return this.#held !== null && replicas.isBehind(this.#held) && this.#deps.connection.isOnline
  }

  async #pullAll(): Promise<void> {
    this.#pulling = true
    try {
      while (this.#held && this.#lacks) {
        if (replicas.isTooFarBehind(this.#held)) await this.#load()
        else await this.#pullOnce(this.#held)
      }
    } catch (error) {
      if (isNotFound(error)) return this.#gone()
      if (this.#isClosed) return
      const retryAfter = error instanceof CauserieError ? error.retryAfter : undefined
      const pullAgain = () => {
        this.#endPause()
        this.#pull()
      }
      // Where the connection went, the next one begins with this.
      this.#pause = setTimeout(pullAgain, Math.max(1, retryAfter ?? 0) * 1000)
    } finally {
      this.#pulling = false
    }
  }

  async #pullOnce(asked: Replica): Promise<void> {
    let changes = await this.#changesSince(asked.rev)
    while (changes.more) {
      const page = await this.#changesSince(changes.rev)
      if (page.epoch !== changes.epoch) return
      changes = replicas.joinPages(changes, page)
    }
    const held = this.#held
    if (held?.epoch !== asked.epoch) return
    if (changes.epoch !== held.epoch) await this.#load()
    else this.#set(replicas.applyChanges(held, changes, asked.head))
  }

  #changesSince(since: number): Promise<Changes> {
    const page = { conversationId: this.#id, since, limit: LIMITS.pageSize }
    return this.#deps.connection.request({ type: 'changes.get', ...page })
  }

  #gone(): void {
    if (!this.#isClosed) this.#deps.onGone()
  }

  get #path(): string {
    return `/v1/conversations/${this.#id}`
  }
}

const isNotFound = (error: unknown): boolean =>
  error instanceof CauserieError && error.code === 'conversation.not_found'
