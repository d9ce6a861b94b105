import type { Message } from './history.ts'

/** The parts of the native protocol that these clients use, written down anew: they must not believe what the project believes. */

/** A message's id is that of its conversation, times this, and its number. */
export const SEQ_SPAN = 2 ** 26

export type WireMessage = {
  id: number
  seq: number
  rev: number
  senderId: number
  clientId: string
  content: { kind: 'text'; text: string } | { kind: 'sealed'; ciphertext: string } | null
  reactions: { emoji: string; userIds: number[] }[]
}

export type WireEntry = {
  conversation: { id: number }
  epoch: string
  rev: number
  seq: number
  readSeq: number
  unread: number
  memberIds: number[]
}

export type WireChanges = { epoch: string; rev: number; more: boolean; messages: WireMessage[] }

export type WirePage = { items: WireMessage[]; nextCursor: string | null }

/** A change of a conversation, as the socket tells it. */
export type WireEvent = {
  type: string
  conversationId: number
  rev: number
  message?: WireMessage
  messageId?: number
  reactions?: WireMessage['reactions']
  userId?: number
  seq?: number
  member?: { userId: number; leftAt: string | null }
}

export type WireFrame =
  | { type: 'hello'; conversations: WireEntry[]; gone: number[] }
  | { type: 'conversation.created' | 'conversation.head'; conversationId: number; entry: WireEntry }
  | { type: 'conversation.deleted'; conversationId: number }
  | { type: 'reply'; id: number; ok: true; result: WireResult }
  | { type: 'reply'; id: number; ok: false; error: { code: string; retryAfter?: number } }

export type WireResult = {
  message?: WireMessage
  repeated?: boolean
  seq?: number
  rev?: number
  more?: boolean
  epoch?: string
  messages?: WireMessage[]
}

export type Session = { id: string; accessToken: string; refreshToken: string }

const REVISED = new Set([
  'message.created',
  'message.updated',
  'message.deleted',
  'reaction.changed',
  'read.changed',
  'member.changed',
  'conversation.updated',
])

export const isRevised = (frame: { type: string }): frame is WireEvent => REVISED.has(frame.type)

export const reactionsText = (reactions: WireMessage['reactions']): string =>
  reactions
    .map(({ emoji, userIds }) => `${emoji}:${userIds.toSorted((a, b) => a - b).join(',')}`)
    .toSorted()
    .join(' ')

type Said = Pick<WireMessage, 'id' | 'clientId' | 'content'>

/** Nothing is really encrypted here. */
export const textOf = ({ content }: Pick<WireMessage, 'content'>): string | null =>
  content === null
    ? null
    : content.kind === 'text'
      ? content.text
      : Buffer.from(content.ciphertext, 'base64').toString()

/** The names of messages whose text may be another by now, or gone. */
const named = new Map<number, string>()
export const nameMessage = (id: number, name: string): void => void named.set(id, name)

/** Who uses a documented API names no message: what they say begins with a name in its place. */
export const clientIdOf = (message: Said): string =>
  /^~\S+/.exec(textOf(message) ?? '')?.[0] ?? named.get(message.id) ?? message.clientId

export const messageOf = (message: WireMessage): Message => ({
  seq: message.seq,
  id: message.id,
  rev: message.rev,
  sender: message.senderId,
  clientId: clientIdOf(message),
  text: textOf(message),
  reactions: reactionsText(message.reactions),
})
