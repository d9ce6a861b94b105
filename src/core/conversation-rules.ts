import type { ConversationKind, Role } from '../protocol/conversation.ts'
import { type ErrorCode, type Refusal, refuse } from '../protocol/errors.ts'
import { MAX_SEQ } from '../protocol/ids.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Reaction } from '../protocol/message.ts'

/** Who may do what in a conversation. Each rule answers null for yes, or the refusal. */

type Actor = { userId: number; role: Role }
type Written = { senderId: number; deletedAt: number | null }

const no = (code: ErrorCode): Refusal => refuse(code)
const leads = (actor: Actor): boolean => actor.role !== 'member'

export const mayEdit = (actor: Actor, message: Written): Refusal | null =>
  message.senderId !== actor.userId
    ? no('message.not_owner')
    : message.deletedAt !== null
      ? no('message.deleted')
      : null

export const mayDelete = (input: { actor: Actor; kind: ConversationKind; message: Written }): Refusal | null => {
  const { actor, kind, message } = input
  if (message.senderId === actor.userId) return null
  return kind === 'group' && leads(actor) ? null : no('message.not_owner')
}

export const mayPin = (actor: Actor, kind: ConversationKind): Refusal | null =>
  kind === 'direct' || leads(actor) ? null : no('member.not_allowed')

export const mayRename = (actor: Actor, kind: ConversationKind): Refusal | null => mayLead(actor, kind)

/** Asking somebody in is adding them, once they agree. */
export const mayInvite = (actor: Actor, kind: ConversationKind): Refusal | null => mayLead(actor, kind)

/** Two people of whom one has blocked the other say nothing new to each other; groups that they share go on. */
export const mayWrite = (input: { kind: ConversationKind; isBlocked: boolean; hasErased: boolean }): Refusal | null => {
  const { kind, isBlocked, hasErased } = input
  if (kind !== 'direct') return null
  // Nor does anybody write to an account that ended.
  return hasErased ? no('user.not_found') : isBlocked ? no('conversation.blocked') : null
}

/** The number of a message is a part of its id, and has an end. */
export const mayAddMessage = ({ seq }: { seq: number }): Refusal | null =>
  seq < MAX_SEQ ? null : no('conversation.full')

export const mayAddMembers = (input: {
  actor: Actor
  kind: ConversationKind
  present: number
  added: number
  /** Who is or was in it, these among them. */
  ever: number
}): Refusal | null => {
  const isFull = input.present + input.added > LIMITS.members || input.ever > LIMITS.membersEver
  return mayLead(input.actor, input.kind) ?? (isFull ? no('conversation.full') : null)
}

/** Anybody may leave a group. The owner removes anybody, an admin removes plain members. */
export const mayRemoveMember = (input: { actor: Actor; kind: ConversationKind; target: Actor }): Refusal | null => {
  const { actor, kind, target } = input
  if (kind === 'direct') return no('conversation.is_direct')
  if (actor.userId === target.userId || actor.role === 'owner') return null
  return actor.role === 'admin' && target.role === 'member' ? null : no('member.not_allowed')
}

export const mayChangeRole = (actor: Actor, kind: ConversationKind): Refusal | null =>
  kind === 'direct' ? no('conversation.is_direct') : actor.role === 'owner' ? null : no('member.not_allowed')

/**
 * A group is its owner's to end; a direct conversation belongs to both, and either ends it for both. Whom the other has blocked does not: what
 * was said may be needed.
 */
export const mayDeleteConversation = (input: {
  actor: Actor
  kind: ConversationKind
  isBlockedByOther: boolean
}): Refusal | null => {
  const { actor, kind, isBlockedByOther } = input
  if (kind !== 'direct') return mayChangeRole(actor, kind)
  return isBlockedByOther ? no('conversation.blocked') : null
}

/** Who owns the group when its owner leaves: the longest-standing admin, else the longest-standing member. */
export const heirOf = <M extends Actor & { joinedAt: number }>(others: M[]): M | undefined =>
  others.toSorted(
    (a, b) => Number(b.role === 'admin') - Number(a.role === 'admin') || a.joinedAt - b.joinedAt || a.userId - b.userId,
  )[0]

/** The reactions after one more, or one less; the same array where nothing changes. */
export const withReaction = (
  reactions: Reaction[],
  change: { userId: number; emoji: string; added: boolean },
): Reaction[] | Refusal => {
  const { userId, emoji, added } = change
  const found = reactions.find((reaction) => reaction.emoji === emoji)
  if ((found?.userIds.includes(userId) ?? false) === added) return reactions
  if (!found) {
    if (reactions.length >= LIMITS.reactionsPerMessage) return no('message.too_many_reactions')
    return [...reactions, { emoji, userIds: [userId] }]
  }
  const userIds = added ? [...found.userIds, userId] : found.userIds.filter((id) => id !== userId)
  return reactions.flatMap((reaction) =>
    reaction !== found ? [reaction] : userIds.length > 0 ? [{ emoji, userIds }] : [],
  )
}

const mayLead = (actor: Actor, kind: ConversationKind): Refusal | null =>
  kind === 'direct' ? no('conversation.is_direct') : leads(actor) ? null : no('member.not_allowed')
