import {
  heirOf,
  mayAddMembers,
  mayChangeRole,
  mayDeleteConversation,
  mayRemoveMember,
  mayRename,
} from '../core/conversation-rules.ts'
import type { Order } from '../core/orders.ts'
import { refuse } from '../protocol/errors.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { ConversationRow, MemberRow } from './conversation-schema.ts'
import { entryOf, memberListOf } from './log-reading.ts'
import { FOR_GOOD, type LogState } from './log-state.ts'
import { forgetMessage, withdrawReactions } from './message-orders.ts'
import { answered, type Emission, emissionOf, type Outcome, refused } from './outcome.ts'
import { conversationView, memberView } from './views.ts'

/** What a member may do with the members and with the conversation itself. */

const ERASED_AT_ONCE = 200

type OrderOf<Type extends Order['type']> = Extract<Order, { type: Type }>
type Given = { state: LogState; actor: MemberRow; now: number }

export const joinMember = (state: LogState, member: { userId: number; role: MemberRow['role'] }, now: number) =>
  state.putMember({
    ...member,
    joinedAt: now,
    leftAt: null,
    readSeq: state.seq,
    rev: state.nextRev(),
    asleep: false,
    nap: state.member(member.userId)?.nap ?? 0,
    told: false,
    blocks: false,
  })

export const addMembers = ({ state, actor, now }: Given, order: OrderOf<'member.add'>): Outcome => {
  const { userIds, invitedAt = Number.POSITIVE_INFINITY } = order
  // Who was removed since does not come back by an invitation of before.
  if (userIds.some((id) => (state.member(id)?.leftAt ?? 0) > invitedAt)) return refused(refuse('member.not_allowed'))
  const added = [...new Set(userIds)].filter((id) => state.member(id)?.leftAt !== null)
  const ever = state.everybody().length + added.filter((id) => !state.member(id)).length
  const no = mayAddMembers({ actor, kind: state.kind, present: state.presentCount, added: added.length, ever })
  if (no) return refused(no)
  const emissions = added.map((userId) => memberChanged(state, joinMember(state, { userId, role: 'member' }, now)))
  const outgrown = state.row.readReceipts && state.presentCount > LIMITS.intimateMembers
  if (outgrown) emissions.push(conversationChanged(state, { readReceipts: false }))
  return answered(memberListOf(state), emissions)
}

export const removeMember = ({ state, actor, now }: Given, userId: number): Outcome => {
  const target = state.member(userId)
  if (!target || target.leftAt !== null) return refused(refuse('member.not_found'))
  const no = mayRemoveMember({ actor, kind: state.kind, target })
  if (no) return refused(no)
  const emissions: Emission[] = []
  if (target.role === 'owner') {
    const heir = heirOf(state.present().filter((member) => member !== target))
    if (heir) emissions.push(memberChanged(state, setRole(state, heir, 'owner')))
  }
  const gone = { ...target, role: 'member' as const, leftAt: now, rev: state.nextRev(), told: false }
  emissions.push(memberChanged(state, state.putMember(gone)))
  if (state.presentCount === 0) endConversation(state, now)
  return answered({}, emissions)
}

/**
 * Somebody whose account ends, a member or a former one: what they wrote loses its content, their reactions go, a part at a time while `more`
 * is answered, and then they leave. In a direct conversation they stay as the one it was with, and are not called again.
 */
export const eraseMember = ({ state, actor, now }: Given): Outcome => {
  const { userId } = actor
  const written = state.store.messagesBy(userId, ERASED_AT_ONCE)
  const emissions = written.flatMap((row) => forgetMessage(state, row, now))
  if (written.length === ERASED_AT_ONCE) return answered({ more: true }, emissions)
  const reacted = state.store.messagesReactedBy(userId, ERASED_AT_ONCE)
  emissions.push(...reacted.flatMap((row) => withdrawReactions(state, row, userId)))
  if (reacted.length === ERASED_AT_ONCE) return answered({ more: true }, emissions)
  if (state.kind === 'direct') state.putMember({ ...actor, asleep: true, nap: FOR_GOOD })
  else if (actor.leftAt === null) emissions.push(...removeMember({ state, actor, now }, userId).emissions)
  // Groups that everybody had left before December 2026 were not ended by that.
  if (state.presentCount === 0 && state.row.deletedAt === null) endConversation(state, now)
  return answered({ more: false }, emissions)
}

export const changeRole = ({ state, actor }: Given, order: OrderOf<'member.role'>): Outcome => {
  const target = state.member(order.userId)
  if (!target || target.leftAt !== null) return refused(refuse('member.not_found'))
  const no = mayChangeRole(actor, state.kind)
  if (no) return refused(no)
  // The owner stays owner until there is another one.
  if (target.role === order.role || target === actor) return answered(memberListOf(state))
  const emissions = [memberChanged(state, setRole(state, target, order.role))]
  if (order.role === 'owner') emissions.push(memberChanged(state, setRole(state, actor, 'admin')))
  return answered(memberListOf(state), emissions)
}

export const rename = ({ state, actor }: Given, title: string): Outcome => {
  const no = mayRename(actor, state.kind)
  if (no) return refused(no)
  const emissions = state.row.title === title ? [] : [conversationChanged(state, { title })]
  return answered(entryOf(state, actor), emissions)
}

/** Everybody leaves at once; the rows stay until their hubs know. */
export const deleteConversation = ({ state, actor, now }: Given): Outcome => {
  // The block of an account that ended ended with it.
  const blockers = state.everybody().filter(({ blocks, nap }) => blocks && nap !== FOR_GOOD)
  const isBlockedByOther = blockers.some(({ userId }) => userId !== actor.userId)
  const no = mayDeleteConversation({ actor, kind: state.kind, isBlockedByOther })
  if (no) return refused(no)
  for (const member of state.present()) {
    state.putMember({ ...member, leftAt: now, rev: state.nextRev(), told: false })
  }
  endConversation(state, now)
  return answered({})
}

/** Nobody is in it any more, and nobody comes back: its messages are deleted in a while. */
const endConversation = (state: LogState, now: number): void =>
  state.changeConversation({ title: null, deletedAt: now, rev: state.nextRev() })

const setRole = (state: LogState, member: MemberRow, role: MemberRow['role']): MemberRow =>
  state.putMember({ ...member, role, rev: state.nextRev() })

const memberChanged = (state: LogState, row: MemberRow): Emission => {
  const member = memberView(row, state.row.readReceipts)
  return emissionOf({ type: 'member.changed', conversationId: state.id, rev: row.rev, member })
}

const conversationChanged = (state: LogState, change: Partial<ConversationRow>): Emission => {
  const rev = state.nextRev()
  state.changeConversation({ ...change, rev })
  const conversation = conversationView(state.row)
  return emissionOf({ type: 'conversation.updated', conversationId: state.id, rev, conversation })
}
