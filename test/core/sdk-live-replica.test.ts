import { afterEach, expect, test, vi } from 'vitest'
import type { Changes, InboxEntry } from '../../src/protocol/conversation.ts'
import type { ConversationEvent } from '../../src/protocol/events.ts'
import { CauserieError } from '../../src/sdk/errors.ts'
import { LiveReplica } from '../../src/sdk/live-replica.ts'

afterEach(() => {
  vi.useRealTimers()
})

const EPOCH = 'e1'
const read = (rev: number) => ({ conversationId: 1, rev, type: 'read.changed', userId: 2, seq: 0 }) as ConversationEvent

/** An empty conversation at revision 1, whose copy is open, and of which `answer` answers what is pulled. */
const copyOf = async (answer: (since: number) => Changes) => {
  const pulls: number[] = []
  const entry = { conversation: { id: 1, readReceipts: true }, epoch: EPOCH, rev: 1 } as unknown as InboxEntry
  const deps = {
    http: { get: async () => ({ items: [], nextCursor: null, epoch: EPOCH, rev: 1 }) },
    connection: {
      isOnline: true,
      request: async ({ since }: { since: number }) => {
        pulls.push(since)
        return answer(since)
      },
    },
    inbox: { get: () => entry },
    onChange: () => {},
    onGone: () => {},
  }
  const copy = new LiveReplica(1, deps as unknown as ConstructorParameters<typeof LiveReplica>[1])
  await copy.open()
  return { copy, pulls }
}

test('[SDK15] what is missing is asked for again when the server said so, however much comes meanwhile', async () => {
  vi.useFakeTimers()
  let isBusy = true
  const { copy, pulls } = await copyOf((since) => {
    if (isBusy) throw new CauserieError('rate.limited', 'later', { retryAfter: 10 })
    return { since, epoch: EPOCH, rev: 50, more: false, conversation: null, members: [], messages: [] } as never
  })

  for (let rev = 5; rev < 25; rev += 1) {
    copy.apply(read(rev))
    await vi.advanceTimersByTimeAsync(100)
  }
  expect(pulls).toEqual([1])
  await vi.advanceTimersByTimeAsync(20_000)
  expect([pulls.length, vi.getTimerCount()]).toEqual([3, 1])

  isBusy = false
  copy.resume()
  await vi.advanceTimersByTimeAsync(0)
  expect([copy.held?.rev, vi.getTimerCount()]).toEqual([50, 0])
})

test('[SDK15] a copy that is closed asks for nothing more', async () => {
  vi.useFakeTimers()
  const { copy } = await copyOf(() => {
    throw new CauserieError('server.unavailable', 'later')
  })
  copy.apply(read(5))
  await vi.advanceTimersByTimeAsync(0)

  copy.close()

  expect(vi.getTimerCount()).toBe(0)
})

test('[SDK15] nor does one that is closed while it is read', async () => {
  vi.useFakeTimers()
  const deps = {
    http: { get: () => Promise.reject(new CauserieError('server.unavailable', 'later')) },
    connection: { isOnline: true },
    inbox: { get: () => undefined },
  }
  const copy = new LiveReplica(1, deps as unknown as ConstructorParameters<typeof LiveReplica>[1])

  copy.resume()
  copy.close()
  await vi.advanceTimersByTimeAsync(0)

  expect(vi.getTimerCount()).toBe(0)
})
