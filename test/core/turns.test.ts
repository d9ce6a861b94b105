import { expect, test } from 'vitest'
import { Turns } from '../../src/objects/turns.ts'

test('a try of an earlier turn comes too late, another one of the same does not, and each life counts anew', () => {
  const turns = new Turns()
  const take = (userId: number, hub: string, n: number) => turns.take(userId, { hub, n })

  expect([take(1, 'a', 1), take(1, 'a', 1), take(1, 'a', 2)]).toEqual([null, 'again', null])
  expect([take(1, 'a', 1), take(2, 'a', 1), take(1, 'b', 1), take(1, 'b', 0)]).toEqual(['late', null, null, 'late'])
})

test('what a turn was answered is known until the next one', () => {
  const turns = new Turns()
  const answers = [{ ok: true as const, json: '{}' }]
  const [first, second] = [1, 2].map((n) => ({ hub: 'a', n }))
  if (!first || !second) throw new Error('no turns')
  turns.take(1, first)
  turns.note(1, first, { answers, characters: 2 })

  expect(turns.take(1, first)).toBe(answers)
  expect([turns.take(1, second), turns.take(1, second)]).toEqual([null, 'again'])
  turns.note(1, first, { answers, characters: 2 })
  expect(turns.take(1, second)).toBe('again')
})

test('what is kept of all answers has a bound, and what later turns let go makes room', () => {
  const turns = new Turns()
  const large = { answers: [{ ok: true as const, json: '{}' }], characters: 6 * 1024 * 1024 }
  const turn = (n: number) => ({ hub: 'a', n })
  const isKept = (userId: number, n: number) => turns.take(userId, turn(n)) === large.answers
  for (const userId of [1, 2, 3]) {
    turns.take(userId, turn(1))
    turns.note(userId, turn(1), large)
  }

  expect([isKept(1, 1), isKept(2, 1), isKept(3, 1)]).toEqual([true, true, false])
  turns.take(1, turn(2))
  turns.note(3, turn(1), large)
  expect(isKept(3, 1)).toBe(true)
})
