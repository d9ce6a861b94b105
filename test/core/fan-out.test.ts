import { expect, test, vi } from 'vitest'
import { FanOut } from '../../src/objects/fan-out.ts'

/** A fan-out whose calls wait until the test answers them, in any order. */
const held = () => {
  const calls: { revs: number[]; answer: () => void; fail: () => void }[] = []
  const catchUps: number[] = []
  const failures: number[] = []
  const fanOut = new FanOut({
    log: { id: 1, epoch: 'e1', rev: 9 },
    deliver: (_, { revs }) =>
      new Promise((resolve, reject) => {
        calls.push({ revs, answer: () => resolve(null), fail: () => reject(new Error('gone')) })
      }),
    deliverCatchUp: () => Promise.resolve(null),
    catchUpFor: (after) => {
      catchUps.push(after)
      return { conversationId: 1, epoch: 'e1', after, upTo: after, more: false, revs: [], frames: [] }
    },
    onAsleep: () => {},
    onDelivered: () => {},
    onSettled: () => {},
    onFailure: (userId) => failures.push(userId),
  })
  return { fanOut, calls, catchUps, failures, revs: () => calls.map((call) => call.revs) }
}

const soon = { timeout: 15_000 }

test('[SYNC14] signals that pile up for a hub that does not answer are dropped, and bring no catch-up', async () => {
  const { fanOut, calls, catchUps } = held()
  fanOut.push(7, 5, 'a message')
  await vi.waitFor(() => expect(calls).toHaveLength(1), soon)

  for (let i = 0; i < 600; i += 1) fanOut.push(7, 0, 'typing')
  expect(catchUps).toEqual([])
  fanOut.push(7, 6, 'another')
  calls[0]?.answer()

  await vi.waitFor(() => expect(fanOut.settled).toBe(true), soon)
  expect([calls[0]?.revs, catchUps]).toEqual([[5], [5]])
})

test('[SYNC14] what a call carries that does not end goes in another, before what came since', async () => {
  const { fanOut, calls, failures, revs } = held()
  fanOut.push(7, 5, 'a message')
  fanOut.push(8, 5, 'a message')
  await vi.waitFor(() => expect(revs()).toEqual([[5], [5]]), soon)
  fanOut.push(7, 6, 'another')
  calls[1]?.answer()
  await new Promise((resolve) => setTimeout(resolve, 0))

  fanOut.giveUpCalls(Date.now() - 60_000)
  expect(failures).toEqual([])
  fanOut.giveUpCalls(Date.now())
  expect(failures).toEqual([7])

  await vi.waitFor(() => expect(revs()).toEqual([[5], [5], [5, 6]]), soon)
  expect(fanOut.settled).toBe(false)
  calls[2]?.answer()
  await vi.waitFor(() => expect(fanOut.settled).toBe(true), soon)
  // The first call ends after all: nothing comes of it.
  calls[0]?.fail()
  fanOut.push(7, 7, 'a third')
  await vi.waitFor(() => expect(revs().at(-1)).toEqual([7]), soon)
  expect(failures).toEqual([7])
})

test('what was on its way to somebody who left is not told again when the call fails', async () => {
  const { fanOut, calls, failures } = held()
  fanOut.push(7, 5, 'a message')
  await vi.waitFor(() => expect(calls).toHaveLength(1), soon)

  fanOut.drop(7)
  calls[0]?.fail()

  await vi.waitFor(() => expect(fanOut.settled).toBe(true), soon)
  expect([failures, calls.length]).toEqual([[], 1])
})

test('who leaves during a call that does not end, and comes back, is told again', async () => {
  const { fanOut, calls, revs } = held()
  fanOut.push(7, 5, 'a message')
  await vi.waitFor(() => expect(calls).toHaveLength(1), soon)

  fanOut.drop(7)
  expect(fanOut.settled).toBe(true)
  fanOut.push(7, 9, 'after coming back')
  await vi.waitFor(() => expect(revs()).toEqual([[5], [9]]), soon)
  calls[1]?.answer()
  await vi.waitFor(() => expect(fanOut.settled).toBe(true), soon)

  calls[0]?.answer()
  fanOut.push(7, 10, 'another')
  await vi.waitFor(() => expect(revs()).toEqual([[5], [9], [10]]), soon)
})

test('members who all need the same catch-up, as after a crash, share one', async () => {
  const { fanOut, catchUps } = held()

  for (const userId of [7, 8, 9]) fanOut.catchUp(userId, 5)
  await vi.waitFor(() => expect(fanOut.settled).toBe(true), soon)
  fanOut.catchUp(7, 6)
  await vi.waitFor(() => expect(fanOut.settled).toBe(true), soon)

  expect(catchUps).toEqual([5, 6])
})
