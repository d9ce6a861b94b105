import { CauserieError, CauserieNetworkError, type ErrorCode, type MessagePreview } from '../sdk/index.ts'

/** What people read. */

const UNREACHED = 'We could not reach the server. Look at your connection and try again.'

const CODES: Partial<Record<ErrorCode, string>> = {
  'auth.invalid_credentials': 'That name and password do not go together.',
  'password.wrong': 'That is not your current password.',
  'password.common': 'Too many people use this password. Please choose another.',
  'user.not_found': 'This person has no account any more.',
  'username.taken': 'Somebody has this username already.',
  'email.taken': 'There is an account with this address already.',
  'conversation.not_found': 'This conversation is gone, or you are no longer in it.',
  'conversation.blocked': 'One of you has blocked the other.',
  'conversation.full': 'It is full.',
  'member.not_allowed': 'Your role in this group does not allow that.',
  'message.not_found': 'This message is gone.',
  'message.deleted': 'This message was deleted meanwhile.',
  'rate.limited': 'That was a bit much at once. Please wait a moment.',
  'request.too_large': 'That is too long.',
  'frame.too_large': 'That is too long.',
  'server.fault': 'Something went wrong on our side. Please try again.',
  'server.unavailable': 'The server is busy. Please try again in a moment.',
}

/** Refusals that speak of one field of a form. */
const FIELDS_OF: Partial<Record<ErrorCode, string[]>> = {
  'username.taken': ['username'],
  'email.taken': ['email'],
  'password.common': ['password', 'newPassword'],
  'password.wrong': ['currentPassword'],
}

const FIELDS: Record<string, string> = {
  login: 'This is no username and no email address.',
  displayName: 'Use 1 to 64 characters.',
  username: 'Use 2 to 32 letters, digits, dots, dashes or underscores, and begin with a letter or a digit.',
  email: 'This does not look like an email address.',
  password: 'Use 8 to 256 characters.',
  newPassword: 'Use 8 to 256 characters.',
  title: 'Use 1 to 100 characters.',
}

export const wordsOfCode = (code: ErrorCode): string => CODES[code] ?? 'The server did not take it.'

export const inWords = (error: unknown): string => {
  if (error instanceof CauserieNetworkError) return UNREACHED
  if (!(error instanceof CauserieError)) return 'Something went wrong. Please try again.'
  if (error.code === 'rate.limited' && error.retryAfter !== undefined) {
    return `That was a bit much at once. Please try again in ${waitWords(error.retryAfter)}.`
  }
  return CODES[error.code] ?? error.message
}

/** What is wrong, per field of a form. */
export const issuesOf = (error: unknown): Record<string, string> => {
  if (!(error instanceof CauserieError)) return {}
  const fields = FIELDS_OF[error.code]
  if (fields !== undefined) return Object.fromEntries(fields.map((field) => [field, inWords(error)]))
  return Object.fromEntries(
    (error.issues ?? []).map(({ path }) => [path, FIELDS[path] ?? 'The server did not take this.']),
  )
}

/** One line of a message, for where there is room for one line. */
export const previewOf = ({ content }: Pick<MessagePreview, 'content'>): string => {
  if (content === null) return 'Message deleted'
  return content.kind === 'text' ? content.text.replace(/\s+/g, ' ') : 'Sealed message'
}

/** Ready to send: no empty ends, and nothing that the server would refuse. */
export const cleanText = (text: string): string => text.toWellFormed().replaceAll('\u0000', '').trim()

/** "Ana", "Ana and Bo", "Ana, Bo and Cy". */
export const listWords = (names: string[]): string =>
  names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

export const typingWords = (names: string[]): string => {
  if (names.length === 0) return ''
  if (names.length > 3) return 'Several people are typing…'
  return `${listWords(names)} ${names.length === 1 ? 'is' : 'are'} typing…`
}

const waitWords = (seconds: number): string => {
  if (seconds < 90) return seconds === 1 ? 'a second' : `${seconds} seconds`
  const minutes = Math.ceil(seconds / 60)
  return minutes < 90 ? `${minutes} minutes` : `${Math.ceil(minutes / 60)} hours`
}
