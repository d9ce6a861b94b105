import type { Order } from '../core/orders.ts'
import type { Refusal } from '../protocol/errors.ts'
import type { Answer } from './batch.ts'

/** Has a conversation erase what a member wrote, a part at a time; null when that is done, or there is nothing to do. */
export const eraseInParts = async (
  conversationId: number,
  submit: (order: Order) => Promise<Answer>,
): Promise<Refusal | null> => {
  for (;;) {
    const answer = await submit({ type: 'member.erase', conversationId })
    if (!answer.ok) return answer.code === 'conversation.not_found' ? null : answer
    const { more } = JSON.parse(answer.json) as { more: boolean }
    if (!more) return null
  }
}
