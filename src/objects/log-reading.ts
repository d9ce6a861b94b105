import type { Changes, InboxEntry, MemberList } from '../protocol/conversation.ts'
import type { ConversationEvent } from '../protocol/events.ts'
import { previewOf } from '../protocol/inbox.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { HistoryPage, HistoryQuery, Message } from '../protocol/message.ts'
import type { CatchUp, Missing } from './batch.ts'
import type { MemberRow } from './conversation-schema.ts'
import { revOf } from './conversation-store.ts'
import type { LogState } from './log-state.ts'
import { conversationView, memberView, messageView } from './views.ts'

/** How the inbox of this member shows the conversation. */
export const entryOf = (state: LogState, member: MemberRow): InboxEntry => {
  const last = state.store.lastMessage()
  const present = state.present()
  return {
    conversation: conversationView(state.row),
    epoch: state.row.epoch,
    rev: state.rev,
    seq: state.seq,
    role: member.role,
    readSeq: member.readSeq,
    unread: unreadAt(state, member.userId, member.readSeq),
    lastMessage: last ? previewOf(messageView(state.id, last)) : null,
    memberCount: present.length,
    memberIds:
      present.length > LIMITS.intimateMembers ? [] : present.map((each) => each.userId).toSorted((a, b) => a - b),
  }
}

export const unreadAt = (state: LogState, userId: number, readSeq: number): number =>
  readSeq >= state.seq ? 0 : state.store.unread(userId, readSeq)

export const historyOf = (state: LogState, query: HistoryQuery): HistoryPage => {
  const { rows, more } = state.store.history(query)
  const next = query.after !== undefined && query.before === undefined ? rows[0] : rows.at(-1)
  return {
    items: rows.map((row) => messageView(state.id, row)),
    nextCursor: more && next ? String(next.seq) : null,
    epoch: state.row.epoch,
    rev: state.rev,
  }
}

export const memberListOf = (state: LogState): MemberList => ({
  items: state.present().map((member) => memberView(member, state.row.readReceipts)),
  nextCursor: null,
  epoch: state.row.epoch,
  rev: state.rev,
})

const NOTHING = { rows: [], more: false }

/** The present state of what changed above `since`, at most `limit` messages of it, and fewer where they are large. */
export const changesOf = (state: LogState, since: number, limit: number): Changes => {
  const { rows, more } = since >= state.rev ? NOTHING : state.store.changedMessages(since, limit)
  const lastRow = rows.at(-1)
  const upTo = more && lastRow ? revOf(lastRow) : state.rev
  const within = (rev: number): boolean => rev > since && rev <= upTo
  return {
    conversationId: state.id,
    epoch: state.row.epoch,
    since,
    rev: upTo,
    more,
    conversation: within(state.row.rev) ? conversationView(state.row) : null,
    members: state
      .everybody()
      .filter((member) => within(member.rev))
      .map((member) => memberView(member, state.row.readReceipts)),
    messages: rows.map((row) => messageView(state.id, row)),
  }
}

/** A page of the same as events, for a hub that missed some. */
export const catchUpOf = (state: LogState, { from, after }: Missing): CatchUp => {
  const page = changesOf(state, after, LIMITS.pageSize)
  const events = eventsOf(state, page, from)
  return {
    conversationId: state.id,
    from,
    after,
    upTo: page.rev,
    more: page.more,
    revs: events.map((event) => event.rev),
    frames: events.map((event) => JSON.stringify(event)),
  }
}

const eventsOf = (state: LogState, page: Changes, from: number): ConversationEvent[] => {
  const { conversationId } = page
  const events: ConversationEvent[] = page.messages.map((message) => ({
    type: eventTypeOf(state, message, from),
    conversationId,
    rev: message.rev,
    message,
  }))
  for (const member of page.members) {
    const rev = state.member(member.userId)?.rev ?? page.rev
    events.push({ type: 'member.changed', conversationId, rev, member })
    if (member.readSeq !== null && member.readSeq > 0) {
      events.push({ type: 'read.changed', conversationId, rev, userId: member.userId, seq: member.readSeq })
    }
  }
  const { conversation } = page
  if (conversation) events.push({ type: 'conversation.updated', conversationId, rev: state.row.rev, conversation })
  return events.toSorted((a, b) => a.rev - b.rev)
}

const eventTypeOf = (state: LogState, message: Message, from: number) => {
  if (message.deletedAt !== null) return 'message.deleted'
  return (state.store.message(message.seq)?.rev ?? 0) > from ? 'message.created' : 'message.updated'
}
