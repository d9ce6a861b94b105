import { expect, test } from 'vitest'
import { Turns } from '../../src/objects/turns.ts'

test('a try of an earlier turn comes too late, another one of the same does not, and each life counts anew', () => {
  const turns = new Turns()
  const take = (userId: number, hub: string, n: number) => turns.take(userId, { hub, n })

  expect([take(1, 'a', 1), take(1, 'a', 1), take(1, 'a', 2)]).toEqual([null, null, null])
  expect([take(1, 'a', 1), take(2, 'a', 1), take(1, 'b', 1), take(1, 'b', 0)]).toEqual(['late', null, null, 'late'])
})

test('what a turn was answered is known until the next one', () => {
  const turns = new Turns()
  const answers = [{ ok: true as const, json: '{}' }]
  const [first, second] = [1, 2].map((n) => ({ hub: 'a', n }))
  if (!first || !second) throw new Error('no turns')
  turns.take(1, first)
  turns.note(1, first, answers)

  expect(turns.take(1, first)).toBe(answers)
  expect([turns.take(1, second), turns.take(1, second)]).toEqual([null, null])
  turns.note(1, first, answers)
  expect(turns.take(1, second)).toBeNull()
})
