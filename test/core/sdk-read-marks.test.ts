import { afterEach, expect, test, vi } from 'vitest'
import { CauserieError } from '../../src/sdk/errors.ts'
import { ReadMarks } from '../../src/sdk/read-marks.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('[SDK15] a read mark that came at a bad time is told again, one that may not be set is not', async () => {
  vi.useFakeTimers()
  const told: number[] = []
  const answers = [
    new CauserieError('rate.limited', 'later', { status: 429, retryAfter: 3 }),
    null,
    new CauserieError('conversation.not_found', 'no', { status: 404 }),
  ]
  const marks = new ReadMarks({
    readSeq: () => 0,
    isOnline: () => true,
    send: (_, seq) => {
      told.push(seq)
      const refusal = answers.shift()
      return refusal ? Promise.reject(refusal) : Promise.resolve()
    },
  })

  marks.mark(1, 5)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(told).toEqual([5])
  await vi.advanceTimersByTimeAsync(2_000)
  expect(told).toEqual([5, 5])
  marks.mark(1, 6)
  await vi.advanceTimersByTimeAsync(60_000)

  expect(told).toEqual([5, 5, 6])
})

test('[SDK15] a read mark that met a fault of the server is told again', async () => {
  vi.useFakeTimers()
  const told: number[] = []
  const marks = new ReadMarks({
    readSeq: () => 0,
    isOnline: () => true,
    send: async (_, seq) => {
      told.push(seq)
      if (told.length === 1) throw new CauserieError('server.fault', 'broken')
    },
  })

  marks.mark(1, 5)
  await vi.advanceTimersByTimeAsync(60_000)

  expect(told).toEqual([5, 5])
})
