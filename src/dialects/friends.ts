import { Hono } from 'hono'
import * as z from 'zod'
import { ERRORS } from '../protocol/errors.ts'
import type { EventOf, ServerEvent } from '../protocol/events.ts'
import { ConversationId, UserId } from '../protocol/ids.ts'
import { clientFrame } from './client-frames.ts'
import type { Dialect, DialectEnv, Viewer } from './dialect.ts'
import { flatFrame, sendDirectly } from './direct-frames.ts'
import { budgeted, signedIn, slashed, WholeNumber } from './fastapi.ts'
import {
  sendFriendRequest,
  deleteConversation,
  deleteMessage,
  createConversation,
  sendMessage,
  shapeOf,
  acceptRequest,
} from './friends-routes.ts'
import { isPosted, naiveMicros, receiverOf } from './words.ts'

const Typing = z.object({ receiver_id: WholeNumber.pipe(UserId) })
const MarkRead = z.object({ conversation_id: WholeNumber.pipe(ConversationId) })

const typing = (type: 'typing.start' | 'typing.stop') =>
  clientFrame(Typing, ({ receiver_id: userId }) => ({
    kind: 'direct',
    userId,
    command: (conversationId) => ({ type, conversationId }),
  }))

/** Document 002: friends, typing, read marks and presence, at `/ws/{api_token}`. */
export const friends: Dialect = {
  name: 'friends',
  socket: '/ws/:token',
  close: { badToken: 4008, fault: 1011 },

  hears: {
    read: flatFrame,
    frames: {
      send_message: sendDirectly,
      typing: typing('typing.start'),
      stop_typing: typing('typing.stop'),
      mark_read: clientFrame(MarkRead, (mark) => ({ kind: 'read-all', conversationId: mark.conversation_id })),
      get_online_friends: clientFrame(z.object({}), () => ({ kind: 'online-friends' })),
    },
  },

  encode(event, viewer) {
    const frame = frameOf(event, viewer)
    return frame ? [frame] : []
  },

  answer(asked, result) {
    if (!result.ok) return [{ type: 'error', message: ERRORS[result.code][1] }]
    return asked.kind === 'online-friends' ? [{ type: 'online_friends', friends: result.online ?? [] }] : []
  },

  routes: new Hono<DialectEnv>()
    .on('POST', slashed('/conversation/send_message'), signedIn, sendMessage)
    .on(['POST', 'DELETE'], slashed('/conversation/delete_message'), signedIn, deleteMessage)
    .on('POST', slashed('/create_conversation'), signedIn, budgeted, createConversation)
    .on(['POST', 'DELETE'], slashed('/delete_conversation'), signedIn, deleteConversation)
    .on('POST', slashed('/me/send_friend_request'), signedIn, budgeted, sendFriendRequest)
    .on('POST', slashed('/me/accept_friend_request'), signedIn, budgeted, acceptRequest),
}

const frameOf = (event: ServerEvent, viewer: Viewer): object | null => {
  switch (event.type) {
    case 'message.created':
      return newMessage(event, viewer)
    case 'message.deleted':
      return { type: 'delete_message', message_id: event.message.id }
    case 'read.changed':
      if (event.userId === viewer.userId) return null
      return { type: 'messages_read', conversation_id: event.conversationId, user_id: event.userId }
    case 'typing.changed':
      return { type: 'user_typing', user_id: event.userId, is_typing: event.typing }
    case 'presence.changed':
      if (!viewer.friends.has(event.userId)) return null
      return { type: 'friend_status_change', user_id: event.userId, status: event.online ? 'online' : 'offline' }
    case 'conversation.created': {
      const other = event.entry.memberIds.find((id) => id !== viewer.userId) ?? event.entry.conversation.createdBy
      return { type: 'new_conversation', conversation_id: event.conversationId, other_user_id: other }
    }
    case 'conversation.deleted':
      return { type: 'conversation_deleted', conversation_id: event.conversationId }
    case 'friend.requested': {
      const { from, to } = event.request
      if (to.id !== viewer.userId) return null
      return { type: 'new_friend_request', sender_id: from.id, sender_username: from.username }
    }
    case 'friend.added': {
      // Who accepted knows; who asked is told.
      if (event.acceptedBy === viewer.userId) return null
      const { id, username } = event.friend.user
      return { type: 'friend_request_accepted', friend_id: id, friend_username: username }
    }
    default:
      return null
  }
}

/** The two shapes of the document, by socket and by REST, in one object: a client of either finds what it reads. */
const newMessage = ({ message }: EventOf<'message.created'>, viewer: Viewer): object | null => {
  // A message posted by REST is told to its recipient only.
  if (message.senderId === viewer.userId && isPosted(message)) return null
  return {
    type: 'new_message',
    ...shapeOf(message),
    receiver_id: receiverOf(message, viewer),
    timestamp: naiveMicros(message.createdAt),
  }
}
