import { afterEach, expect, test, vi } from 'vitest'
import { GAP_MS, GapFiller } from '../../src/objects/gap-filler.ts'
import type { InboxBook } from '../../src/objects/inbox-book.ts'

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

/** A hub that knows revision 5 of a conversation that stands at 7; `ask` is done before each of its answers. */
const behind = (ask: (calls: number) => void, isHere = () => true) => {
  const state = { known: 5, calls: 0 }
  const inbox = {
    isOfAnotherLog: () => false,
    doubt: () => {},
    lags: (_: number, head: number) => state.known < head,
    subscription: () => ({ order: { known: state.known, held: new Map() } }),
    receiveCatchUp: ({ upTo }: { upTo: number }) => {
      state.known = upTo
      return []
    },
  } as unknown as InboxBook
  const caughtUp = { conversationId: 1, epoch: 'e1', upTo: 7, more: false, revs: [7], frames: ['seven'] }
  const catchUpFor = ({ after }: { after: number }) =>
    Promise.resolve().then(() => {
      ask((state.calls += 1))
      return { ...caughtUp, after }
    })
  const env = { CONVERSATION: { getByName: () => ({ catchUpFor }) } } as unknown as Env
  const gaps = new GapFiller({ userId: 1, env, inbox, isHere, broadcast: () => {}, askForLog: () => Promise.resolve() })
  return { state, gaps }
}

test('[SYNC13] a filling that failed is tried again, though a lesser gap that was watched has closed', async () => {
  vi.useFakeTimers()
  const { state, gaps } = behind((calls) => {
    if (calls === 1) throw new Error('lost')
  })

  gaps.watch(1, 6)
  await gaps.fill(1)
  state.known = 6
  await vi.advanceTimersByTimeAsync(3 * GAP_MS)

  expect(state).toEqual({ known: 7, calls: 2 })
})

test('[SYNC13] what cannot be asked is asked ever less often, and by a hub where nobody is not at all', async () => {
  vi.useFakeTimers()
  vi.spyOn(console, 'error').mockReturnValue(undefined)
  let [isDown, isHere] = [true, true]
  const { state, gaps } = behind(
    () => {
      if (isDown) throw new Error('overloaded')
    },
    () => isHere,
  )

  await gaps.fill(1)
  await vi.advanceTimersByTimeAsync(600 * GAP_MS)
  expect(state.calls).toBeGreaterThan(50)
  expect(state.calls).toBeLessThan(70)
  isDown = false
  await vi.advanceTimersByTimeAsync(31 * GAP_MS)
  expect(state.known).toBe(7)

  // It is heard of again: nobody waits as long as while it was not.
  Object.assign(state, { known: 5 })
  isDown = true
  await gaps.fill(1)
  await vi.advanceTimersByTimeAsync(100 * GAP_MS)
  isDown = false
  gaps.watch(1, 6)
  await vi.advanceTimersByTimeAsync(2 * GAP_MS)
  expect(state.known).toBe(7)

  Object.assign(state, { known: 5, calls: 0 })
  isHere = false
  gaps.watch(1, 7)
  await vi.advanceTimersByTimeAsync(600 * GAP_MS)
  expect([state.calls, vi.getTimerCount()]).toEqual([0, 0])
})
