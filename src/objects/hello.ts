import type { InboxEntry } from '../protocol/conversation.ts'
import type { EventOf } from '../protocol/events.ts'
import { type Have, logOf, SUBPROTOCOL } from '../protocol/socket.ts'
import { fitting } from './call-size.ts'
import { cursorAfter } from './inbox-reader.ts'

type Greeting = {
  userId: number
  sessionId: string
  /** The whole inbox, the last active first. */
  entries: InboxEntry[]
  /** What the client said that it has. */
  have: Have[]
  online: number[]
  /** Whether the user is in a conversation. */
  isIn: (conversationId: number) => boolean
}

/** The first frame of a socket: what of the inbox differs from what the client said that it has, as far as it fits into one frame. */
export const helloTo = ({ userId, sessionId, entries, have, online, isIn }: Greeting): EventOf<'hello'> => {
  const held = new Map(have.map((each) => [each.conversationId, each]))
  const news = entries.filter((entry) => {
    const known = held.get(entry.conversation.id)
    return known?.rev !== entry.rev || known.readSeq !== entry.readSeq || known.log !== logOf(entry.epoch)
  })
  const listed = fitting(news, (entry) => JSON.stringify(entry).length)
  return {
    type: 'hello',
    protocol: SUBPROTOCOL,
    userId,
    sessionId,
    serverTime: new Date().toISOString(),
    conversations: listed,
    nextCursor: cursorAfter(news, listed.length),
    gone: have.flatMap(({ conversationId }) => (isIn(conversationId) ? [] : [conversationId])),
    online,
  }
}
