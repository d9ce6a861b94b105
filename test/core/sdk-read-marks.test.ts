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

test('[SDK15] marks that are set while the server wants none wait with the first, until then or until the next connection', async () => {
  vi.useFakeTimers()
  const told: number[] = []
  const marks = new ReadMarks({
    readSeq: () => 0,
    isOnline: () => true,
    send: async (_, seq) => {
      told.push(seq)
      if (told.length < 3) throw new CauserieError('rate.limited', 'later', { retryAfter: 10 })
    },
  })

  for (let seq = 1; seq <= 10; seq += 1) {
    marks.mark(1, seq)
    await vi.advanceTimersByTimeAsync(500)
  }
  expect(told).toEqual([1])
  await vi.advanceTimersByTimeAsync(10_000)
  expect(told).toEqual([1, 10])
  marks.resume()
  await vi.advanceTimersByTimeAsync(500)

  expect([told, vi.getTimerCount()]).toEqual([[1, 10, 10], 0])
  marks.mark(1, 11)
  marks.clear()
  expect(vi.getTimerCount()).toBe(0)
})
