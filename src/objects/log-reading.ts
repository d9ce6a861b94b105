import type { Changes, InboxEntry, MemberList } from '../protocol/conversation.ts'
import type { ConversationEvent } from '../protocol/events.ts'
import { previewOf } from '../protocol/inbox.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { HistoryPage, HistoryQuery } from '../protocol/message.ts'
import type { CatchUp } from './batch.ts'
import type { MemberRow } from './conversation-schema.ts'
import { type MessageRevision, revOf } from './conversation-store.ts'
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
    memberIds: intimatesOf(state),
  }
}

/** Who is in a conversation that is small enough for everybody to see everybody. */
export const intimatesOf = (state: LogState): number[] => {
  const present = state.present()
  return present.length > LIMITS.intimateMembers ? [] : present.map((each) => each.userId).toSorted((a, b) => a - b)
}

export const unreadAt = (state: LogState, userId: number, readSeq: number): number =>
  readSeq >= state.seq ? 0 : state.unread(userId, readSeq)

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
  return {
    conversationId: state.id,
    epoch: state.row.epoch,
    since,
    rev: upTo,
    more,
    ...aroundMessages(state, since, upTo),
    messages: rows.map((row) => messageView(state.id, row)),
  }
}

/** The present state of what else changed above `after` up to `upTo`. */
const aroundMessages = (state: LogState, after: number, upTo: number): Pick<Changes, 'conversation' | 'members'> => {
  const within = (rev: number): boolean => rev > after && rev <= upTo
  return {
    conversation: within(state.row.rev) ? conversationView(state.row) : null,
    members: state
      .everybody()
      .filter((member) => within(member.rev))
      .map((member) => memberView(member, state.row.readReceipts)),
  }
}

/**
 * What happened above `after` as events, for a hub that missed some; a page of it. A message comes as new at the revision that made it, as
 * it is now, and as changed at that of its last change. So whoever was told all up to some revision was told of every message
 * that was made before it, however often it was changed since, and of none twice.
 */
export const catchUpOf = (state: LogState, after: number): CatchUp => {
  const { revisions, more } =
    after >= state.rev ? { revisions: [], more: false } : state.store.revisionsAbove(after, LIMITS.pageSize)
  const upTo = (more ? revisions.at(-1)?.rev : undefined) ?? state.rev
  const events = [...revisions.map((revision) => eventAt(state, revision)), ...eventsAround(state, after, upTo)]
  events.sort((a, b) => a.rev - b.rev)
  return {
    conversationId: state.id,
    epoch: state.row.epoch,
    after,
    upTo,
    more,
    revs: events.map((event) => event.rev),
    frames: events.map((event) => JSON.stringify(event)),
  }
}

const eventAt = (state: LogState, { rev, row }: MessageRevision): ConversationEvent => {
  const type = rev === row.rev ? 'message.created' : row.deletedAt === null ? 'message.updated' : 'message.deleted'
  return { type, conversationId: state.id, rev, message: messageView(state.id, row) }
}

const eventsAround = (state: LogState, after: number, upTo: number): ConversationEvent[] => {
  const conversationId = state.id
  const { members, conversation } = aroundMessages(state, after, upTo)
  const events = members.flatMap((member): ConversationEvent[] => {
    const rev = state.member(member.userId)?.rev ?? upTo
    const changed = { type: 'member.changed' as const, conversationId, rev, member }
    if (member.readSeq === null || member.readSeq === 0) return [changed]
    return [changed, { type: 'read.changed', conversationId, rev, userId: member.userId, seq: member.readSeq }]
  })
  if (conversation) events.push({ type: 'conversation.updated', conversationId, rev: state.row.rev, conversation })
  return events
}
