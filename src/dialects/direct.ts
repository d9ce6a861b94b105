import * as z from 'zod'
import { ERRORS } from '../protocol/errors.ts'
import { UserId } from '../protocol/ids.ts'
import { TextContent } from '../protocol/message.ts'
import type { Dialect } from './dialect.ts'
import { invalid, malformed, naiveSeconds, objectIn, receiverOf, unknownType, wordsOf } from './words.ts'

const SendMessage = z.object({ receiver_id: UserId, content: TextContent.shape.text })

/** Document 000: private messages with editing, deleting and presence, at `/messages/ws?token=`. */
export const direct: Dialect = {
  name: 'direct',
  close: { badToken: 4001, fault: 4000 },

  decode(frame, newClientId) {
    const object = objectIn(frame)
    if (!object) return malformed
    if (object['type'] === 'ping') return { kind: 'reply', frames: [{ type: 'pong' }] }
    if (object['type'] !== 'send_message') return unknownType
    const sent = SendMessage.safeParse(object)
    if (!sent.success) return invalid
    const content = { kind: 'text' as const, text: sent.data.content }
    const clientId = newClientId()
    return {
      kind: 'direct',
      userId: sent.data.receiver_id,
      command: (conversationId) => ({ type: 'message.send', conversationId, clientId, content }),
    }
  },

  encode(event, viewer) {
    if (!('message' in event)) return []
    const { message } = event
    const parties = { sender_id: message.senderId, receiver_id: receiverOf(message, viewer) }
    const { id } = message
    const content = wordsOf(message)
    switch (event.type) {
      case 'message.created':
        return [{ type: 'new_message', id, content, ...parties, created_at: naiveSeconds(message.createdAt) }]
      case 'message.updated':
        // A pin is no new wording.
        if (message.editedAt === null) return []
        return [{ type: 'message_updated', id, content, ...parties, updated_at: naiveSeconds(message.editedAt) }]
      case 'message.deleted':
        return [{ type: 'message_deleted', id, ...parties }]
    }
  },

  answer(asked, told) {
    if (!told.ok) return [{ type: 'error', message: ERRORS[told.code][1] }]
    return asked.kind === 'reply' ? asked.frames : []
  },
}
