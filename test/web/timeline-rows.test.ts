import { expect, test } from 'vitest'
import type { TimelineMessage } from '../../src/web/talk.ts'
import { rowsOf } from '../../src/web/timeline-rows.ts'

const [ana, ben] = [1, 2]

const line = (seq: number, senderId: number, createdAt: string): TimelineMessage => ({
  key: String(seq),
  status: 'sent',
  clientId: String(seq),
  senderId,
  seq,
  createdAt: new Date(createdAt).toISOString(),
  content: null,
  replyTo: null,
  message: null,
  problem: null,
})

const shapeOf = (lines: TimelineMessage[], newAfter: number | null = null, hasOlder = false) =>
  rowsOf(lines, { newAfter, viewerId: ana, hasOlder }).map((row) =>
    row.kind === 'line' ? `${row.key}${row.first ? ' first' : ''}${row.last ? ' last' : ''}` : row.kind,
  )

test('what one person sends in one go is one run, broken by another person, a pause, and midnight', () => {
  const lines = [
    line(1, ana, '2026-03-01T12:00'),
    line(2, ana, '2026-03-01T12:01'),
    line(3, ben, '2026-03-01T12:02'),
    line(4, ben, '2026-03-01T12:30'),
    line(5, ben, '2026-03-01T23:59'),
    line(6, ben, '2026-03-02T00:01'),
  ]

  expect(shapeOf(lines)).toEqual([
    'day',
    '1 first',
    '2 last',
    '3 first last',
    '4 first last',
    '5 first last',
    'day',
    '6 first last',
  ])
})

test('the mark stands once, before the first message of somebody else that is new', () => {
  const lines = [1, 2, 3, 4].map((seq) => line(seq, seq === 3 ? ana : ben, '2026-03-01T12:00'))

  expect(shapeOf(lines, 2)).toEqual(['day', '1 first', '2 last', '3 first last', 'new', '4 first last'])
  expect(shapeOf(lines, 4)).not.toContain('new')
})

test('the mark does not stand where what is new may begin above', () => {
  const lines = [7, 8].map((seq) => line(seq, ben, '2026-03-01T12:00'))

  expect(shapeOf(lines, 5, true)).not.toContain('new')
  expect(shapeOf(lines, 6, true)).toContain('new')
  expect(shapeOf(lines, 5, false)).toContain('new')
})
