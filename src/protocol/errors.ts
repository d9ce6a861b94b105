import * as z from 'zod'

/**
 * Every refusal that a client can meet, with its HTTP status and a sentence for people.
 * The code is stable; the sentence may change. Over a socket the status is not sent.
 */
export const ERRORS = {
  'request.invalid': [400, 'The request is not of the form that this route takes.'],
  'request.malformed': [400, 'The body is not valid JSON.'],
  'request.too_large': [413, 'The body is larger than this route takes.'],
  'request.media_type': [415, 'This route takes application/json.'],
  'limit.reached': [409, 'There are as many of these already as there can be. Take one away first.'],
  'route.not_found': [404, 'There is no such route.'],
  'route.method': [405, 'This route does not take that method.'],
  'rate.limited': [429, 'Too many requests. Try again later.'],
  'server.fault': [500, 'Something went wrong on our side. Whether it was done, asking again tells.'],
  'server.unavailable': [503, 'The service is busy. Try again in a moment.'],

  'auth.required': [401, 'Sign in first.'],
  'auth.invalid_credentials': [401, 'The login or the password is wrong.'],
  'token.invalid': [401, 'The access token is not valid.'],
  'token.expired': [401, 'The access token has expired.'],
  'refresh.invalid': [401, 'The refresh token is not valid.'],
  'refresh.reused': [401, 'The refresh token was used before. The session was ended.'],
  'session.revoked': [401, 'This session was signed out.'],
  'session.not_found': [404, 'There is no such session.'],
  'ticket.invalid': [401, 'The ticket is not valid, was used before, or has expired.'],
  'origin.refused': [403, 'This origin may not open a socket.'],
  'password.wrong': [403, 'The current password is wrong.'],

  'username.taken': [409, 'This username is taken.'],
  'email.taken': [409, 'This address is taken.'],
  'password.common': [400, 'This password is too common.'],
  'user.not_found': [404, 'There is no such user.'],

  'friend.not_found': [404, 'There is no such friend.'],
  'friend.with_self': [400, 'A friendship needs another person.'],
  'friend.already': [409, 'You are friends already.'],
  'friend_request.not_found': [404, 'There is no such open request.'],
  'block.with_self': [400, 'Nobody can block themselves.'],
  'invitation.not_found': [404, 'There is no such invitation.'],
  'invitation.with_self': [400, 'An invitation needs another person.'],
  'invitation.answered': [409, 'The invitation was answered already.'],
  'event.not_found': [404, 'There is no such event.'],
  'event.title_taken': [409, 'There is an event of this title already.'],
  'event.not_organizer': [403, 'Only its organizer may do that.'],
  'admin.required': [403, 'Only an administrator may do that.'],
  'restore.out_of_range': [400, 'The time is before the conversation began, more than 30 days ago, or still to come.'],
  'restore.unavailable': [409, 'This server keeps no history of its objects.'],

  'backup.not_allowed': [403, 'Only who runs the server may do that.'],
  'backup.occupied': [409, 'Something else is in its place.'],
  'snapshot.not_found': [404, 'There is no such copy of the directory any more.'],

  'conversation.not_found': [404, 'There is no such conversation.'],
  'conversation.is_direct': [403, 'A direct conversation has no title and no roles, and its two members stay.'],
  'conversation.full': [403, 'It has as many members, or messages, as it can have.'],
  'conversation.with_self': [400, 'A direct conversation needs another person.'],
  'conversation.blocked': [403, 'One of you has blocked the other.'],
  'member.not_found': [404, 'There is no such member.'],
  'member.not_allowed': [403, 'Your role in this conversation does not allow that.'],

  'message.not_found': [404, 'There is no such message.'],
  'message.not_owner': [403, 'Only its author may do that.'],
  'message.deleted': [409, 'The message was deleted.'],
  'message.client_id_reused': [409, 'This clientId was used for another message.'],
  'message.too_many_reactions': [403, 'The message has as many different reactions as a message can have.'],

  'frame.malformed': [400, 'The frame is not valid JSON.'],
  'frame.invalid': [400, 'The frame is not of a form that this socket takes.'],
  'frame.unknown_type': [400, 'There is no such frame type.'],
  'frame.binary': [400, 'This socket takes text frames only.'],
  'frame.too_large': [413, 'The frame is larger than 256 KiB.'],
} as const satisfies Record<string, readonly [status: number, sentence: string]>

export type ErrorCode = keyof typeof ERRORS

// The table above is the list; zod needs it as a tuple.
const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]
export const ErrorCode = z.enum(codes)

/** One thing that is wrong with an input: where, and what. */
export const Issue = z.object({ path: z.string(), message: z.string() })
export type Issue = z.infer<typeof Issue>

/** A refusal as a value: rules return it, routes and sockets render it. */
export type Refusal = { ok: false; code: ErrorCode; issues?: Issue[]; retryAfter?: number }

export const refuse = (code: ErrorCode, more: { issues?: Issue[]; retryAfter?: number } = {}): Refusal => ({
  ok: false,
  code,
  ...more,
})

export const isRefusal = (value: object): value is Refusal => 'ok' in value && value.ok === false

/** An error over REST, as RFC 9457 has it, plus the stable `code`. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  /** The same sentence, where clients of the documented APIs look for it. */
  detail: z.string(),
  status: z.int(),
  code: ErrorCode,
  issues: z.array(Issue).optional(),
})
export type Problem = z.infer<typeof Problem>

/** An error over the socket. */
export const FrameError = z.object({
  code: ErrorCode,
  message: z.string(),
  issues: z.array(Issue).optional(),
  /** Seconds to wait before another try. */
  retryAfter: z.number().optional(),
})
export type FrameError = z.infer<typeof FrameError>

export const issuesOf = (error: z.ZodError): Issue[] =>
  // The message of an unknown field quotes its name, and there may be thousands of them.
  error.issues.slice(0, 20).map((issue) => ({ path: issue.path.join('.'), message: issue.message.slice(0, 200) }))
