import type { ErrorCode } from '../protocol/errors.ts'
import type { Attachment, Content, Message } from '../protocol/message.ts'
import { backoff } from './backoff.ts'
import { CauserieError, CauserieNetworkError, isTransient } from './errors.ts'
import type { KeyValueStore } from './storage.ts'

/**
 * A message on its way: waiting for its turn or for a connection (`queued`), sent and not yet acknowledged (`sending`), or refused
 * (`failed`, with `error`; retry or discard it).
 */
export type PendingMessage = {
  readonly clientId: string
  readonly conversationId: number
  readonly content: Content
  readonly replyTo?: number
  readonly mentions?: number[]
  readonly attachments?: Attachment[]
  /** When it was written, ISO 8601. */
  readonly createdAt: string
  readonly state: 'queued' | 'sending' | 'failed'
  readonly error?: ErrorCode
}

type Deps = {
  storage: KeyValueStore
  isOnline: () => boolean
  /** Resolves with the acknowledged message. */
  send: (item: PendingMessage) => Promise<Message>
  onChange: (conversationId: number) => void
  onDelivered: (message: Message) => void
  random: () => number
  pause: (ms: number) => Promise<void>
}

type Waiter = { resolve: (message: Message) => void; reject: (error: unknown) => void }

const MAX_TRANSIENT = 8

/**
 * What was written and is not acknowledged. Per conversation one message is on its way at a time, so their order stays; each keeps its
 * `clientId` through reconnects and reloads, so none is doubled. Nothing leaves it but what is acknowledged, or what the user discards.
 */
export class Outbox {
  readonly #deps: Deps
  readonly #waiters = new Map<string, Waiter>()
  readonly #lanes = new Set<number>()
  #items: PendingMessage[] = []
  #key: string | null = null
  #writing: Promise<void> = Promise.resolve()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Takes up what an earlier page of this user left. */
  async start(userId: number): Promise<void> {
    const key = keyOf(userId)
    this.#key = key
    const stored = await read(this.#deps.storage, key)
    if (this.#key !== key) return
    const left = notIn(this.#items, stored).map(queuedUnlessFailed)
    // What was written before there was a key is not stored yet.
    const early = this.#items
    if (early.length > 0) this.#persist((items) => [...items, ...notIn(items, early).map(queuedUnlessFailed)])
    this.#items = [...left, ...this.#items]
    for (const id of new Set(left.map(({ conversationId }) => conversationId))) this.#deps.onChange(id)
    this.resume()
  }

  /** Lets go of everything. What storage holds stays there for the user's return, unless `erase` is set. */
  async stop(reason: Error, options: { erase: boolean }): Promise<void> {
    const key = this.#key
    this.#key = null
    this.#items = []
    const waiters = [...this.#waiters.values()]
    this.#waiters.clear()
    for (const { reject } of waiters) reject(reason)
    await this.#writing
    if (key !== null && options.erase) await this.#deps.storage.delete(key)
  }

  of(conversationId: number): readonly PendingMessage[] {
    return this.#items.filter((item) => item.conversationId === conversationId)
  }

  /** Resolves when the message is durable. */
  add(item: Omit<PendingMessage, 'state' | 'error'>): Promise<Message> {
    const queued: PendingMessage = { ...item, state: 'queued' }
    this.#items.push(queued)
    this.#persist((items) => [...items, queued])
    const acked = this.#wait(item.clientId)
    this.#changed(item.conversationId)
    return acked
  }

  /** Sends a failed message again, after those that wait already. */
  retry(clientId: string): void {
    const item = this.#find(clientId)
    if (item?.state !== 'failed') return
    const queued = queuedAgain(item)
    this.#items = [...this.#items.filter((each) => each !== item), queued]
    this.#persist((items) => [...items.filter((each) => each.clientId !== clientId), queued])
    this.#changed(item.conversationId)
  }

  /** Gives up a message. One that is being sent may be stored already and stays. */
  discard(clientId: string): boolean {
    const item = this.#find(clientId)
    if (!item || item.state === 'sending') return false
    this.#remove(item)
    this.#waiters.get(clientId)?.reject(new DOMException('The message was discarded.', 'AbortError'))
    this.#waiters.delete(clientId)
    return true
  }

  /** The message is in the log: its event came, or its reply. Both do, in any order. */
  settle(message: Message): void {
    const item = this.#find(message.clientId)
    if (item?.conversationId !== message.conversationId) return
    this.#remove(item)
    this.#waiters.get(message.clientId)?.resolve(message)
    this.#waiters.delete(message.clientId)
    this.#deps.onDelivered(message)
  }

  /** There is a connection: goes on with what waits. */
  resume(): void {
    for (const id of new Set(this.#items.map(({ conversationId }) => conversationId))) void this.#run(id)
  }

  async #run(conversationId: number): Promise<void> {
    if (this.#lanes.has(conversationId)) return
    this.#lanes.add(conversationId)
    let refusals = 0
    while (this.#deps.isOnline()) {
      const item = this.#items.find((each) => each.conversationId === conversationId && each.state === 'queued')
      if (!item) break
      this.#update(item.clientId, (each) => ({ ...each, state: 'sending' }))
      try {
        this.settle(await this.#deps.send(item))
        refusals = 0
      } catch (error) {
        refusals = this.#notSent(item, error, refusals)
        if (refusals > 0) await this.#deps.pause(pauseAfter(error, refusals, this.#deps.random))
      }
    }
    this.#lanes.delete(conversationId)
  }

  /** Answers how many times in a row the server said "not now". */
  #notSent(item: PendingMessage, error: unknown, refusals: number): number {
    if (error instanceof CauserieNetworkError) {
      this.#update(item.clientId, queuedAgain)
      return 0
    }
    if (!(error instanceof CauserieError)) throw error
    // A conversation that does not answer will again: what was written waits, and so does what was written after it.
    const isPatient = error.code === 'server.unavailable' || refusals < MAX_TRANSIENT
    if (isTransient(error.code) && isPatient) {
      this.#update(item.clientId, queuedAgain)
      return refusals + 1
    }
    const failed = this.#update(item.clientId, (each) => ({ ...each, state: 'failed', error: error.code }))
    if (failed) this.#persist((items) => items.map((each) => (each.clientId === item.clientId ? failed : each)))
    this.#waiters.get(item.clientId)?.reject(error)
    this.#waiters.delete(item.clientId)
    return 0
  }

  #wait(clientId: string): Promise<Message> {
    const acked = new Promise<Message>((resolve, reject) => this.#waiters.set(clientId, { resolve, reject }))
    // Nobody need listen: a failure also shows in the message's state.
    acked.catch(() => {})
    return acked
  }

  #find(clientId: string): PendingMessage | undefined {
    return this.#items.find((item) => item.clientId === clientId)
  }

  #remove(item: PendingMessage): void {
    this.#items = this.#items.filter((each) => each !== item)
    this.#persist((items) => items.filter((each) => each.clientId !== item.clientId))
    this.#deps.onChange(item.conversationId)
  }

  #update(clientId: string, change: (item: PendingMessage) => PendingMessage): PendingMessage | undefined {
    const item = this.#find(clientId)
    if (!item) return undefined
    const changed = change(item)
    this.#items = this.#items.map((each) => (each === item ? changed : each))
    this.#deps.onChange(item.conversationId)
    return changed
  }

  #changed(conversationId: number): void {
    this.#deps.onChange(conversationId)
    void this.#run(conversationId)
  }

  /** Changes the stored list in place of overwriting it: pages of one browser share it. */
  #persist(change: (items: PendingMessage[]) => PendingMessage[]): void {
    const { storage } = this.#deps
    const key = this.#key
    if (key === null) return
    this.#writing = this.#writing.then(async () => {
      try {
        await storage.set(key, JSON.stringify(change(await read(storage, key))))
      } catch {
        // A full storage costs what a reload would have kept, not the message.
      }
    })
  }
}

const keyOf = (userId: number): string => `outbox.${userId}`

const read = async (storage: KeyValueStore, key: string): Promise<PendingMessage[]> => {
  try {
    return JSON.parse((await storage.get(key)) ?? '[]') as PendingMessage[]
  } catch {
    return []
  }
}

/** Those of `items` that `others` lacks. */
const notIn = (others: readonly PendingMessage[], items: readonly PendingMessage[]): PendingMessage[] => {
  const known = new Set(others.map(({ clientId }) => clientId))
  return items.filter(({ clientId }) => !known.has(clientId))
}

const queuedAgain = (item: PendingMessage): PendingMessage => {
  const { error: _error, ...rest } = item
  return { ...rest, state: 'queued' }
}

const queuedUnlessFailed = (item: PendingMessage): PendingMessage =>
  item.state === 'failed' ? item : queuedAgain(item)

const pauseAfter = (error: unknown, refusals: number, random: () => number): number => {
  const asked = error instanceof CauserieError ? (error.retryAfter ?? 0) * 1000 : 0
  return Math.max(asked, backoff(refusals, random))
}
