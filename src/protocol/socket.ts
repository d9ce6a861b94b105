import * as z from 'zod'
import { ConversationId, Rev, Seq } from './ids.ts'

export * from './wire.ts'

/** Whose ticket this claims to be; null where it is none. */
export const userOfTicket = (ticket: string): number | null => {
  const userId = /^([1-9]\d{0,14})\.[A-Za-z0-9_-]{43}$/.exec(ticket)?.[1]
  return userId === undefined ? null : Number(userId)
}

const have = z
  .string()
  .max(32_768)
  .regex(/^(?:[a-z0-9]+(?:\.[a-z0-9]+){3}(?:_[a-z0-9]+(?:\.[a-z0-9]+){3})*)?$/)

/**
 * `GET /v1/socket`. `have` says what the client holds: per conversation its id, the revision and its own read mark, in base 36,
 * and the first eight characters of `epoch`, joined by dots, conversations joined by `_`. `hello` then leaves out what has not changed.
 */
export const SocketQuery = z.object({ have: have.optional(), ticket: z.string().max(256).optional() })

export const Have = z.object({ conversationId: ConversationId, rev: Rev, readSeq: Seq, log: z.string() })
export type Have = z.infer<typeof Have>

export const decodeHave = (text: string): Have[] =>
  text === ''
    ? []
    : text.split('_').flatMap((part) => {
        const [log, ...numbers] = part.split('.').toReversed()
        const [readSeq, rev, conversationId] = numbers.map((text) => Number.parseInt(text, 36))
        const parsed = Have.safeParse({ conversationId, rev, readSeq, log })
        return parsed.success ? [parsed.data] : []
      })
