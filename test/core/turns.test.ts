import { expect, test } from 'vitest'
import { Turns } from '../../src/objects/turns.ts'

test('a try of an earlier turn comes too late, another one of the same does not, and each life counts anew', () => {
  const turns = new Turns()
  const take = (userId: number, hub: string, n: number) => turns.take(userId, { hub, n })

  expect([take(1, 'a', 1), take(1, 'a', 1), take(1, 'a', 2)]).toEqual([true, true, true])
  expect([take(1, 'a', 1), take(2, 'a', 1), take(1, 'b', 1), take(1, 'b', 0)]).toEqual([false, true, true, false])
})
