import { afterEach, expect, test, vi } from 'vitest'
import type { Submitted } from '../../src/objects/batch.ts'
import { postOrders } from '../../src/objects/post-orders.ts'
import type { Conversations } from '../../src/objects/stubs.ts'

afterEach(() => {
  vi.useRealTimers()
})

test('orders to a conversation that does not answer are posted again, to another stub, and are refused in the end', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const done: Submitted = {
    answers: [{ ok: true, json: '{}' }],
    batch: { conversationId: 1, epoch: 'e1', revs: [], frames: [] },
    rev: 3,
  }
  let silent = 1
  let dropped = 0
  const submit = () => ((silent -= 1) < 0 ? Promise.resolve(done) : new Promise(() => {}))
  const conversations = { get: () => ({ submit }), drop: () => (dropped += 1) } as unknown as Conversations
  const post = async () => {
    const posted = postOrders(conversations, {
      conversationId: 1,
      userId: 2,
      orders: [{ type: 'typing.start', conversationId: 1 }],
    })
    await vi.advanceTimersByTimeAsync(120_000)
    return posted
  }

  expect([await post(), dropped]).toEqual([{ submitted: done, outcome: 'again' }, 1])
  expect(vi.getTimerCount()).toBe(0)

  silent = 100
  const { submitted, outcome } = await post()
  expect([submitted.answers, outcome]).toEqual([[{ ok: false, code: 'server.unavailable', retryAfter: 1 }], 'in vain'])
})
