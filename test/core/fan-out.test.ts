import { expect, test, vi } from 'vitest'
import { FanOut } from '../../src/objects/fan-out.ts'

test('[SYNC14] signals that pile up for a hub that does not answer are dropped, and bring no catch-up', async () => {
  const release = Promise.withResolvers<void>()
  const delivered: number[] = []
  const catchUps: number[] = []
  const fanOut = new FanOut({
    conversationId: 1,
    deliver: async (_, { revs }) => {
      await release.promise
      delivered.push(...revs)
      return null
    },
    deliverCatchUp: () => Promise.resolve(null),
    catchUpFor: (after) => {
      catchUps.push(after)
      return { conversationId: 1, after, upTo: after, more: false, revs: [], frames: [] }
    },
    onAsleep: () => {},
    onDelivered: () => {},
    onSettled: () => {},
    onFailure: () => {},
  })
  fanOut.push(7, 5, 'a message')
  await new Promise((resolve) => setTimeout(resolve, 0))

  for (let i = 0; i < 600; i += 1) fanOut.push(7, 0, 'typing')
  expect(catchUps).toEqual([])
  fanOut.push(7, 6, 'another')
  release.resolve()

  await vi.waitFor(() => expect(fanOut.settled).toBe(true), { timeout: 15_000 })
  expect([delivered.filter((rev) => rev > 0), catchUps]).toEqual([[5], [5]])
})
