import * as z from 'zod'
import { refuse } from '../protocol/errors.ts'
import type { Message } from '../protocol/message.ts'
import type { Asked, Viewer } from './dialect.ts'

/** What several documents say in the same way. */

/** `2025-09-15T10:30:00`: UTC without saying so, as Python writes a naive datetime. */
export const naiveSeconds = (iso: string): string => iso.slice(0, 19)

/** `2024-01-01T12:00:00.000000`: the same with microseconds. */
export const naiveMicros = (iso: string): string => `${iso.slice(0, 23)}000`

/** `2024-03-14T12:00:00Z` */
export const zuluSeconds = (iso: string): string => `${iso.slice(0, 19)}Z`

/** A dialect of plain text shows that there is a sealed message, though it cannot show what it says. */
export const SEALED_WORDS = '[sealed message]'

export const wordsOf = ({ content }: Pick<Message, 'content'>): string =>
  content === null ? '' : content.kind === 'text' ? content.text : SEALED_WORDS

/**
 * The id of a message that comes by one of the documents' REST routes. Who posted it has it as the answer; where a document says so,
 * it is not told to them once more.
 */
export const newPostedId = (): string => `${POSTED}${crypto.randomUUID()}`
export const isPosted = (message: Pick<Message, 'clientId'>): boolean => message.clientId.startsWith(POSTED)
// No client may choose an id with a colon.
const POSTED = 'posted:'

/**
 * Whom a message went to, in a dialect that knows only pairs. A message of a group comes from its sender to the viewer: it is shown
 * in the conversation of those two rather than lost.
 */
export const receiverOf = (
  message: Pick<Message, 'conversationId' | 'senderId'>,
  viewer: Pick<Viewer, 'userId' | 'entry'>,
): number => {
  const entry = viewer.entry(message.conversationId)
  if (entry?.conversation.kind !== 'direct') return viewer.userId
  return entry.memberIds.find((id) => id !== message.senderId) ?? viewer.userId
}

/** The JSON object that a frame holds, or null. */
export const objectIn = (frame: string): Record<string, unknown> | null => {
  try {
    const parsed = z.record(z.string(), z.unknown()).safeParse(JSON.parse(frame))
    return parsed.success ? parsed.data : null
  } catch {
    return null
  }
}

export const malformed: Asked = { kind: 'refused', refusal: refuse('frame.malformed') }
export const invalid: Asked = { kind: 'refused', refusal: refuse('frame.invalid') }
export const unknownType: Asked = { kind: 'refused', refusal: refuse('frame.unknown_type') }
