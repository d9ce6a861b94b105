import type { Evidence, Socket, Violation } from './evidence.ts'
import type { Reading } from './history.ts'

/**
 * Between the first and the last message that a socket was told of as new, without leaving the conversation in between, it must have been told
 * of every other one. Those that somebody tried to change are left out, for one that was deleted meanwhile comes only as deleted. `looked`
 * counts those that had to come.
 */
export const checkDeliveries = (
  [number, socket]: [number, Socket],
  { evidence, logs }: { evidence: Evidence; logs: ReadonlyMap<number, Reading> },
): { looked: number; missing: Violation[] } => {
  let looked = 0
  const missing: Violation[] = []
  for (const [c, spans] of socket.spans) {
    // The documents' sockets hear nothing of who comes and goes.
    if (socket.isDocumented && !evidence.wasAlwaysIn(c, socket.who)) continue
    for (const { first, last } of spans) {
      const between = last === 0 ? [] : (logs.get(c)?.messages.slice(first - 1, last) ?? [])
      const due = between.filter(
        ({ id, sender }) => !evidence.wasChanged(id) && !(socket.isDocumented && sender === socket.who),
      )
      looked += due.length
      for (const { id, seq } of due) {
        if (socket.created.has(id)) continue
        const detail = `${c}/${seq}: socket ${number} of ${socket.who} was told of ${first} to ${last}, but not of message ${id}`
        missing.push({ kind: 'delivery.missing', detail })
      }
    }
  }
  return { looked, missing }
}
