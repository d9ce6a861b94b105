import { expect, test } from 'vitest'
import { PART_CHARACTERS } from '../../src/objects/call-size.ts'
import type { MessageRow } from '../../src/objects/conversation-schema.ts'
import { readFitting } from '../../src/objects/read-fitting.ts'

/** Reads rows of so many letters each. */
const reading = (stored: number, lettersOf: (seq: number) => number, limit: number) => {
  const asked: number[] = []
  const found = readFitting(limit, (last, count) => {
    asked.push(count)
    const from = (last?.seq ?? 0) + 1
    const rows = Array.from({ length: Math.min(count, stored - from + 1) }, (_, i) => ({
      seq: from + i,
      body: { kind: 'text', text: 'x'.repeat(lettersOf(from + i)) },
    }))
    return rows as unknown as MessageRow[]
  })
  return { asked, seqs: found.map(({ row }) => row.seq) }
}
const upTo = (last: number) => Array.from({ length: last }, (_, i) => i + 1)

test('small rows are read with two queries, as many as were asked for, or as there are', () => {
  expect(reading(1_000, () => 50, 101)).toEqual({ asked: [16, 85], seqs: upTo(101) })
  expect(reading(20, () => 50, 101)).toEqual({ asked: [16, 85], seqs: upTo(20) })
  expect(reading(0, () => 50, 101)).toEqual({ asked: [16], seqs: [] })
  expect(reading(9, () => 50, 1)).toEqual({ asked: [1], seqs: [1] })
})

test('of large rows hardly more are read than fit', () => {
  expect(reading(1_000, () => 150_000, 101).seqs).toEqual(upTo(16))
  const { asked, seqs } = reading(1_000, (seq) => (seq > 16 ? 20_000 : 100), 101)
  expect(asked.length).toBeLessThan(5)
  expect(seqs.length * 20_000).toBeGreaterThan(PART_CHARACTERS)
  expect(seqs.length).toBeLessThanOrEqual(101)
})
