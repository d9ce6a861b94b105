import { Hono } from 'hono'
import * as z from 'zod'
import { ERRORS } from '../protocol/errors.ts'
import type { ServerEvent } from '../protocol/events.ts'
import { ConversationId, conversationOfMessage, MessageId } from '../protocol/ids.ts'
import type { Invitation } from '../protocol/invitation.ts'
import { TextContent } from '../protocol/message.ts'
import type { User } from '../protocol/user.ts'
import {
  answerInvitation,
  askIn,
  budgeted,
  listMessages,
  messageShape,
  onFailure,
  postMessage,
  signedInAdmin,
} from './admin-chat.ts'
import { clientFrame } from './client-frames.ts'
import type { Dialect, DialectEnv, Viewer } from './dialect.ts'
import { slashed, WholeNumber } from './fastapi.ts'
import { acceptUnknown } from './rooms-socket.ts'
import { authenticationFailed, eventIn, say } from './rooms-words.ts'
import { isPosted } from './words.ts'

/** The document's ids are strings. */
const Id = WholeNumber.pipe(ConversationId)
const Words = TextContent.shape.text
const SendMessage = z.object({
  conversation_id: Id,
  message: z.union([
    Words.transform((content) => ({ content, id: undefined })),
    z.object({ content: Words, id: z.unknown().optional() }),
  ]),
})
const Room = z.object({ conversation_id: Id })
const inRoom = ({ joined }: { joined: boolean }) =>
  clientFrame(Room, (room) => ({ kind: 'room', conversationId: room.conversation_id, joined }))
const CLOSE = { badToken: 1008, fault: 1011 }

/** Document 003: rooms and invitations among administrators, at `/ws/chat`, where `authenticate` is the first frame. */
export const rooms: Dialect = {
  name: 'rooms',
  socket: null,
  close: CLOSE,

  hears: {
    read: eventIn,
    frames: {
      // With a token it does not come as far as here.
      authenticate: {
        takes: z.object({ token: z.string() }),
        ask: () => ({ kind: 'reply', frames: [authenticationFailed] }),
      },
      join_conversation: inRoom({ joined: true }),
      leave_conversation: inRoom({ joined: false }),
      // Who sends is who signed in, whatever `sender_id` says.
      send_message: clientFrame(SendMessage, ({ conversation_id: conversationId, message }, newClientId) => {
        const content = { kind: 'text' as const, text: message.content }
        const command = { type: 'message.send' as const, conversationId, clientId: newClientId(), content }
        // What was posted already was told to everybody then; the document has its clients pass it on all the same.
        const posted = WholeNumber.pipe(MessageId).safeParse(message.id)
        return posted.success && conversationOfMessage(posted.data) === conversationId
          ? { kind: 'passed on', messageId: posted.data, command }
          : { kind: 'command', command }
      }),
    },
  },

  encode(event, viewer) {
    const told = told003(event, viewer)
    return told ? [told] : []
  },

  answer(asked, result) {
    if (!result.ok) return [say('error', { message: ERRORS[result.code][1] })]
    return asked.kind === 'reply' ? asked.frames : []
  },

  routes: new Hono<DialectEnv>()
    .on('GET', slashed('/ws/chat'), (c) => acceptUnknown(c, CLOSE))
    .on('GET', slashed('/api/admin/chat/conversations/:id/messages'), signedInAdmin, listMessages)
    .on('POST', slashed('/api/admin/chat/conversations/:id/messages'), signedInAdmin, postMessage)
    .on('POST', slashed('/api/admin/chat/invitations'), signedInAdmin, budgeted, askIn)
    .on('PUT', slashed('/api/admin/chat/invitations/:id/respond'), signedInAdmin, budgeted, answerInvitation)
    .onError(onFailure),
}

const told003 = (event: ServerEvent, viewer: Viewer): object | null => {
  switch (event.type) {
    case 'message.created': {
      const { message } = event
      // What is posted is for its recipients, wherever they are; what is said in a room is for those who did not leave it.
      const isUnheard = isPosted(message)
        ? message.senderId === viewer.userId
        : viewer.left.has(message.conversationId) ||
          // Everybody sees the id, and could begin their own with it.
          (message.senderId === viewer.userId && viewer.sent(message.clientId))
      if (isUnheard) return null
      return say('new_message', { conversation_id: String(message.conversationId), message: messageShape(message) })
    }
    case 'invitation.created':
      if (event.invitation.to.id !== viewer.userId) return null
      return say('new_invitation', { invitation: invitationShape(event.invitation) })
    case 'invitation.answered':
      return event.invitation.from.id === viewer.userId ? answerTo(event.invitation) : null
    default:
      return null
  }
}

const answerTo = ({ id, status, conversationId, to }: Invitation): object => {
  if (status !== 'accepted') return say('invitation_rejected', { invitation_id: String(id) })
  const conversation_id = String(conversationId)
  // The document's table says `conversation`, its code says the two ids.
  return say('invitation_accepted', {
    conversation_id,
    participant_id: String(to.id),
    conversation: { id: conversation_id, status: 'accepted' },
  })
}

const invitationShape = ({ id, from, message, status }: Invitation) => ({
  id: String(id),
  from_user: personShape(from),
  message,
  status,
})

/** Addresses are shown to their owners only, so `email` is there and empty. */
const personShape = ({ id, displayName }: User) => {
  const [firstname = '', ...rest] = displayName.split(' ')
  return { id: String(id), firstname, lastname: rest.join(' '), email: '' }
}
