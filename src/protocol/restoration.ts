import * as z from 'zod'
import { ConversationId, Rev, Seq, UserId } from './ids.ts'
import { Timestamp } from './text.ts'

/** To which point in time a conversation is to be put back. */
export const RestoreConversation = z.strictObject({ time: Timestamp })
export type RestoreConversation = z.infer<typeof RestoreConversation>

/** Where it stands since. Its `epoch` is new, so that every copy of what is undone is dropped. */
export const Restored = z.object({
  conversationId: ConversationId,
  epoch: z.string(),
  rev: Rev,
  seq: Seq,
  memberIds: z.array(UserId),
})
export type Restored = z.infer<typeof Restored>
