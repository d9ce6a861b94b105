import * as z from 'zod'
import { ConversationId, UserId } from './ids.ts'
import { pageOf } from './page.ts'
import { SafeText, Timestamp } from './text.ts'
import { User } from './user.ts'

export const InvitationStatus = z.enum(['pending', 'accepted', 'declined'])
export type InvitationStatus = z.infer<typeof InvitationStatus>

/**
 * One person asks another into a conversation: a group that the inviter leads, or, with `conversationId` null, a direct one that
 * accepting opens. Once accepted, `conversationId` names the conversation either way.
 */
export const Invitation = z.object({
  id: z.int().positive(),
  from: User,
  to: User,
  conversationId: ConversationId.nullable(),
  message: z.string(),
  status: InvitationStatus,
  createdAt: Timestamp,
  answeredAt: Timestamp.nullable(),
})
export type Invitation = z.infer<typeof Invitation>

/** The caller's invitations, both ways, newest first. */
export const InvitationPage = pageOf(Invitation)
export type InvitationPage = z.infer<typeof InvitationPage>

/** `POST /v1/invitations` */
export const NewInvitation = z.strictObject({
  userId: UserId,
  conversationId: ConversationId.optional(),
  message: SafeText.max(1_000).default(''),
})
export type NewInvitation = z.output<typeof NewInvitation>
