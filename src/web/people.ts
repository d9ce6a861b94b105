import { signal } from '@preact/signals'
import type { InboxEntry, User } from '../sdk/index.ts'
import { client, connectionWords, me } from './state.ts'

const named = signal(0)
const seen = signal(0)
const asked = new Set<number>()
/** Who was not there, and when that was found out. */
const missing = new Map<number, number>()
const MISSING_MS = 5 * 60_000

const typing = signal<ReadonlyMap<number, readonly number[]>>(new Map())
client.on('typing', ({ conversationId, userIds }) => {
  typing.value = new Map(typing.peek()).set(conversationId, userIds)
})
client.on('presence', () => seen.value++)

/** Who this is, when that is known; asks for it otherwise, and whoever showed the gap is shown anew. */
export const personOf = (userId: number): User | undefined => {
  if (userId === me.value?.id) return me.value
  // Reading the signal is what makes the reader follow it.
  void named.value
  const person = client.users.peek(userId)
  if (!client.users.isFresh(userId) && isDue(userId)) void ask(userId)
  return person
}

export const nameOf = (userId: number): string =>
  personOf(userId)?.displayName ?? (missing.has(userId) ? 'Somebody' : '…')

/** Whether somebody is here; nobody is, as far as is known, while there is no connection. */
export const isOnline = (userId: number): boolean => {
  void seen.value
  return connectionWords.value === null && client.presence.isOnline(userId)
}

export const lastSeenOf = (userId: number): string | null => {
  void seen.value
  return client.presence.get(userId)?.lastSeenAt ?? null
}

/** Who is typing in a conversation now, without oneself. */
export const typistsIn = (conversationId: number): readonly number[] => typing.value.get(conversationId) ?? []

/** The other side of a direct conversation. */
export const partnerOf = ({ conversation, memberIds }: InboxEntry): number | undefined =>
  conversation.kind === 'direct' ? memberIds.find((id) => id !== me.value?.id) : undefined

/** What a conversation is called by the one who looks at it. */
export const titleOf = (entry: InboxEntry): string => {
  const partner = partnerOf(entry)
  return partner === undefined ? (entry.conversation.title ?? 'Conversation') : nameOf(partner)
}

const isDue = (userId: number): boolean => Date.now() - (missing.get(userId) ?? 0) > MISSING_MS

const ask = async (userId: number) => {
  if (asked.has(userId)) return
  asked.add(userId)
  const before = client.users.peek(userId)?.displayName
  try {
    const [found] = await client.users.getMany([userId])
    if (client.users.isFresh(userId)) missing.delete(userId)
    else missing.set(userId, Date.now())
    if (before === undefined || found?.displayName !== before) named.value++
  } catch {
    // The network was away: the next look asks again.
  }
  asked.delete(userId)
}
