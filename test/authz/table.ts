import { type Actor, ACTORS } from './cast.ts'

/**
 * Who may do what: a row for each route and each frame, a column for each of those in `cast.ts`, in their order. A cell is the status of
 * the answer, for a frame that of its refusal (200 where it is taken), or the code that the socket is closed with.
 *
 * What is asked about is `member`'s, or named behind the route. Columns:
 *
 *   nobody:     anonymous, with a token that was revoked, with one that has expired
 *   signed in:  stranger, blocked, removed, other member, member, admin, owner, administrator of the server
 */
const TABLE = `
# Signing in
POST /v1/auth/register                                       |  201  201  201 | 201 201 201 201 201 201 201 201
POST /v1/auth/login                                          |  200  200  200 | 200 200 200 200 200 200 200 200
POST /v1/auth/refresh                                        |  200  200  200 | 200 200 200 200 200 200 200 200
POST /v1/auth/logout                                         |  401  401  401 | 204 204 204 204 204 204 204 204
GET /v1/auth/sessions                                        |  401  401  401 | 200 200 200 200 200 200 200 200
DELETE /v1/auth/sessions/:id                                 |  401  401  401 | 404 404 404 404 204 404 404 404
POST /v1/auth/ticket                                         |  401  401  401 | 201 201 201 201 201 201 201 201

# Oneself
GET /v1/me                                                   |  401  401  401 | 200 200 200 200 200 200 200 200
PATCH /v1/me                                                 |  401  401  401 | 200 200 200 200 200 200 200 200
DELETE /v1/me                                                |  401  401  401 | 204 204 204 204 204 204 204 204
PUT /v1/me/password                                          |  401  401  401 | 204 204 204 204 204 204 204 204

# People
GET /v1/users                                                |  401  401  401 | 200 200 200 200 200 200 200 200
GET /v1/users/:id                                            |  401  401  401 | 200 200 200 200 200 200 200 200
GET /v1/friends                                              |  401  401  401 | 200 200 200 200 200 200 200 200
DELETE /v1/friends/:userId                                   |  401  401  401 | 404 404 404 204 404 404 404 404
GET /v1/friend-requests                                      |  401  401  401 | 200 200 200 200 200 200 200 200
POST /v1/friend-requests                                     |  401  401  401 | 201 403 201 409 400 201 201 201
POST /v1/friend-requests/:id/accept                          |  401  401  401 | 404 404 404 404 200 404 404 404
POST /v1/friend-requests/:id/decline                         |  401  401  401 | 404 404 404 404 204 404 404 404
DELETE /v1/friend-requests/:id                               |  401  401  401 | 404 404 404 404 204 404 404 404
GET /v1/blocks                                               |  401  401  401 | 200 200 200 200 200 200 200 200
PUT /v1/blocks/:userId                                       |  401  401  401 | 200 200 200 200 400 200 200 200
DELETE /v1/blocks/:userId                                    |  401  401  401 | 204 204 204 204 204 204 204 204

# Invitations
GET /v1/invitations                                          |  401  401  401 | 200 200 200 200 200 200 200 200
POST /v1/invitations                                         |  401  401  401 | 201 403 201 201 400 201 201 201
POST /v1/invitations (into the group)                        |  401  401  401 | 404 403 404 403 403 201 201 404
POST /v1/invitations/:id/accept                              |  401  401  401 | 404 404 404 404 200 404 404 404
POST /v1/invitations/:id/accept (asked by member)            |  401  401  401 | 404 404 404 404 404 404 404 404
POST /v1/invitations/:id/decline                             |  401  401  401 | 404 404 404 404 200 404 404 404

# Events
GET /v1/events                                               |  401  401  401 | 200 200 200 200 200 200 200 200
POST /v1/events                                              |  401  401  401 | 201 201 201 201 201 201 201 201
GET /v1/events/:file{.+\\.ics}                                |  401  401  401 | 200 200 200 200 200 200 200 200
GET /v1/events/:id                                           |  401  401  401 | 200 200 200 200 200 200 200 200
PATCH /v1/events/:id                                         |  401  401  401 | 403 403 403 403 200 403 403 403
DELETE /v1/events/:id                                        |  401  401  401 | 403 403 403 403 204 403 403 403
PUT /v1/events/:id/rsvp                                      |  401  401  401 | 200 200 200 200 200 200 200 200
DELETE /v1/events/:id/rsvp                                   |  401  401  401 | 204 204 204 204 204 204 204 204

# Conversations
GET /v1/conversations                                        |  401  401  401 | 200 200 200 200 200 200 200 200
POST /v1/conversations                                       |  401  401  401 | 201 201 201 201 201 201 201 201
POST /v1/conversations (with member)                         |  401  401  401 | 201 403 201 201 400 201 201 201
POST /v1/conversations (bringing member in)                  |  401  401  401 | 201 403 201 201 201 201 201 201
GET /v1/conversations/:id                                    |  401  401  401 | 404 200 404 200 200 200 200 404
PATCH /v1/conversations/:id                                  |  401  401  401 | 404 403 404 403 403 200 200 404
DELETE /v1/conversations/:id                                 |  401  401  401 | 404 403 404 403 403 403 204 404
GET /v1/conversations/:id/members                            |  401  401  401 | 404 200 404 200 200 200 200 404
POST /v1/conversations/:id/members                           |  401  401  401 | 404 403 404 403 403 200 200 404
PATCH /v1/conversations/:id/members/:userId                  |  401  401  401 | 404 404 404 403 403 403 200 404
DELETE /v1/conversations/:id/members/:userId                 |  401  401  401 | 404 404 404 403 403 204 204 404
DELETE /v1/conversations/:id/members/:userId (oneself)       |  401  401  401 | 404 403 404 204 204 204 204 404
GET /v1/conversations/:id/messages                           |  401  401  401 | 404 200 404 200 200 200 200 404
POST /v1/conversations/:id/messages                          |  401  401  401 | 404 403 404 201 201 201 201 404
GET /v1/conversations/:id/changes                            |  401  401  401 | 404 200 404 200 200 200 200 404
PUT /v1/conversations/:id/read                               |  401  401  401 | 404 200 404 200 200 200 200 404

# Messages

# Messages
GET /v1/messages/:id                                         |  401  401  401 | 404 200 404 200 200 200 200 404
PATCH /v1/messages/:id                                       |  401  401  401 | 404 403 404 403 200 403 403 404
DELETE /v1/messages/:id                                      |  401  401  401 | 404 403 404 403 200 200 200 404
PUT /v1/messages/:id/reactions/:emoji                        |  401  401  401 | 404 403 404 200 200 200 200 404
DELETE /v1/messages/:id/reactions/:emoji                     |  401  401  401 | 404 403 404 200 200 200 200 404
PUT /v1/messages/:id/pin                                     |  401  401  401 | 404 403 404 403 403 200 200 404
DELETE /v1/messages/:id/pin                                  |  401  401  401 | 404 403 404 403 403 200 200 404

# The server
POST /v1/admin/conversations/:id/restore                     |  401  401  401 | 403 403 403 403 403 403 403 409
POST /v1/backup/snapshots                                    |  401  401  401 | 403 403 403 403 403 403 403 403
GET /v1/backup/snapshots/:id                                 |  401  401  401 | 403 403 403 403 403 403 403 403
DELETE /v1/backup/snapshots/:id                              |  401  401  401 | 403 403 403 403 403 403 403 403
POST /v1/backup/rows                                         |  401  401  401 | 403 403 403 403 403 403 403 403
GET /v1/backup/conversations                                 |  401  401  401 | 403 403 403 403 403 403 403 403
GET /v1/backup/conversations/:id                             |  401  401  401 | 403 403 403 403 403 403 403 403
POST /v1/backup/conversations/:id/rows                       |  401  401  401 | 403 403 403 403 403 403 403 403
GET /health                                                  |  200  200  200 | 200 200 200 200 200 200 200 200
GET /metrics                                                 |  401  401  401 | 403 403 403 403 403 403 403 200
GET /.well-known/jwks.json                                   |  200  200  200 | 200 200 200 200 200 200 200 200
GET /openapi.json                                            |  200  200  200 | 200 200 200 200 200 200 200 200
GET /asyncapi.json                                           |  200  200  200 | 200 200 200 200 200 200 200 200
GET /docs                                                    |  200  200  200 | 200 200 200 200 200 200 200 200

# The routes of the other documents
POST /register                                               |  200  200  200 | 200 200 200 200 200 200 200 200
POST /login                                                  |  200  200  200 | 200 200 200 200 200 200 200 200
POST /auth/logout                                            |  401  401  401 | 200 200 200 200 200 200 200 200
GET /auth/me                                                 |  401  401  401 | 200 200 200 200 200 200 200 200
POST /users                                                  |  200  200  200 | 200 200 200 200 200 200 200 200
GET /users                                                   |  401  401  401 | 200 200 200 200 200 200 200 200
GET /users/:user_id                                          |  401  401  401 | 200 200 200 200 200 200 200 200
PUT /users/:user_id                                          |  401  401  401 | 403 403 403 403 200 403 403 403
PUT /users/:user_id (oneself)                                |  401  401  401 | 200 200 200 200 200 200 200 200
DELETE /users/:user_id                                       |  401  401  401 | 403 403 403 403 200 403 403 403
DELETE /users/:user_id (oneself)                             |  401  401  401 | 200 200 200 200 200 200 200 200
POST /messages                                               |  401  401  401 | 200 403 200 200 400 200 200 200
POST /messages (sealed)                                      |  401  401  401 | 403 403 403 201 201 201 201 403
GET /messages                                                |  401  401  401 | 200 200 200 200 200 200 200 200
GET /messages/conversation/:user_id                          |  401  401  401 | 200 200 200 200 200 200 200 200
GET /messages/online-users                                   |  401  401  401 | 200 200 200 200 200 200 200 200
GET /messages/received                                       |  401  401  401 | 200 200 200 200 200 200 200 200
GET /messages/sent                                           |  401  401  401 | 200 200 200 200 200 200 200 200
PUT /messages/:message_id                                    |  401  401  401 | 403 403 403 403 200 403 403 403
DELETE /messages/:message_id                                 |  401  401  401 | 403 403 403 403 200 403 403 403
PUT /messages/:message_id/read                               |  401  401  401 | 403 200 403 200 200 200 200 403
GET /conversations/:conv_id/messages                         |  401  401  401 | 403 200 403 200 200 200 200 403
POST /conversation/send_message                              |  401  401  401 | 404 403 404 200 200 200 200 404
POST /conversation/send_message (to member)                  |  401  401  401 | 200 403 200 200 400 200 200 200
POST /conversation/delete_message                            |  401  401  401 | 404 403 404 403 200 200 200 404
DELETE /conversation/delete_message                          |  401  401  401 | 404 403 404 403 200 200 200 404
POST /create_conversation                                    |  401  401  401 | 200 403 200 200 400 200 200 200
POST /delete_conversation                                    |  401  401  401 | 404 403 404 403 403 403 200 404
DELETE /delete_conversation                                  |  401  401  401 | 404 403 404 403 403 403 200 404
POST /me/send_friend_request                                 |  401  401  401 | 200 403 200 409 400 200 200 200
POST /me/accept_friend_request                               |  401  401  401 | 404 404 404 404 200 404 404 404
POST /events                                                 |  401  401  401 | 200 200 200 200 200 200 200 200
GET /events                                                  |  200  200  200 | 200 200 200 200 200 200 200 200
GET /events/:event_id                                        |  200  200  200 | 200 200 200 200 200 200 200 200

# The routes of document 003
GET /api/admin/chat/conversations/:id/messages               |  401  401  401 | 403 403 403 403 403 403 403 404
GET /api/admin/chat/conversations/:id/messages (their own)   |  401  401  401 | 403 403 403 403 403 403 403 200
POST /api/admin/chat/conversations/:id/messages              |  401  401  401 | 403 403 403 403 403 403 403 404
POST /api/admin/chat/conversations/:id/messages (their own)  |  401  401  401 | 403 403 403 403 403 403 403 200
POST /api/admin/chat/invitations                             |  401  401  401 | 403 403 403 403 403 403 403 200
PUT /api/admin/chat/invitations/:id/respond                  |  401  401  401 | 403 403 403 403 403 403 403 404
PUT /api/admin/chat/invitations/:id/respond (their own)      |  401  401  401 | 403 403 403 403 403 403 403 200

# Opening a socket
GET /v1/socket                                               | 4401 4401 4401 | 101 101 101 101 101 101 101 101
GET /messages/ws                                             | 4001 4001 4001 | 101 101 101 101 101 101 101 101
GET /ws                                                      | 1008 1008 1008 | 101 101 101 101 101 101 101 101
GET /ws/:token                                               | 4008 4008 4008 | 101 101 101 101 101 101 101 101
GET /ws/chat                                                 |  401  401  401 | 101 101 101 101 101 101 101 101

# Saying something on the native socket
native message.send                                          | 4401 4401 4401 | 404 403 404 200 200 200 200 404
native message.edit                                          | 4401 4401 4401 | 404 403 404 403 200 403 403 404
native message.delete                                        | 4401 4401 4401 | 404 403 404 403 200 200 200 404
native reaction.add                                          | 4401 4401 4401 | 404 403 404 200 200 200 200 404
native reaction.remove                                       | 4401 4401 4401 | 404 403 404 200 200 200 200 404
native pin.add                                               | 4401 4401 4401 | 404 403 404 403 403 200 200 404
native pin.remove                                            | 4401 4401 4401 | 404 403 404 403 403 200 200 404
native read.mark                                             | 4401 4401 4401 | 404 200 404 200 200 200 200 404
native typing.start                                          | 4401 4401 4401 | 404 403 404 200 200 200 200 404
native typing.stop                                           | 4401 4401 4401 | 404 403 404 200 200 200 200 404
native changes.get                                           | 4401 4401 4401 | 404 200 404 200 200 200 200 404
native presence.get                                          | 4401 4401 4401 | 200 200 200 200 200 200 200 200

# Saying something on the sockets of the documents
direct ping                                                  | 4001 4001 4001 | 200 200 200 200 200 200 200 200
direct send_message                                          | 4001 4001 4001 | 200 403 200 200 400 200 200 200
friends send_message                                         | 4008 4008 4008 | 200 403 200 200 400 200 200 200
friends typing                                               | 4008 4008 4008 | 200 403 200 200 400 200 200 200
friends stop_typing                                          | 4008 4008 4008 | 200 403 200 200 400 200 200 200
friends mark_read                                            | 4008 4008 4008 | 404 200 404 200 200 200 200 404
friends get_online_friends                                   | 4008 4008 4008 | 200 200 200 200 200 200 200 200
rooms authenticate                                           |  401  401  401 | 200 200 200 200 200 200 200 200
rooms join_conversation                                      |  401  401  401 | 404 200 404 200 200 200 200 404
rooms leave_conversation                                     |  401  401  401 | 404 200 404 200 200 200 200 404
rooms send_message                                           |  401  401  401 | 404 403 404 200 200 200 200 404
rooms send_message (passed on)                               |  401  401  401 | 404 403 404 200 200 200 200 404
`

export type Row = { name: string; cells: Record<Actor, number> }

export const ROWS: Row[] = TABLE.split('\n')
  .filter((line) => line.includes('|'))
  .map((line) => {
    const [name = '', ...columns] = line.split('|').map((column) => column.trim())
    const cells = columns.flatMap((column) => column.split(/\s+/).map(Number))
    if (cells.length !== ACTORS.length || cells.some(Number.isNaN)) throw new Error(`not one cell for each: ${line}`)
    return { name, cells: Object.fromEntries(ACTORS.map((actor, i) => [actor, cells[i]])) as Record<Actor, number> }
  })

/** The route or the frame of a row, without what it says of the case. */
export const subjectOf = (row: string): string => row.replace(/ \(.*\)$/, '')
