import { afterEach, expect, test, vi } from 'vitest'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import { GAP_MS, MAX_PAUSE_MS } from '../../src/objects/gap-filler.ts'
import type { InboxReader } from '../../src/objects/inbox-reader.ts'
import { Readings } from '../../src/objects/readings.ts'
import type { Conversations } from '../../src/objects/stubs.ts'

const entry = { conversation: { id: 1 }, rev: 17 } as InboxEntry

afterEach(() => {
  vi.useRealTimers()
})

/** Readings of one conversation, of which each reading comes to the next of these. */
const readingsOf = (outcome: (times: number) => Awaited<ReturnType<InboxReader['readAll']>>) => {
  const state = { times: 0, told: 0 }
  const reader = { readAll: () => Promise.resolve(outcome((state.times += 1))) } as unknown as InboxReader
  const readings = new Readings({
    userId: 1,
    reader,
    conversations: {} as Conversations,
    spend: () => null,
    isHere: () => true,
    tellHeads: (entries) => (state.told += entries.length),
    waitUntil: () => {},
  })
  return { state, readings }
}

test('[INB1] a conversation that goes on while it answers is read every second until that is the newest', async () => {
  vi.useFakeTimers()
  const { state, readings } = readingsOf((times) => ({ entries: [entry], outstanding: times <= 6 ? [1] : [] }))

  await readings.all()
  await vi.advanceTimersByTimeAsync(6 * GAP_MS)

  expect(state).toEqual({ times: 7, told: 1 })
})

test('[INB1] a conversation that does not answer is asked ever less often', async () => {
  vi.useFakeTimers()
  const { state, readings } = readingsOf(() => ({ entries: [], outstanding: [1] }))

  await readings.all()
  await vi.advanceTimersByTimeAsync(31 * GAP_MS)
  expect(state.times).toBe(6)
  await vi.advanceTimersByTimeAsync(10 * MAX_PAUSE_MS)

  expect(state).toEqual({ times: 16, told: 0 })
})
