import type { ServerEvent } from '../../src/protocol/events.ts'

/** A message as the log has it: `rev` is the revision that made it. */
export type Made = { seq: number; rev: number; isDeleted: boolean }

type Asked = { told: ServerEvent[]; conversationId: number; isMember: boolean; messages: Made[] }

/** What is wrong with what an open socket was told of a conversation, once all is at rest: nothing, if the promise is kept. */
export const problemsOf = ({ told, conversationId, isMember, messages }: Asked): string[] => {
  const problems: string[] = []
  /** The revision from which on the socket is to hear everything; null while it does not have the conversation. */
  let base: number | null = null
  let last = 0
  const seen = new Set<number>()
  const isDue = ({ seq, rev }: Made, since: number) => rev > since && !seen.has(seq)
  const begin = (rev: number | null) => {
    base = rev
    last = rev ?? 0
    seen.clear()
  }
  for (const event of told) {
    if (event.type === 'hello') {
      begin(event.conversations.find(({ conversation }) => conversation.id === conversationId)?.rev ?? null)
    } else if (!('conversationId' in event) || event.conversationId !== conversationId) continue
    else if (event.type === 'conversation.created') begin(event.entry.rev)
    else if (event.type === 'conversation.head') begin(Math.max(last, event.entry.rev))
    else if (event.type === 'conversation.deleted') begin(null)
    // A client passes over what it has.
    else if (base !== null && 'rev' in event && event.rev > base) {
      if (event.rev < last) problems.push(`${event.type} ${event.rev} comes after ${last}`)
      last = Math.max(last, event.rev)
      if (event.type === 'message.created') {
        if (seen.has(event.message.seq)) problems.push(`message ${event.message.seq} is new twice`)
        seen.add(event.message.seq)
      } else if (event.type === 'message.updated') {
        const made = messages.find(({ seq }) => seq === event.message.seq)
        if (made && isDue(made, base)) problems.push(`message ${made.seq} changes before it is new`)
      }
    }
  }
  if (!isMember) return base === null ? problems : [...problems, 'nobody said that its user is out']
  if (base === null) return [...problems, 'it does not have the conversation']
  const since: number = base
  const missing = messages.filter((made) => !made.isDeleted && isDue(made, since))
  return [...problems, ...missing.map(({ seq }) => `message ${seq} did not come`)]
}
