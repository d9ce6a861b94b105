import { expect, test } from 'vitest'
import { newBudget, spend } from '../../src/core/rate.ts'

test('the last of a budget is given, and nothing costs nothing', () => {
  const budget = newBudget()
  const take = (price: number) => spend(budget, { limit: 2, windowMs: 10_000, now: 1_000_000, price })

  expect([take(1), take(1), take(0), take(1), take(0)]).toEqual([0, 0, 0, 10, 0])
})
