import type { NativeClient, Result } from './guest.ts'

/** All messages of a conversation, by `seq`. */
export const everything = async (client: NativeClient, conversationId: number): Promise<Result['messages']> => {
  const found: Result['messages'] = []
  for (let since = 0, more = true; more;) {
    const reply = await client.request({ type: 'changes.get', conversationId, since, limit: 100 })
    if (!reply?.result) throw new Error(`The conversation could not be read: ${JSON.stringify(reply)}`)
    found.push(...reply.result.messages)
    more = reply.result.more
    since = reply.result.rev
  }
  return found.toSorted((a, b) => a.seq - b.seq)
}
