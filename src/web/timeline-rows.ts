import type { TimelineMessage } from './talk.ts'
import { dayKeyOf } from './time.ts'

export type Row =
  | { kind: 'day'; key: string; at: string }
  | { kind: 'new'; key: string }
  /** `first` and `last` of a run: messages that one person sent in one go. */
  | { kind: 'line'; key: string; line: TimelineMessage; first: boolean; last: boolean }

const RUN_MS = 5 * 60_000

type Marks = { newAfter: number | null; viewerId: number; hasOlder: boolean }

/** The lines of a conversation with the days between them and, once, the place from which on they are new. */
export const rowsOf = (lines: TimelineMessage[], marks: Marks): Row[] => {
  const rows: Row[] = []
  let marked = marks.newAfter === null || !reaches(lines, marks.newAfter, marks.hasOlder)
  lines.forEach((line, at) => {
    const before = lines[at - 1]
    const after = lines[at + 1]
    const newDay = before === undefined || dayKeyOf(before.createdAt) !== dayKeyOf(line.createdAt)
    if (newDay) rows.push({ kind: 'day', key: `day ${dayKeyOf(line.createdAt)} ${line.key}`, at: line.createdAt })
    const isNew = !marked && line.seq > (marks.newAfter ?? 0) && line.senderId !== marks.viewerId
    if (isNew) {
      rows.push({ kind: 'new', key: 'new' })
      marked = true
    }
    const first = newDay || isNew || !sameRun(before, line)
    const last = after === undefined || !sameRun(line, after)
    rows.push({ kind: 'line', key: line.key, line, first, last })
  })
  return rows
}

/** Whether the first message after this one is among the lines. */
export const reaches = ([oldest]: TimelineMessage[], after: number, hasOlder: boolean): boolean =>
  !hasOlder || (oldest?.seq ?? 0) <= after + 1

const sameRun = (one: TimelineMessage | undefined, next: TimelineMessage): boolean =>
  one !== undefined &&
  one.senderId === next.senderId &&
  dayKeyOf(one.createdAt) === dayKeyOf(next.createdAt) &&
  Date.parse(next.createdAt) - Date.parse(one.createdAt) < RUN_MS
