import type { Message } from '../protocol/message.ts'
import type { Dialect, Viewer } from './dialect.ts'
import { receiverOf, wordsOf, zuluSeconds } from './words.ts'

/** Document 004: accounts, events and messages with their reading, at `/ws/{token}`. Its socket only tells. */
export const events: Dialect = {
  name: 'events',
  close: { badToken: 4008, fault: 1011 },
  decode: () => ({ kind: 'reply', frames: [] }),

  encode(event, viewer) {
    if (event.type !== 'message.created') return []
    const { message } = event
    return [{ type: 'new_message', message: { ...messageShape(message, viewer), is_read: false } }]
  },

  answer: () => [],
}

const messageShape = (message: Message, viewer: Viewer) => ({
  id: message.id,
  content: wordsOf(message),
  created_at: zuluSeconds(message.createdAt),
  sender_id: message.senderId,
  receiver_id: receiverOf(message, viewer),
})
