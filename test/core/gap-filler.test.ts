import { afterEach, expect, test, vi } from 'vitest'
import { GAP_MS, GapFiller } from '../../src/objects/gap-filler.ts'
import type { InboxBook } from '../../src/objects/inbox-book.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('[SYNC13] a filling that failed is tried again, though a lesser gap that was watched has closed', async () => {
  vi.useFakeTimers()
  let [known, calls] = [5, 0]
  const inbox = {
    isOfAnotherLog: () => false,
    lags: (_: number, head: number) => known < head,
    line: () => ({ order: { known, held: new Map() } }),
    receiveCatchUp: ({ upTo }: { upTo: number }) => {
      known = upTo
      return []
    },
  } as unknown as InboxBook
  const catchUpFor = ({ after }: { after: number }) => {
    calls += 1
    if (calls === 1) return Promise.reject(new Error('lost'))
    return Promise.resolve({
      conversationId: 1,
      epoch: 'e1',
      after,
      upTo: 7,
      more: false,
      revs: [7],
      frames: ['seven'],
    })
  }
  const env = { CONVERSATION: { getByName: () => ({ catchUpFor }) } } as unknown as Env
  const gaps = new GapFiller({ userId: 1, env, inbox, broadcast: () => {}, askForLog: () => Promise.resolve() })

  gaps.watch(1, 6)
  await gaps.fill(1)
  known = 6
  await vi.advanceTimersByTimeAsync(3 * GAP_MS)

  expect([known, calls]).toEqual([7, 2])
})
