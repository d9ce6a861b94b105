import type { Actor, Cast, Things } from './cast.ts'
import { text } from '../support/people.ts'
import { newName, PASSWORD } from '../support/rest.ts'

/** How each row of the table is asked. */

/** What one actor has at hand: the things, and what is the actor's own. */
export type Given = Things & { self: number; username: string; refreshToken: string }

/** The rows that name a message: each actor gets one that nobody has touched. */
export const namesMessage = (row: string): boolean =>
  / \/(?:v1\/)?messages\/:|delete_message|^native (?:message\.(?:edit|delete)|reaction|pin)/.test(row)

export const givenTo = async (cast: Cast, actor: Actor, row: string): Promise<Given> => ({
  ...(namesMessage(row) && !row.startsWith('GET ') ? await cast.thingsAnew(actor) : cast.things(actor)),
  self: cast.idOf(actor),
  username: cast.usernameOf(actor),
  refreshToken: cast.refreshToken,
})

const words = text('bonjour')
const sealed = { nonce: 'AAAA', ciphertext: 'AAAA', authTag: 'AAAA', associatedData: '' }
const account = () => {
  const username = newName('new')
  return { username, name: username, email: `${username}@example.org`, password: PASSWORD }
}
const plan = () => ({ title: newName('Ball'), description: 'x', location: 'x' })

type Body = (given: Given) => object

/** What is sent along. A row that is not here sends nothing. */
export const BODIES: Record<string, Body> = {
  'POST /v1/auth/register': () => {
    const { name: _, ...fields } = account()
    return fields
  },
  'POST /v1/auth/login': ({ username }) => ({ login: username, password: PASSWORD }),
  'POST /v1/auth/refresh': ({ refreshToken }) => ({ refreshToken }),
  'PATCH /v1/me': () => ({ displayName: 'X' }),
  'DELETE /v1/me': () => ({ password: PASSWORD }),
  'PUT /v1/me/password': () => ({ currentPassword: PASSWORD, newPassword: 'another horse battery' }),
  'POST /v1/friend-requests': ({ member }) => ({ userId: member }),
  'POST /v1/invitations': ({ member }) => ({ userId: member }),
  'POST /v1/invitations (into the group)': ({ guest, conversation }) => ({
    userId: guest,
    conversationId: conversation,
  }),
  'POST /v1/events': () => ({ title: newName('Ball'), startsAt: '2030-01-01T20:00:00.000Z' }),
  'PATCH /v1/events/:id': () => ({ location: 'elsewhere' }),
  'PUT /v1/events/:id/rsvp': () => ({ answer: 'yes' }),
  'POST /v1/conversations': () => ({ kind: 'group', title: 'X', memberIds: [] }),
  'POST /v1/conversations (with member)': ({ member }) => ({ kind: 'direct', userId: member }),
  'POST /v1/conversations (bringing member in)': ({ member }) => ({ kind: 'group', title: 'X', memberIds: [member] }),
  'PATCH /v1/conversations/:id': () => ({ title: 'X' }),
  'POST /v1/conversations/:id/members': ({ guest }) => ({ userIds: [guest] }),
  'PATCH /v1/conversations/:id/members/:userId': () => ({ role: 'admin' }),
  'POST /v1/conversations/:id/messages': () => ({
    clientId: crypto.randomUUID(),
    content: words,
    attachments: [{ fileId: 'picnic', name: 'picnic.jpg' }],
  }),
  'PUT /v1/conversations/:id/read': () => ({ seq: 1 }),
  'PATCH /v1/messages/:id': () => ({ content: text('edited') }),

  'POST /v1/admin/conversations/:id/restore': () => ({ time: new Date().toISOString() }),

  'POST /v1/backup/rows': () => ({ table: 'users', rows: [{ id: 1 }] }),
  'POST /v1/backup/conversations/:id/rows': () => ({ table: 'members', rows: [{ user_id: 1 }] }),

  'POST /register': account,
  'POST /login': ({ username }) => ({ username, password: PASSWORD }),
  'POST /users': account,
  'PUT /users/:user_id': () => ({ name: 'X' }),
  'PUT /users/:user_id (oneself)': () => ({ name: 'X' }),
  'POST /messages': ({ member }) => ({ receiver_id: member, content: 'bonjour' }),
  'POST /messages (sealed)': ({ conversation }) => ({ conversationId: conversation, ...sealed }),
  'PUT /messages/:message_id': () => ({ content: 'edited' }),
  'POST /conversation/send_message': ({ conversation }) => ({ conversation_id: conversation, content: 'bonjour' }),
  'POST /conversation/send_message (to member)': ({ member }) => ({ receiver_id: member, content: 'bonjour' }),
  'POST /conversation/delete_message': ({ message }) => ({ message_id: message }),
  'DELETE /conversation/delete_message': ({ message }) => ({ message_id: message }),
  'POST /create_conversation': ({ member }) => ({ receiver_id: member }),
  'POST /delete_conversation': ({ conversation }) => ({ conversation_id: conversation }),
  'DELETE /delete_conversation': ({ conversation }) => ({ conversation_id: conversation }),
  'POST /me/send_friend_request': ({ member }) => ({ receiver_id: member }),
  'POST /me/accept_friend_request': ({ request }) => ({ request_id: request }),
  'POST /api/admin/chat/conversations/:id/messages': () => ({ content: 'bonjour' }),
  'POST /api/admin/chat/conversations/:id/messages (their own)': () => ({ content: 'bonjour' }),
  'POST /api/admin/chat/invitations': ({ member }) => ({ to_user_id: member, message: '' }),
  'PUT /api/admin/chat/invitations/:id/respond': () => ({ action: 'accept' }),
  'PUT /api/admin/chat/invitations/:id/respond (their own)': () => ({ action: 'accept' }),
  'POST /events': () => ({ ...plan(), date: '2030-01-01T20:00:00' }),
}

type Place = (given: Given) => string | number

/** What the names in a path stand for, by what stands before them; some rows mean another thing. */
const PLACES: Record<string, Place> = {
  'sessions :id': ({ session }) => session,
  'users :id': ({ member }) => member,
  'friends :userId': ({ member }) => member,
  'friend-requests :id': ({ request }) => request,
  'blocks :userId': ({ member }) => member,
  'invitations :id': ({ invitation }) => invitation,
  'events :id': ({ event }) => event,
  'events :file{.+\\.ics}': ({ event }) => `${event}.ics`,
  'snapshots :id': () => crypto.randomUUID(),
  'conversations :id': ({ conversation }) => conversation,
  'members :userId': ({ victim }) => victim,
  'messages :id': ({ message }) => message,
  'reactions :emoji': () => encodeURIComponent('👍'),
  'users :user_id': ({ member }) => member,
  'conversation :user_id': ({ member }) => member,
  'messages :message_id': ({ message }) => message,
  'conversations :conv_id': ({ conversation }) => conversation,
  'events :event_id': ({ event }) => event,
}

const OTHER_PLACES: Record<string, Place> = {
  'DELETE /v1/friend-requests/:id': ({ ownRequest }) => ownRequest,
  'POST /v1/invitations/:id/accept (asked by member)': ({ ownInvitation }) => ownInvitation,
  'DELETE /v1/conversations/:id/members/:userId (oneself) :userId': ({ self }) => self,
  'PUT /users/:user_id (oneself)': ({ self }) => self,
  'DELETE /users/:user_id (oneself)': ({ self }) => self,
  'GET /api/admin/chat/conversations/:id/messages (their own)': ({ administrators }) => administrators.conversation,
  'POST /api/admin/chat/conversations/:id/messages (their own)': ({ administrators }) => administrators.conversation,
  'PUT /api/admin/chat/invitations/:id/respond (their own)': ({ administrators }) => administrators.invitation,
}

/** The address that a row asks for. */
export const addressOf = (row: string, given: Given): string => {
  const [path = ''] = row.split(' ').slice(1)
  const parts = path.split('/')
  return parts
    .map((part, i) => {
      if (!part.startsWith(':')) return part
      const place = OTHER_PLACES[`${row} ${part}`] ?? OTHER_PLACES[row] ?? PLACES[`${parts[i - 1]} ${part}`]
      if (!place) throw new Error(`Nobody said what ${part} is in ${row}.`)
      return String(place(given))
    })
    .join('/')
}

/** What is said on the sockets. */
export const FRAMES: Record<string, Body> = {
  'native message.send': ({ conversation }) => ({
    conversationId: conversation,
    clientId: crypto.randomUUID(),
    content: words,
  }),
  'native message.edit': ({ message }) => ({ messageId: message, content: text('edited') }),
  'native message.delete': ({ message }) => ({ messageId: message }),
  'native reaction.add': ({ message }) => ({ messageId: message, emoji: '👍' }),
  'native reaction.remove': ({ message }) => ({ messageId: message, emoji: '👍' }),
  'native pin.add': ({ message }) => ({ messageId: message }),
  'native pin.remove': ({ message }) => ({ messageId: message }),
  'native read.mark': ({ conversation }) => ({ conversationId: conversation, seq: 1 }),
  'native typing.start': ({ conversation }) => ({ conversationId: conversation }),
  'native typing.stop': ({ conversation }) => ({ conversationId: conversation }),
  'native changes.get': ({ conversation }) => ({ conversationId: conversation, since: 0 }),
  'native presence.get': ({ member }) => ({ userIds: [member] }),
  'direct ping': () => ({}),
  'direct send_message': ({ member }) => ({ receiver_id: member, content: 'bonjour' }),
  'friends send_message': ({ member }) => ({ receiver_id: member, content: 'bonjour' }),
  'friends typing': ({ member }) => ({ receiver_id: member }),
  'friends stop_typing': ({ member }) => ({ receiver_id: member }),
  'friends mark_read': ({ conversation }) => ({ conversation_id: conversation }),
  'friends get_online_friends': () => ({}),
  'rooms authenticate': () => ({}),
  'rooms join_conversation': ({ conversation }) => ({ conversation_id: String(conversation) }),
  'rooms leave_conversation': ({ conversation }) => ({ conversation_id: String(conversation) }),
  'rooms send_message': ({ conversation }) => ({ conversation_id: String(conversation), message: 'bonjour' }),
  'rooms send_message (passed on)': ({ conversation, message }) => ({
    conversation_id: String(conversation),
    message: { id: String(message), content: 'bonjour' },
  }),
}
