import { Hono } from 'hono'
import * as z from 'zod'
import { ERRORS } from '../protocol/errors.ts'
import type { ServerEvent } from '../protocol/events.ts'
import { ConversationId } from '../protocol/ids.ts'
import type { Invitation } from '../protocol/invitation.ts'
import { type Message, TextContent } from '../protocol/message.ts'
import type { User } from '../protocol/user.ts'
import type { Dialect, Viewer } from './dialect.ts'
import { invalid, malformed, naiveMicros, objectIn, unknownType, wordsOf } from './words.ts'

/** The document's ids are strings. */
const Id = z
  .union([
    z
      .string()
      .regex(/^\d{1,10}$/)
      .transform(Number),
    z.number(),
  ])
  .pipe(ConversationId)
const Words = TextContent.shape.text
const SendMessage = z.object({
  conversation_id: Id,
  message: z.union([Words, z.object({ content: Words }).transform(({ content }) => content)]),
})
const Room = z.object({ conversation_id: Id })

/** Document 003: rooms and invitations among administrators, at `/ws/chat`, where `authenticate` is the first frame. */
export const rooms: Dialect = {
  name: 'rooms',
  socket: null,
  close: { badToken: 1008, fault: 1011 },

  decode(frame, newClientId) {
    const said = eventIn(frame)
    if (!said) return malformed
    switch (said.event) {
      case 'authenticate':
        return { kind: 'reply', frames: [authenticated] }
      case 'join_conversation':
      case 'leave_conversation': {
        const room = Room.safeParse(said.data)
        if (!room.success) return invalid
        const joined = said.event === 'join_conversation'
        return { kind: 'room', conversationId: room.data.conversation_id, joined }
      }
      case 'send_message': {
        // Who sends is who signed in, whatever `sender_id` says.
        const sent = SendMessage.safeParse(said.data)
        if (!sent.success) return invalid
        const { conversation_id: conversationId, message: text } = sent.data
        const content = { kind: 'text' as const, text }
        return { kind: 'command', command: { type: 'message.send', conversationId, clientId: newClientId(), content } }
      }
      default:
        return unknownType
    }
  },

  encode(event, viewer) {
    const told = told003(event, viewer)
    return told ? [told] : []
  },

  answer(asked, told) {
    if (!told.ok) return [say('error', { message: ERRORS[told.code][1] })]
    return asked.kind === 'reply' ? asked.frames : []
  },

  routes: new Hono(),
}

/** `authenticate {token}` as a first frame; null where the frame is not one. */
export const tokenIn = (frame: string): string | null => {
  const said = eventIn(frame)
  const token = said?.event === 'authenticate' ? said.data['token'] : null
  return typeof token === 'string' ? token : null
}

/** The document names events and their data, but not how a native socket frames them: both usual forms are said and heard. */
const say = (event: string, data: object): object => ({ type: event, event, data, ...data })

const eventIn = (frame: string): { event: unknown; data: Record<string, unknown> } | null => {
  const object = objectIn(frame)
  if (!object) return null
  const nested = z.record(z.string(), z.unknown()).safeParse(object['data'])
  return { event: object['type'] ?? object['event'], data: nested.success ? nested.data : object }
}

export const authenticated = say('authenticated', { success: true })
export const authenticationFailed = say('error', { message: 'Authentification échouée' })

const told003 = (event: ServerEvent, viewer: Viewer): object | null => {
  switch (event.type) {
    case 'message.created': {
      const { message } = event
      if (viewer.left.has(message.conversationId) || viewer.sent(message.clientId)) return null
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

export const messageShape = (message: Message) => ({
  id: String(message.id),
  conversation_id: String(message.conversationId),
  sender_id: String(message.senderId),
  content: wordsOf(message),
  created_at: naiveMicros(message.createdAt),
  is_read: false,
})

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
