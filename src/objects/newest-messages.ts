import type { Order } from '../core/orders.ts'
import type { InboxEntry, Member, MemberList } from '../protocol/conversation.ts'
import type { Refusal } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { HistoryPage, Message } from '../protocol/message.ts'
import { postOrders } from './post-orders.ts'
import type { Conversations } from './stubs.ts'

/** What one reading may cost: calls to conversations, the messages that they read, and what these hold in memory. */
const MAX_CALLS = 200
const MAX_MESSAGES = 4_000
const MAX_CHARACTERS = 4 * 1024 * 1024

/** `by` keeps what the user wrote, or what others did; `with` keeps the direct conversation with somebody and what they said in groups. */
export type NewestQuery = { by?: 'self' | 'others'; with?: number; skip: number; limit: number }

/** Messages, the newest first, and where each conversation of theirs stands; `members` of direct ones only. */
export type Newest = { messages: Message[]; conversations: { entry: InboxEntry; members: Member[] }[] }

type Page = { messages: Message[]; more: boolean; members: Member[]; characters: number }

/** Reads a page of one conversation; null where it cannot be read. */
type ReadPage = (entry: InboxEntry, query: { before?: number; limit: number }) => Promise<Page | null>

/**
 * Merges the newest messages of many conversations by their time, reading only as far into each as is needed. Deleted ones are left
 * out. Where it would cost too much it answers what it has: the newest are among it. `spend` is asked before each page.
 */
export const newestMessages = async (
  userId: number,
  given: { entries: InboxEntry[]; query: NewestQuery; read: ReadPage; spend: () => Refusal | null },
): Promise<Newest | Refusal> => {
  const { entries, query, read, spend } = given
  const sources = entries.filter((entry) => concerns(entry, query)).map(sourceOf)
  // What the other side wrote fills a page too, and is passed over.
  const limit = query.by === undefined ? Math.min(query.skip + query.limit, LIMITS.pageSize) : LIMITS.pageSize
  const found: Message[] = []
  const cost = { calls: 0, messages: 0, characters: 0 }
  while (found.length < query.skip + query.limit) {
    const source = latest(sources)
    if (!source) break
    const message = source.waiting.shift()
    if (message) {
      if (fits(message, { userId, entry: source.entry, query })) found.push(message)
      source.newest = source.waiting[0]?.createdAt ?? (source.more ? message.createdAt : '')
      source.before = message.seq
      continue
    }
    if (cost.calls >= MAX_CALLS || cost.messages >= MAX_MESSAGES || cost.characters > MAX_CHARACTERS) break
    const refusal = spend()
    if (refusal) return refusal
    const page = await read(source.entry, { ...(source.before !== null && { before: source.before }), limit })
    cost.calls += 1
    cost.messages += page?.messages.length ?? 0
    cost.characters += page?.characters ?? 0
    source.waiting = page?.messages ?? []
    source.more = page?.more ?? false
    source.members = page?.members ?? []
    source.newest = source.waiting[0]?.createdAt ?? ''
  }
  const messages = found.slice(query.skip)
  const named = new Set(messages.map((message) => message.conversationId))
  const conversations = sources.filter(({ entry }) => named.has(entry.conversation.id))
  return { messages, conversations: conversations.map(({ entry, members }) => ({ entry, members })) }
}

/** Reads pages as this user; of a direct conversation with its members, who hold the read marks. */
export const pageReader =
  (conversations: Conversations, userId: number): ReadPage =>
  async (entry, query) => {
    const conversationId = entry.conversation.id
    const orders: Order[] = [{ type: 'history.get', conversationId, ...query }]
    if (entry.conversation.kind === 'direct') orders.push({ type: 'members.get', conversationId })
    const { submitted } = await postOrders(conversations, { conversationId, userId, orders })
    const [history, members] = submitted.answers
    if (!history?.ok) return null
    const { items, nextCursor } = JSON.parse(history.json) as HistoryPage
    return {
      messages: items,
      more: nextCursor !== null,
      members: members?.ok ? (JSON.parse(members.json) as MemberList).items : [],
      characters: history.json.length,
    }
  }

/** `newest` is the time that nothing unread in it is above; empty where nothing is left. */
type Source = {
  entry: InboxEntry
  waiting: Message[]
  before: number | null
  more: boolean
  newest: string
  members: Member[]
}

const sourceOf = (entry: InboxEntry): Source => ({
  entry,
  waiting: [],
  before: null,
  more: true,
  newest: entry.lastMessage?.createdAt ?? '',
  members: [],
})

const latest = (sources: Source[]): Source | undefined => {
  let best: Source | undefined
  for (const source of sources) if (source.newest !== '' && source.newest > (best?.newest ?? '')) best = source
  return best
}

const concerns = (entry: InboxEntry, query: NewestQuery): boolean =>
  query.with === undefined || entry.conversation.kind === 'group' || entry.memberIds.includes(query.with)

const fits = (message: Message, given: { userId: number; entry: InboxEntry; query: NewestQuery }): boolean => {
  const { userId, entry, query } = given
  if (message.deletedAt !== null) return false
  if (query.by !== undefined && (message.senderId === userId) !== (query.by === 'self')) return false
  return query.with === undefined || entry.conversation.kind === 'direct' || message.senderId === query.with
}
