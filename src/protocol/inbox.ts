import type { InboxEntry } from './conversation.ts'
import type { ConversationEvent } from './events.ts'
import { LIMITS } from './limits.ts'
import type { Message, MessagePreview } from './message.ts'

/**
 * What an inbox entry becomes by the next event of its conversation, seen by `viewerId`. Both ends apply this rule, so that
 * the server's inbox and a client's live one agree. Null where the entry cannot tell (its count was at the limit): ask again.
 */
export const nextInboxEntry = (entry: InboxEntry, event: ConversationEvent, viewerId: number): InboxEntry | null => {
  // A private read mark has no revision of its own; everything else at or below the entry's is in it already.
  if (event.rev <= entry.rev && event.type !== 'read.changed') return entry
  const next = { ...entry, rev: Math.max(entry.rev, event.rev) }
  switch (event.type) {
    case 'message.created': {
      const { message } = event
      // Where the server forgot what it told, a message comes again as it is now: the entry has counted it.
      if (message.seq <= entry.seq) return { ...next, ...lastMessageAfter(entry, message) }
      const counts = message.senderId !== viewerId && message.seq > entry.readSeq
      return {
        ...next,
        seq: message.seq,
        lastMessage: previewOf(message),
        unread: counts ? Math.min(entry.unread + 1, LIMITS.unreadCount) : entry.unread,
      }
    }
    case 'message.updated':
      return { ...next, ...lastMessageAfter(entry, event.message) }
    case 'message.deleted': {
      const { message } = event
      // It came and went while nobody listened: the entry has not counted it.
      if (message.seq > entry.seq) return { ...next, seq: message.seq, lastMessage: previewOf(message) }
      const from = Math.max(entry.readSeq, entry.seq - LIMITS.countedMessages)
      const counted = message.senderId !== viewerId && message.seq > from
      if (counted && entry.unread >= LIMITS.unreadCount) return null
      return {
        ...next,
        ...lastMessageAfter(entry, message),
        unread: counted ? Math.max(0, entry.unread - 1) : entry.unread,
      }
    }
    case 'reaction.changed':
      return next
    case 'read.changed':
      if (event.userId !== viewerId || event.seq <= entry.readSeq) return next
      // A mark at the head leaves nothing unread; below it, only the log can count.
      return event.seq >= entry.seq ? { ...next, readSeq: event.seq, unread: 0 } : null
    case 'member.changed': {
      const { member } = event
      const wasIn = entry.memberIds.includes(member.userId)
      const isIn = member.leftAt === null
      // Above the limit the list is empty and only the log knows who is in.
      if (entry.memberIds.length !== entry.memberCount || entry.memberCount >= LIMITS.intimateMembers) return null
      const memberIds = isIn
        ? wasIn
          ? entry.memberIds
          : [...entry.memberIds, member.userId].toSorted((a, b) => a - b)
        : entry.memberIds.filter((id) => id !== member.userId)
      return {
        ...next,
        memberIds,
        memberCount: memberIds.length,
        role: member.userId === viewerId && isIn ? member.role : entry.role,
      }
    }
    case 'conversation.updated':
      return { ...next, conversation: event.conversation }
  }
}

const lastMessageAfter = (entry: InboxEntry, changed: Message) =>
  entry.lastMessage?.id === changed.id ? { lastMessage: previewOf(changed) } : {}

/** What an inbox shows of a message. An inbox is read whole, so a line of it must stay small whatever people send. */
export const previewOf = (message: Message): MessagePreview => {
  const { id, seq, senderId, createdAt, editedAt, deletedAt } = message
  return { id, seq, senderId, createdAt, editedAt, deletedAt, content: shownOf(message.content) }
}

const shownOf = (content: Message['content']): MessagePreview['content'] => {
  if (content === null) return null
  return content.kind === 'text' ? { kind: 'text', text: beginningOf(content.text) } : { kind: 'sealed' }
}

/** When something was last said in it, as ISO 8601. */
export const activityOf = (entry: InboxEntry): string => entry.lastMessage?.createdAt ?? entry.conversation.createdAt

/** The order of an inbox: the last active first. */
export const byActivity = (a: InboxEntry, b: InboxEntry): number =>
  activityOf(b).localeCompare(activityOf(a)) || b.conversation.id - a.conversation.id

/** Half of a pair of surrogates is no letter. */
const beginningOf = (text: string): string => text.slice(0, LIMITS.previewLength).replace(/[\uD800-\uDBFF]$/, '')
