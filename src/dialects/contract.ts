import * as z from 'zod'
import type { Socket } from '../contract/asyncapi.ts'
import { openApiPath, type Operation, type Route } from '../contract/operations.ts'
import { Issue } from '../protocol/errors.ts'
import * as adminChat from './admin-chat.ts'
import { DIALECT_NAMES, type DialectName } from './dialect.ts'
import * as directMessages from './direct-messages.ts'
import { NewEvent } from './events.ts'
import { signedIn } from './fastapi.ts'
import { TAKES } from './friends-routes.ts'
import { DIALECTS } from './index.ts'
import * as people from './people.ts'
import { NewSealed, SealedPage } from './sealed.ts'

/** What the routes and frames of the documents look like, for those who read the contract: requests by the schemas that read them. */

const id = z.int()
const Text = z.object({ content: z.string() })
const Person = z.object({ id, name: z.string(), username: z.string(), email: z.string() })
const DirectMessage = Text.extend({
  id,
  timestamp: z.string(),
  created_at: z.string(),
  sender_id: id,
  receiver_id: id,
  is_read: z.boolean(),
})
const sealedFields = { nonce: z.string(), ciphertext: z.string(), authTag: z.string(), associatedData: z.string() }
const Sealed = z.object({ messageId: id, conversationId: id, senderId: id, timestamp: z.string(), ...sealedFields })
const Said = z.object({ message: z.string() })
const Planned = z.object({
  id,
  organizer_id: id,
  title: z.string(),
  description: z.string(),
  date: z.string(),
  location: z.string(),
})
const FriendsMessage = Text.extend({
  conversation_id: id,
  message_id: id,
  sender_id: id,
  created_at: z.string(),
  media_ids: z.array(id),
})
const Friend = z.object({ friend_id: id, friend_username: z.string() })
const Befriended = z.union([
  z.object({ status: z.literal('pending'), request_id: id, receiver_id: id }),
  Friend.extend({ status: z.literal('accepted') }),
])
const RoomMessage = Text.extend({
  id: z.string(),
  conversation_id: z.string(),
  sender_id: z.string(),
  created_at: z.string(),
  is_read: z.boolean(),
})
const succeeded = (data: z.ZodType) => z.object({ success: z.literal(true), data })

const Refused = z.object({
  detail: z.union([z.string(), z.array(z.object({ type: z.string(), loc: z.array(z.string()), msg: z.string() }))]),
})
const RoomRefused = z.object({
  success: z.literal(false),
  error: z.string(),
  message: z.string(),
  issues: z.array(Issue).optional(),
})

type DialectRouteContract = [
  does: string,
  takes: z.ZodType<object> | null,
  gives: Operation['gives'],
  query?: z.ZodType<object>,
]
const socket = (refused: z.ZodType): DialectRouteContract => [
  'A WebSocket; what is said there is in /asyncapi.json',
  null,
  { 101: null, 426: refused },
]

export const DIALECT_ROUTES: Record<string, DialectRouteContract> = {
  'GET /messages/ws': socket(Refused),
  'GET /ws': socket(Refused),
  'GET /ws/:token': socket(Refused),
  'GET /ws/chat': socket(RoomRefused),

  'POST /register': ['Create an account', people.NewPerson, { 200: Person }],
  'POST /login': [
    'Sign in',
    people.Credentials,
    { 200: z.object({ access_token: z.string(), token_type: z.literal('bearer') }) },
  ],
  'POST /auth/logout': ['Sign out', null, { 200: Said }],
  'GET /auth/me': ['Your own account', null, { 200: Person }],
  'POST /users': ['Create an account', people.NamedPerson, { 200: Person }],
  'GET /users': ['All users', null, { 200: z.array(Person) }],
  'GET /users/:user_id': ['A user', null, { 200: Person }],
  'PUT /users/:user_id': ['Change your account', people.Changes, { 200: Person }],
  'DELETE /users/:user_id': ['Delete your account', null, { 200: Said.extend({ id }) }],

  'POST /messages': [
    'Send a direct message, plain or sealed',
    z.union([directMessages.NewDirectMessage, NewSealed]),
    { 200: DirectMessage, 201: z.object({ messageId: id, timestamp: z.string() }) },
  ],
  'GET /messages': ['All messages, oldest first', null, { 200: z.array(DirectMessage) }],
  'GET /messages/conversation/:user_id': ['The messages between two users', null, { 200: z.array(DirectMessage) }],
  'GET /messages/online-users': ['Who is online', null, { 200: z.array(id) }],
  'GET /messages/received': [
    'Received messages, newest first',
    null,
    { 200: z.array(DirectMessage) },
    directMessages.Page,
  ],
  'GET /messages/sent': ['Sent messages, newest first', null, { 200: z.array(DirectMessage) }, directMessages.Page],
  'PUT /messages/:message_id': ['Edit a message', directMessages.Words, { 200: DirectMessage }],
  'DELETE /messages/:message_id': ['Delete a message', null, { 200: Said.extend({ id }) }],
  'PUT /messages/:message_id/read': ['Mark as read', null, { 200: DirectMessage }],
  'GET /conversations/:conv_id/messages': [
    'Sealed messages, newest first',
    null,
    {
      200: z.array(Sealed.extend({ id, senderUsername: z.string(), sender: z.object({ id, username: z.string() }) })),
    },
    SealedPage,
  ],

  'POST /conversation/send_message': ['Send a message', TAKES.message, { 200: FriendsMessage }],
  ...both('/conversation/delete_message', [
    'Delete a message',
    TAKES.messageId,
    { 200: Said.extend({ message_id: id }) },
  ]),
  'POST /create_conversation': [
    'Open a direct conversation',
    TAKES.person,
    { 200: z.object({ conversation_id: id, other_user_id: id }) },
  ],
  ...both('/delete_conversation', [
    'Delete a conversation',
    TAKES.conversation,
    { 200: Said.extend({ conversation_id: id }) },
  ]),
  'POST /me/send_friend_request': ['Send a friend request', TAKES.person, { 200: Befriended }],
  'POST /me/accept_friend_request': ['Accept a request', TAKES.request, { 200: Befriended }],

  'GET /api/admin/chat/conversations/:id/messages': [
    'The newest messages',
    null,
    { 200: succeeded(z.object({ messages: z.array(RoomMessage) })) },
  ],
  'POST /api/admin/chat/conversations/:id/messages': [
    'Send a message',
    adminChat.NewMessage,
    { 200: succeeded(z.object({ message: RoomMessage })) },
  ],
  'POST /api/admin/chat/invitations': [
    'Invite a user to a conversation',
    adminChat.Ask,
    { 200: succeeded(z.object({ invitation_id: z.string() })) },
  ],
  'PUT /api/admin/chat/invitations/:id/respond': [
    'Answer an invitation',
    adminChat.Answer,
    { 200: succeeded(z.object({ conversation_id: z.string() })).partial({ data: true }) },
  ],

  'POST /events': ['Create an event', NewEvent, { 200: Planned }],
  'GET /events': ['All events', null, { 200: z.array(Planned) }],
  'GET /events/:event_id': ['An event', null, { 200: Planned }],
}

const ABOUT: Record<DialectName, [tag: string, about: string]> = {
  direct: ['000 direct', 'Private messages with editing, deleting and presence'],
  sealed: ['001 sealed', 'Messages that the clients encrypt'],
  friends: ['002 friends', 'Friends, typing, read marks and presence'],
  rooms: ['003 rooms', 'Rooms and invitations among administrators'],
  events: ['004 events', 'Accounts, events and messages with their reading'],
}

/** What each document is about. */
export const DIALECT_TAGS: Record<string, string> = Object.fromEntries(Object.values(ABOUT))

/** The routes of the documents, as they are in the app; the same with a slash behind them are left out. */
export const dialectOperations = (routes: Route[]): Operation[] =>
  routes.flatMap(({ method, path }, i) => {
    const contract = DIALECT_ROUTES[`${method} ${path}`]
    if (!contract || routes.findIndex((each) => each.method === method && each.path === path) !== i) return []
    const [does, json, gives, query] = contract
    const speakers = DIALECT_NAMES.filter(
      (name) => speaks(name, method, path).length > 0 || DIALECTS[name].socket === path,
    )
    const handlers = speakers.flatMap((name) => speaks(name, method, path))
    const isSignedIn = handlers.some(({ handler }) => handler === signedIn || handler === adminChat.signedInAdmin)
    return {
      method,
      path: openApiPath(path),
      tags: speakers.map((name) => ABOUT[name][0]),
      does,
      declared: { ...(json && { json }), ...(query && { query }), ...(isSignedIn && { signedIn: true as const }) },
      gives,
      refuses: speakers.includes('rooms') ? RoomRefused : Refused,
    }
  })

const speaks = (name: DialectName, method: string, path: string): Route[] =>
  DIALECTS[name].routes.routes.filter((each) => each.method === method && each.path === path)

function both(path: string, contract: DialectRouteContract): Record<string, DialectRouteContract> {
  return { [`POST ${path}`]: contract, [`DELETE ${path}`]: contract }
}

/** What a dialect hears, by the schemas that read it. */
const saidTo = (name: DialectName): Socket['says'] =>
  Object.fromEntries(
    Object.entries(DIALECTS[name].hears?.frames ?? {}).map(([type, { takes }]) => {
      const flat = z.object({ type: z.literal(type), ...takes.shape })
      // Document 003 names events and their data, but not how they are framed: either usual form is heard.
      return [type, name === 'rooms' ? z.union([flat, z.object({ event: z.literal(type), data: takes })]) : flat]
    }),
  )

const frame = (type: string, fields: z.ZodRawShape = {}) => ({ [type]: z.object({ type: z.literal(type), ...fields }) })
/** Document 003 says each thing in both usual forms. */
const said = (event: string, fields: z.ZodRawShape) => ({
  [event]: z.object({ type: z.literal(event), event: z.literal(event), data: z.object(fields), ...fields }),
})

const pair = { sender_id: id, receiver_id: id }
const directMessageFields = { id, content: z.string(), ...pair }
const token = z.object({ token: z.string() })
const room = { conversation_id: z.string() }
const failed = frame('error', { message: z.string() })

const SOCKETS: (Omit<Socket, 'does' | 'name' | 'says'> & { name: DialectName })[] = [
  {
    name: 'direct',
    address: '/messages/ws',
    query: token,
    replies: { ...frame('pong'), ...failed },
    hears: {
      ...frame('new_message', { ...directMessageFields, created_at: z.string() }),
      ...frame('message_updated', { ...directMessageFields, updated_at: z.string() }),
      ...frame('message_deleted', { id, ...pair }),
    },
  },
  { name: 'sealed', address: '/ws', query: token, replies: {}, hears: frame('newMessage', Sealed.shape) },
  {
    name: 'friends',
    address: '/ws/{token}',
    replies: { ...frame('online_friends', { friends: z.array(id) }), ...failed },
    hears: {
      ...frame('new_message', { ...FriendsMessage.shape, receiver_id: id, timestamp: z.string() }),
      ...frame('delete_message', { message_id: id }),
      ...frame('messages_read', { conversation_id: id, user_id: id }),
      ...frame('user_typing', { user_id: id, is_typing: z.boolean() }),
      ...frame('friend_status_change', { user_id: id, status: z.enum(['online', 'offline']) }),
      ...frame('new_conversation', { conversation_id: id, other_user_id: id }),
      ...frame('conversation_deleted', { conversation_id: id }),
      ...frame('new_friend_request', { sender_id: id, sender_username: z.string() }),
      ...frame('friend_request_accepted', Friend.shape),
    },
  },
  {
    name: 'rooms',
    address: '/ws/chat',
    replies: { ...said('authenticated', { success: z.literal(true) }), ...said('error', { message: z.string() }) },
    hears: {
      ...said('new_message', { ...room, message: RoomMessage }),
      ...said('new_invitation', {
        invitation: z.object({
          id: z.string(),
          from_user: z.object({ id: z.string(), firstname: z.string(), lastname: z.string(), email: z.string() }),
          message: z.string(),
          status: z.string(),
        }),
      }),
      ...said('invitation_accepted', {
        ...room,
        participant_id: z.string(),
        conversation: z.object({ id: z.string(), status: z.string() }),
      }),
      ...said('invitation_rejected', { invitation_id: z.string() }),
    },
  },
  {
    name: 'events',
    address: '/ws/{token}',
    replies: {},
    hears: frame('new_message', { message: DirectMessage.omit({ timestamp: true }) }),
  },
]

/** The sockets of the documents. Two share `/ws/{token}`: each frame there holds the fields of both. */
export const DIALECT_SOCKETS: Socket[] = SOCKETS.map((socket) => ({
  ...socket,
  does: ABOUT[socket.name].join(': '),
  says: saidTo(socket.name),
}))
