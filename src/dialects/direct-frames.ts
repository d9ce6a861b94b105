import * as z from 'zod'
import { UserId } from '../protocol/ids.ts'
import { TextContent } from '../protocol/message.ts'
import { clientFrame, type SaidFrame } from './client-frames.ts'
import { WholeNumber } from './fastapi.ts'
import { objectIn } from './words.ts'

/** What two documents have their clients say in the same way. */

/** The type stands among the fields. */
export const flatFrame = (text: string): SaidFrame | null => {
  const fields = objectIn(text)
  return fields && { type: fields['type'], fields }
}

const SendMessage = z.object({ receiver_id: WholeNumber.pipe(UserId), content: TextContent.shape.text })

/** A message to somebody, with whom a direct conversation is opened if need be. */
export const sendDirectly = clientFrame(SendMessage, (sent, newClientId) => {
  const content = { kind: 'text' as const, text: sent.content }
  const clientId = newClientId()
  return {
    kind: 'direct',
    userId: sent.receiver_id,
    command: (conversationId) => ({ type: 'message.send', conversationId, clientId, content }),
  }
})
