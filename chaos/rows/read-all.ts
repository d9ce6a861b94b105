import type { Line, Result } from './guest.ts'

/** All messages of a conversation, by `seq`. */
export const everything = async (line: Line, conversationId: number): Promise<Result['messages']> => {
  const found: Result['messages'] = []
  for (let since = 0, more = true; more;) {
    const reply = await line.request({ type: 'changes.get', conversationId, since, limit: 100 })
    found.push(...(reply?.result?.messages ?? []))
    more = reply?.result?.more ?? false
    since = reply?.result?.rev ?? 0
  }
  return found.toSorted((a, b) => a.seq - b.seq)
}
