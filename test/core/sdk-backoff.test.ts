import { expect, test } from 'vitest'
import { backoff } from '../../src/sdk/backoff.ts'

test('[SYNC7] the wait before another try lies anywhere below a bound that doubles from half a second to five, and is thirty in the end', () => {
  const bounds = Array.from({ length: 10 }, (_, attempt) => backoff(attempt, () => 1))

  expect(bounds).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 5_000, 5_000, 5_000])
  expect(backoff(3, () => 0)).toBe(0)
  expect(backoff(3, () => 0.25)).toBe(1_000)
  expect([19, 20].map((attempt) => backoff(attempt, () => 1))).toEqual([5_000, 30_000])
  expect(backoff(100_000, () => 1)).toBe(30_000)
})
