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

/** Orders of which a second performance could undo what somebody else did after the first one. */
const CONTESTED = new Set<Order['type']>([
  'pin.add',
  'pin.remove',
  'member.add',
  'member.remove',
  'member.role',
  'member.erase',
  'conversation.rename',
  'conversation.delete',
])

export const isContested = (order: Order): boolean => CONTESTED.has(order.type)

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
