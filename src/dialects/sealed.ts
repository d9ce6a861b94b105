import { ERRORS } from '../protocol/errors.ts'
import type { Content } from '../protocol/message.ts'
import type { Dialect } from './dialect.ts'

/** Document 001: messages that the clients encrypt, pushed at `/ws?token=`. */
export const sealed: Dialect = {
  name: 'sealed',
  close: { badToken: 1008, fault: 1011 },

  /** The document expects nothing from a client and keeps the socket open whatever comes. */
  decode: () => ({ kind: 'reply', frames: [] }),

  encode(event) {
    if (event.type !== 'message.created' || event.message.content === null) return []
    const { id, conversationId, senderId, createdAt, content } = event.message
    return [
      { type: 'newMessage', messageId: id, conversationId, senderId, timestamp: createdAt, ...sealedFieldsOf(content) },
    ]
  },

  answer: (_, told) => (told.ok ? [] : [{ type: 'error', message: ERRORS[told.code][1] }]),
}

/**
 * A message as its four sealed fields. One that was written in the clear has no nonce and no tag, and its text, in base64, in the place
 * of the ciphertext: a client can tell it by that, and it is not lost.
 */
export const sealedFieldsOf = (content: Content) => {
  if (content.kind === 'sealed') {
    const { nonce, ciphertext, authTag, associatedData } = content
    return { nonce, ciphertext, authTag, associatedData }
  }
  const bytes = new TextEncoder().encode(content.text)
  const ciphertext = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  return { nonce: '', ciphertext, authTag: '', associatedData: '' }
}
