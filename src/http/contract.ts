import * as z from 'zod'
import type { RouteContract } from '../contract/operations.ts'
import { AuthSessionList, SignedIn, Ticket } from '../protocol/auth.ts'
import { BackedUpConversations, BackupPage, Loaded, Snapshot } from '../protocol/backup.ts'
import { Changes, InboxEntry, InboxPage, MemberList } from '../protocol/conversation.ts'
import { CalendarEvent, CalendarEventPage } from '../protocol/calendar.ts'
import { ReadReply } from '../protocol/events.ts'
import { Block, BlockPage, Friend, FriendPage, FriendRequestOutcome, FriendRequestPage } from '../protocol/friend.ts'
import { Invitation, InvitationPage } from '../protocol/invitation.ts'
import { HistoryPage, Message } from '../protocol/message.ts'
import { Restored } from '../protocol/restoration.ts'
import { Me, User, UserPage } from '../protocol/user.ts'

const PublicKey = z.object({
  kty: z.string(),
  crv: z.string(),
  x: z.string(),
  kid: z.string(),
  alg: z.string(),
  use: z.string(),
})

/** What each group of routes is about. */
export const TAGS: Record<string, string> = {
  auth: 'Accounts, tokens and devices',
  me: 'Your own account',
  users: 'Users',
  friends: 'Friends',
  'friend-requests': 'Friend requests',
  blocks: 'Blocked users',
  invitations: 'Invitations into conversations',
  events: 'Events and answers to them',
  conversations: 'The inbox, the conversations, their members and messages',
  messages: 'One message',
  socket: 'The WebSocket',
  admin: 'For administrators',
  backup: 'For whoever runs the server, with the token of the deployment',
  server: 'The server itself',
}

/** What the routes do and answer. What they take, they say themselves; the refusals that follow from it are added. */
export const ROUTES: Record<string, RouteContract> = {
  'POST /v1/auth/register': [
    'Create an account and sign in',
    { 201: SignedIn },
    'username.taken',
    'email.taken',
    'password.common',
  ],
  'POST /v1/auth/login': ['Sign in, by username or email address', { 200: SignedIn }, 'auth.invalid_credentials'],
  'POST /v1/auth/refresh': [
    'Exchange a refresh token, once, for new tokens',
    { 200: SignedIn },
    'refresh.invalid',
    'refresh.reused',
    'session.revoked',
  ],
  'POST /v1/auth/logout': ['End this session', { 204: null }, 'session.not_found'],
  'GET /v1/auth/sessions': ['List the sessions', { 200: AuthSessionList }],
  'DELETE /v1/auth/sessions/:id': ['End a session', { 204: null }, 'session.not_found'],
  'POST /v1/auth/ticket': ['Get a ticket for one socket', { 201: Ticket }],

  'GET /v1/me': ['Your profile', { 200: Me }, 'user.not_found'],
  'PATCH /v1/me': ['Change your profile', { 200: Me }, 'email.taken'],
  'DELETE /v1/me': ['Delete your account', { 204: null }, 'password.wrong'],
  'PUT /v1/me/password': [
    'Change the password; every other device is signed out',
    { 204: null },
    'password.wrong',
    'password.common',
  ],

  'GET /v1/users': ['Users by the start of a name, or by their ids', { 200: UserPage }],
  'GET /v1/users/:id': ['A user', { 200: User }, 'user.not_found'],

  'GET /v1/friends': ['Your friends', { 200: FriendPage }],
  'DELETE /v1/friends/:userId': ['End a friendship', { 204: null }, 'friend.not_found'],
  'GET /v1/friend-requests': ['Open requests, both ways', { 200: FriendRequestPage }],
  'POST /v1/friend-requests': [
    'Send a friend request; 200 where it was sent before',
    { 201: FriendRequestOutcome, 200: FriendRequestOutcome },
    'user.not_found',
    'friend.with_self',
    'friend.already',
    'conversation.blocked',
    'friend_request.not_found',
    'limit.reached',
  ],
  'POST /v1/friend-requests/:id/accept': [
    'Accept a request',
    { 200: Friend },
    'friend_request.not_found',
    'user.not_found',
  ],
  'POST /v1/friend-requests/:id/decline': ['Decline a request', { 204: null }, 'friend_request.not_found'],
  'DELETE /v1/friend-requests/:id': ['Take a request back', { 204: null }, 'friend_request.not_found'],

  'GET /v1/blocks': ['Blocked users', { 200: BlockPage }],
  'PUT /v1/blocks/:userId': ['Block a user', { 200: Block }, 'user.not_found', 'block.with_self', 'limit.reached'],
  'DELETE /v1/blocks/:userId': ['Unblock a user', { 204: null }],

  'GET /v1/invitations': ['Invitations, both ways, newest first', { 200: InvitationPage }],
  'POST /v1/invitations': [
    'Invite a user into a group or to a conversation; 200 where that was done before',
    { 201: Invitation, 200: Invitation },
    'user.not_found',
    'invitation.with_self',
    'conversation.not_found',
    'conversation.blocked',
    'conversation.is_direct',
    'conversation.full',
    'member.not_allowed',
  ],
  'POST /v1/invitations/:id/accept': [
    'Accept an invitation and join',
    { 200: Invitation },
    'invitation.not_found',
    'invitation.answered',
    'conversation.not_found',
    'conversation.blocked',
    'conversation.full',
    'conversation.is_direct',
    'member.not_allowed',
    'user.not_found',
  ],
  'POST /v1/invitations/:id/decline': [
    'Decline an invitation',
    { 200: Invitation },
    'invitation.not_found',
    'invitation.answered',
  ],

  'GET /v1/events': ['Events, by their beginning', { 200: CalendarEventPage }],
  'POST /v1/events': ['Create an event', { 201: CalendarEvent }, 'event.title_taken', 'event.not_found'],
  'GET /v1/events/:file{.+\\.ics}': ['An event as iCalendar', { 200: 'text/calendar' }, 'event.not_found'],
  'GET /v1/events/:id': ['An event', { 200: CalendarEvent }, 'event.not_found'],
  'PATCH /v1/events/:id': [
    'Change an event of yours',
    { 200: CalendarEvent },
    'event.not_found',
    'event.not_organizer',
    'event.title_taken',
  ],
  'DELETE /v1/events/:id': ['Delete an event of yours', { 204: null }, 'event.not_found', 'event.not_organizer'],
  'PUT /v1/events/:id/rsvp': ['Answer an event', { 200: CalendarEvent }, 'event.not_found', 'limit.reached'],
  'DELETE /v1/events/:id/rsvp': ['Withdraw your answer', { 204: null }, 'event.not_found'],

  'GET /v1/conversations': ['The inbox, the last active first', { 200: InboxPage }],
  'POST /v1/conversations': [
    'Create a group, or open a direct conversation; 200 where it exists',
    { 201: InboxEntry, 200: InboxEntry },
    'user.not_found',
    'conversation.with_self',
    'conversation.blocked',
    'conversation.not_found',
  ],
  'GET /v1/conversations/:id': ['A conversation', { 200: InboxEntry }, 'conversation.not_found'],
  'PATCH /v1/conversations/:id': [
    'Rename a group',
    { 200: InboxEntry },
    'conversation.not_found',
    'conversation.is_direct',
    'member.not_allowed',
  ],
  'DELETE /v1/conversations/:id': [
    'Delete a conversation, for everybody',
    { 204: null },
    'conversation.not_found',
    'conversation.blocked',
    'member.not_allowed',
  ],
  'GET /v1/conversations/:id/members': ['Its members', { 200: MemberList }, 'conversation.not_found'],
  'POST /v1/conversations/:id/members': [
    'Add members to a group',
    { 200: MemberList },
    'conversation.not_found',
    'conversation.is_direct',
    'conversation.full',
    'conversation.blocked',
    'member.not_allowed',
    'user.not_found',
  ],
  'PATCH /v1/conversations/:id/members/:userId': [
    'Give a member a role',
    { 200: MemberList },
    'conversation.not_found',
    'conversation.is_direct',
    'member.not_found',
    'member.not_allowed',
  ],
  'DELETE /v1/conversations/:id/members/:userId': [
    'Remove a member, or leave',
    { 204: null },
    'conversation.not_found',
    'conversation.is_direct',
    'member.not_found',
    'member.not_allowed',
  ],
  'GET /v1/conversations/:id/messages': ['Its history, newest first', { 200: HistoryPage }, 'conversation.not_found'],
  'POST /v1/conversations/:id/messages': [
    'Send a message; 200 where it was sent before',
    { 201: Message, 200: Message },
    'conversation.not_found',
    'conversation.blocked',
    'conversation.full',
    'user.not_found',
    'message.not_found',
    'message.client_id_reused',
  ],
  'GET /v1/conversations/:id/changes': [
    'All that changed above a revision',
    { 200: Changes },
    'conversation.not_found',
  ],
  'PUT /v1/conversations/:id/read': ['Mark as read up to a message', { 200: ReadReply }, 'conversation.not_found'],

  'GET /v1/messages/:id': ['A message', { 200: Message }, 'conversation.not_found', 'message.not_found'],
  'PATCH /v1/messages/:id': [
    'Edit a message of yours',
    { 200: Message },
    'conversation.not_found',
    'conversation.blocked',
    'message.not_found',
    'message.not_owner',
    'message.deleted',
  ],
  'DELETE /v1/messages/:id': [
    'Delete a message',
    { 200: Message },
    'conversation.not_found',
    'message.not_found',
    'message.not_owner',
  ],
  'PUT /v1/messages/:id/reactions/:emoji': [
    'React with an emoji',
    { 200: Message },
    'conversation.not_found',
    'conversation.blocked',
    'message.not_found',
    'message.deleted',
    'message.too_many_reactions',
  ],
  'DELETE /v1/messages/:id/reactions/:emoji': [
    'Take a reaction back',
    { 200: Message },
    'conversation.not_found',
    'conversation.blocked',
    'message.not_found',
    'message.deleted',
  ],
  'PUT /v1/messages/:id/pin': [
    'Pin a message',
    { 200: Message },
    'conversation.not_found',
    'conversation.blocked',
    'message.not_found',
    'message.deleted',
    'member.not_allowed',
  ],
  'DELETE /v1/messages/:id/pin': [
    'Unpin a message',
    { 200: Message },
    'conversation.not_found',
    'conversation.blocked',
    'message.not_found',
    'message.deleted',
    'member.not_allowed',
  ],

  'POST /v1/admin/conversations/:id/restore': [
    'Put a conversation back to a point in time',
    { 200: Restored },
    'admin.required',
    'conversation.not_found',
    'restore.out_of_range',
    'restore.unavailable',
  ],

  'POST /v1/backup/snapshots': ['Copy the directory, to be read', { 201: Snapshot }, 'backup.not_allowed'],
  'GET /v1/backup/snapshots/:id': [
    'Read a part of that copy',
    { 200: BackupPage },
    'backup.not_allowed',
    'snapshot.not_found',
  ],
  'DELETE /v1/backup/snapshots/:id': ['Delete that copy', { 204: null }, 'backup.not_allowed'],
  'POST /v1/backup/rows': [
    'Put rows of the directory into one that has none there',
    { 200: Loaded },
    'backup.not_allowed',
    'backup.occupied',
  ],
  'GET /v1/backup/conversations': [
    'Which conversations there are',
    { 200: BackedUpConversations },
    'backup.not_allowed',
  ],
  'GET /v1/backup/conversations/:id': ['Read a part of a conversation', { 200: BackupPage }, 'backup.not_allowed'],
  'POST /v1/backup/conversations/:id/rows': [
    'Put rows into a conversation that is not there yet',
    { 200: Loaded },
    'backup.not_allowed',
    'backup.occupied',
    'conversation.not_found',
  ],

  'GET /v1/socket': ['Open the WebSocket; what is said there is in /asyncapi.json', { 101: null, 426: null }],
  'GET /health': ['Whether the server is up', { 200: z.object({ status: z.literal('ok') }) }],
  'GET /metrics': [
    'What was counted, as Prometheus reads it; for administrators',
    { 200: 'text/plain' },
    'admin.required',
  ],
  'GET /.well-known/jwks.json': [
    'The public keys of the access tokens',
    { 200: z.object({ keys: z.array(PublicKey) }) },
  ],
  'GET /openapi.json': ['The REST API as OpenAPI 3.1', { 200: z.looseObject({ openapi: z.string() }) }],
  'GET /asyncapi.json': ['The WebSockets as AsyncAPI 3', { 200: z.looseObject({ asyncapi: z.string() }) }],
  'GET /docs': ['Both, to read in a browser', { 200: 'text/html' }],
}
