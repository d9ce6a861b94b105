/**
 * What the people of `npm run chaos` do while everything fails around them, of all that writes: each frame and route with the file of
 * this folder that does it, and the words to find it there by. What is not done is below, with the reason. A test wants every frame and
 * every route that writes in one of the two.
 */
export const PERFORMED: Record<string, readonly [file: string, words: string]> = {
  'native message.send': ['raw-device.ts', "'message.send'"],
  'native message.edit': ['raw-device.ts', "'message.edit'"],
  'native message.delete': ['raw-device.ts', "'message.delete'"],
  'native reaction.add': ['raw-device.ts', "'reaction.add'"],
  'native reaction.remove': ['raw-device.ts', "'reaction.remove'"],
  'native read.mark': ['raw-device.ts', "'read.mark'"],
  'native changes.get': ['raw-device.ts', "'changes.get'"],
  'POST /v1/auth/register': ['openings.ts', 'await register(this.#base'],
  'POST /v1/auth/login': ['person.ts', "'/v1/auth/login'"],
  'POST /v1/auth/refresh': ['person.ts', "'/v1/auth/refresh'"],
  'POST /v1/auth/ticket': ['raw-device.ts', "'/v1/auth/ticket'"],
  'DELETE /v1/auth/sessions/:id': ['faults.ts', '/v1/auth/sessions/${'],
  'POST /v1/conversations': ['openings.ts', "'/v1/conversations'"],
  'POST /v1/conversations/:id/members': ['faults.ts', "method: 'POST', path, json: { userIds"],
  'DELETE /v1/conversations/:id/members/:userId': ['faults.ts', "method: 'DELETE', path: `${path}/${userId}`"],
  'POST /v1/conversations/:id/messages': ['raw-device.ts', '/v1/conversations/${doing.c}/messages'],
  'POST /messages': ['dialects.ts', "'/messages/'"],
  'POST /conversation/send_message': ['dialects.ts', "'/conversation/send_message'"],
  'POST /api/admin/chat/conversations/:id/messages': ['dialects.ts', '`/api/admin/chat/conversations/${c}/messages`'],
  'PUT /messages/:message_id': ['dialects.ts', "method: 'PUT', path: `/messages/${id}`"],
  'DELETE /messages/:message_id': ['dialects.ts', "method: 'DELETE', path: `/messages/${id}`"],
  'PUT /messages/:message_id/read': ['dialects.ts', "method: 'PUT', path: `/messages/${id}/read`"],
  'POST /conversation/delete_message': ['dialects.ts', "'/conversation/delete_message'"],
  'direct send_message': ['dialects.ts', "say: ({ userId }, content) => ({ type: 'send_message'"],
  'friends send_message': ['dialects.ts', "say: ({ userId }, content) => ({ type: 'send_message'"],
  'rooms authenticate': ['dialects.ts', "type: 'authenticate'"],
}

const SAME_ORDER = 'carries the same order as a frame that is performed, by the same queue to the same object'
const SAME_TURN =
  'is one more turn of the object whose turns are cut short all the time, by the code of those that are performed'
const ONE_STATEMENT =
  'is one transaction of the directory and changes no conversation: a test fails the directory at each of its queries; whom it tells reads the lists again on connecting'
const OPERATORS =
  'is not for people, and writes only where nothing is; a row of its own reads a server and fills another'
const NO_WRITE = 'writes nothing'
const DOCUMENT = 'says in the words of a document what is performed in others, and holds no state of its own'

export const LEFT_OUT: Record<string, string> = {
  'native pin.add': SAME_TURN,
  'native pin.remove': SAME_TURN,
  'native typing.start': NO_WRITE,
  'native typing.stop': NO_WRITE,
  'native presence.get': NO_WRITE,
  'POST /v1/auth/logout':
    'ends the device that could tell what came of it; sessions are ended under way by another route',
  'PATCH /v1/me': ONE_STATEMENT,
  'PUT /v1/me/password': 'is one transaction of the directory, and then ends sessions by the call that is performed',
  'DELETE /v1/me':
    'erases what the checker is to count; what is left half done is finished by asking again, which has a test of its own',
  'POST /v1/friend-requests': ONE_STATEMENT,
  'POST /v1/friend-requests/:id/accept': ONE_STATEMENT,
  'POST /v1/friend-requests/:id/decline': ONE_STATEMENT,
  'DELETE /v1/friend-requests/:id': ONE_STATEMENT,
  'DELETE /v1/friends/:userId': ONE_STATEMENT,
  'PUT /v1/blocks/:userId': 'is made whole by asking again, which has a test of its own',
  'DELETE /v1/blocks/:userId': 'is made whole by asking again, which has a test of its own',
  'POST /v1/invitations': ONE_STATEMENT,
  'POST /v1/invitations/:id/accept': 'adds a member by the order that is performed, and then says so in one statement',
  'POST /v1/invitations/:id/decline': ONE_STATEMENT,
  'POST /v1/events': ONE_STATEMENT,
  'PATCH /v1/events/:id': ONE_STATEMENT,
  'DELETE /v1/events/:id': ONE_STATEMENT,
  'PUT /v1/events/:id/rsvp': ONE_STATEMENT,
  'DELETE /v1/events/:id/rsvp': ONE_STATEMENT,
  'PATCH /v1/conversations/:id': SAME_TURN,
  'DELETE /v1/conversations/:id': 'leaves nothing to be read back',
  'PATCH /v1/conversations/:id/members/:userId': SAME_TURN,
  'PUT /v1/conversations/:id/read': SAME_ORDER,
  'PATCH /v1/messages/:id': SAME_ORDER,
  'DELETE /v1/messages/:id': SAME_ORDER,
  'PUT /v1/messages/:id/reactions/:emoji': SAME_ORDER,
  'DELETE /v1/messages/:id/reactions/:emoji': SAME_ORDER,
  'PUT /v1/messages/:id/pin': SAME_TURN,
  'DELETE /v1/messages/:id/pin': SAME_TURN,
  'POST /v1/admin/conversations/:id/restore': 'needs a history of the storage, which the local runtime does not keep',
  'POST /v1/backup/snapshots': OPERATORS,
  'DELETE /v1/backup/snapshots/:id': OPERATORS,
  'POST /v1/backup/rows': OPERATORS,
  'POST /v1/backup/conversations/:id/rows': OPERATORS,

  'POST /register': DOCUMENT,
  'POST /login': DOCUMENT,
  'POST /auth/logout': DOCUMENT,
  'POST /users': DOCUMENT,
  'PUT /users/:user_id': DOCUMENT,
  'DELETE /users/:user_id': DOCUMENT,
  'DELETE /conversation/delete_message': DOCUMENT,
  'POST /create_conversation': DOCUMENT,
  'POST /delete_conversation': DOCUMENT,
  'DELETE /delete_conversation': DOCUMENT,
  'POST /me/send_friend_request': DOCUMENT,
  'POST /me/accept_friend_request': DOCUMENT,
  'POST /api/admin/chat/invitations': DOCUMENT,
  'PUT /api/admin/chat/invitations/:id/respond': DOCUMENT,
  'POST /events': DOCUMENT,
  'friends mark_read': DOCUMENT,
  'rooms send_message':
    'is answered only where it was refused, and not told to who sent it: nobody could say which message it became, if any',
  'direct ping': NO_WRITE,
  'friends typing': 'writes nothing but a conversation that is not there yet, which a message opens by the same code',
  'friends stop_typing': 'writes nothing, or as typing does',
  'friends get_online_friends': NO_WRITE,
  'rooms join_conversation': NO_WRITE,
  'rooms leave_conversation': NO_WRITE,
}
