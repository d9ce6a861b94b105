import { type Evidence, SEQ_SPAN, type Socket, type Violation } from './evidence.ts'
import type { Message, Reading } from './history.ts'

/**
 * Between the first and the last message that a socket was told of as new, it must have been told of every other one. Those that somebody
 * tried to change are left out, for one that was deleted meanwhile comes only as deleted.
 */
export const checkDeliveries = (
  [number, socket]: [number, Socket],
  { evidence, logs }: { evidence: Evidence; logs: ReadonlyMap<number, Reading> },
): Violation[] => {
  const told = Map.groupBy(socket.created, (id) => Math.floor(id / SEQ_SPAN))
  return [...told].flatMap(([c, ids]) => {
    // Who was away in between heard nothing of what was said then.
    if (!evidence.wasAlwaysIn(c, socket.who)) return []
    const first = socket.first.get(c) ?? 0
    const last = Math.max(...ids.map((id) => id % SEQ_SPAN))
    const between = logs.get(c)?.messages.slice(first - 1, last) ?? []
    const isMissing = ({ id, sender }: Message): boolean =>
      !socket.created.has(id) && !evidence.wasChanged(id) && !(socket.isDocumented && sender === socket.who)
    return between.filter(isMissing).map(({ id, seq }) => ({
      kind: 'delivery.missing' as const,
      detail: `${c}/${seq}: socket ${number} of ${socket.who} was told of ${first} to ${last}, but not of message ${id}`,
    }))
  })
}
