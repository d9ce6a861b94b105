import type { ConversationCommand } from '../protocol/commands.ts'
import type { Role } from '../protocol/conversation.ts'
import { conversationOfMessage } from '../protocol/ids.ts'

/** What a conversation is asked beside the socket's commands, by REST or by a hub: changes and reads. */
type OtherOrder =
  | { type: 'entry.get'; conversationId: number }
  | {
      type: 'history.get'
      conversationId: number
      before?: number | undefined
      after?: number | undefined
      limit: number
    }
  | { type: 'message.get'; messageId: number }
  | { type: 'members.get'; conversationId: number }
  | { type: 'member.add'; conversationId: number; userIds: number[]; invitedAt?: number }
  | { type: 'member.remove'; conversationId: number; userId: number }
  | { type: 'member.role'; conversationId: number; userId: number; role: Role }
  | { type: 'member.erase'; conversationId: number }
  | { type: 'conversation.rename'; conversationId: number; title: string }
  | { type: 'conversation.delete'; conversationId: number }

/** Everything that a member may ask of a conversation, by socket or REST. */
export type Order = ConversationCommand | OtherOrder

/**
 * What an order does to a conversation: it only asks, or it changes something. A second performance of what is `contested` could undo what
 * somebody else did after the first one.
 */
const EFFECTS = {
  'message.send': 'changes',
  'message.edit': 'changes',
  'message.delete': 'changes',
  'reaction.add': 'changes',
  'reaction.remove': 'changes',
  'pin.add': 'contested',
  'pin.remove': 'contested',
  'read.mark': 'changes',
  'typing.start': 'asks',
  'typing.stop': 'asks',
  'changes.get': 'asks',
  'entry.get': 'asks',
  'history.get': 'asks',
  'message.get': 'asks',
  'members.get': 'asks',
  'member.add': 'contested',
  'member.remove': 'contested',
  'member.role': 'contested',
  'member.erase': 'contested',
  'conversation.rename': 'contested',
  'conversation.delete': 'contested',
} satisfies Record<Order['type'], 'asks' | 'changes' | 'contested'>

export const isContested = (order: Order): boolean => EFFECTS[order.type] === 'contested'

export const isChange = (order: Order): boolean => EFFECTS[order.type] !== 'asks'

export const conversationOfOrder = (order: Order): number =>
  'conversationId' in order ? order.conversationId : conversationOfMessage(order.messageId)

/** About how many characters an order has; of those that say nothing, few. */
export const charactersOf = (order: Order): number => {
  if (order.type !== 'message.send' && order.type !== 'message.edit') return SMALL
  const { content } = order
  return (
    SMALL + (content.kind === 'text' ? content.text.length : content.ciphertext.length + content.associatedData.length)
  )
}

const SMALL = 200
