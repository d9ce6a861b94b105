import { afterEach, expect, test, vi } from 'vitest'
import type { InboxEntry, InboxPage } from '../../src/protocol/conversation.ts'
import type { ConversationEvent } from '../../src/protocol/events.ts'
import { CauserieError, CauserieNetworkError } from '../../src/sdk/errors.ts'
import { Inbox } from '../../src/sdk/inbox.ts'

afterEach(() => {
  vi.useRealTimers()
})

const entry = (id: number) =>
  ({
    conversation: { id, createdAt: '2026-01-01T00:00:00.000Z' },
    epoch: 'e1',
    rev: 5,
    readSeq: 0,
    lastMessage: null,
  }) as unknown as InboxEntry

/** An inbox whose requests `answer` answers. */
const inboxOf = (answer: (path: string) => unknown) => {
  const gone: number[] = []
  const get = (path: string) => Promise.resolve().then(() => answer(path))
  const deps = {
    http: { get },
    viewerId: () => 1,
    onChange: () => {},
    onGone: (id: number) => gone.push(id),
    onEntry: () => {},
  }
  return { gone, inbox: new Inbox(deps as unknown as ConstructorParameters<typeof Inbox>[0]) }
}

test('[SDK15] a conversation that is left out because it did not answer is not taken for gone', async () => {
  vi.useFakeTimers()
  let [isUp, isIn] = [false, true]
  const { gone, inbox } = inboxOf((path) => {
    if (path === '/v1/conversations') return { items: [entry(1)], nextCursor: null }
    if (!isUp) throw new CauserieError('server.unavailable', 'busy')
    if (!isIn) throw new CauserieError('conversation.not_found', 'gone')
    return { ...entry(2), rev: 9 }
  })
  inbox.put(entry(2))

  await inbox.load()
  expect([gone, inbox.get(2)?.rev]).toEqual([[], 5])
  isUp = true
  await vi.advanceTimersByTimeAsync(10_000)
  expect([gone, inbox.get(2)?.rev]).toEqual([[], 9])

  isIn = false
  await inbox.load()
  expect([gone, inbox.get(2)]).toEqual([[2], undefined])
})

test('[SDK15] a line of which something is missing is asked for until it is answered', async () => {
  vi.useFakeTimers()
  let failures = 4
  const { inbox } = inboxOf(() => {
    failures -= 1
    if (failures >= 0) throw new CauserieNetworkError('away')
    return { ...entry(1), rev: 9 }
  })
  inbox.put(entry(1))

  inbox.apply({ type: 'reaction.changed', conversationId: 1, rev: 8 } as unknown as ConversationEvent)
  await vi.advanceTimersByTimeAsync(120_000)

  expect([inbox.get(1)?.rev, vi.getTimerCount()]).toEqual([9, 0])
})

test('[SDK15] while a line cannot be read, a new connection tells what there is, and events count from there', async () => {
  vi.useFakeTimers()
  const { inbox } = inboxOf(() => {
    throw new CauserieError('server.fault', 'broken')
  })
  const event = (rev: number) => ({ type: 'reaction.changed', conversationId: 1, rev }) as unknown as ConversationEvent
  inbox.put(entry(1))
  inbox.apply(event(8))
  await vi.advanceTimersByTimeAsync(2_000)

  const hello = { conversations: [{ ...entry(1), rev: 9 }], nextCursor: null, gone: [] }
  inbox.greet(hello as unknown as Parameters<Inbox['greet']>[0])
  inbox.apply(event(10))

  expect(inbox.get(1)?.rev).toBe(10)
  await vi.advanceTimersByTimeAsync(200_000)
  expect(vi.getTimerCount()).toBe(0)
})

test('[SDK15] who watches a conversation learns where it stands also where its line is on a later page', async () => {
  const heard: number[] = []
  const page: InboxPage = { items: [entry(2)], nextCursor: null }
  const inbox = new Inbox({
    http: { get: () => Promise.resolve(page) },
    viewerId: () => 1,
    onChange: () => {},
    onGone: () => {},
    onEntry: ({ conversation }: InboxEntry) => heard.push(conversation.id),
  } as unknown as ConstructorParameters<typeof Inbox>[0])

  inbox.greet({ conversations: [entry(1)], nextCursor: '1', gone: [] } as unknown as Parameters<Inbox['greet']>[0])

  await expect.poll(() => heard).toEqual([1, 2])
})

/** An inbox of which every request waits for the test to answer it, in the order asked. */
const heldInbox = () => {
  const asked: PromiseWithResolvers<unknown>[] = []
  const get = () => {
    const request = Promise.withResolvers<unknown>()
    asked.push(request)
    return request.promise
  }
  const deps = { http: { get }, viewerId: () => 1, onChange: () => {}, onGone: () => {}, onEntry: () => {} }
  const inbox = new Inbox(deps as unknown as ConstructorParameters<typeof Inbox>[0])
  const answer = async (i: number, what: unknown) => {
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(i))
    asked[i]?.resolve(what)
  }
  return { inbox, answer }
}

const pageOf = (items: InboxEntry[], nextCursor: string | null = null): InboxPage => ({ items, nextCursor })

const helloOf = (hello: object) =>
  ({ conversations: [], nextCursor: null, gone: [], ...hello }) as unknown as Parameters<Inbox['greet']>[0]

test('[SDK18] a conversation that went while the inbox was read does not come back with an older page', async () => {
  const { inbox, answer } = heldInbox()

  const reading = inbox.load()
  await answer(0, pageOf([entry(3)], '3'))
  await vi.waitFor(() => expect(inbox.get(3)).toBeDefined())
  inbox.remove(1)
  await answer(1, pageOf([entry(1), entry(2)]))

  expect((await reading).map(({ conversation }) => conversation.id)).toEqual([3, 2])
})

test('[SDK18] nor with an older answer about it alone; who is brought in again has it', async () => {
  const { inbox, answer } = heldInbox()
  inbox.put(entry(1))

  const fetched = inbox.fetch(1)
  const take = inbox.expect()
  inbox.remove(1)
  await answer(0, entry(1))
  take(entry(1))
  expect(await fetched).toMatchObject({ rev: 5 })
  expect(inbox.get(1)).toBeUndefined()

  inbox.put({ ...entry(1), rev: 7 })
  take({ ...entry(1), rev: 6 })
  expect(inbox.get(1)?.rev).toBe(7)
})

test('[SDK18] what was said to be gone as a connection began does not come back with an older page', async () => {
  const { inbox, answer } = heldInbox()
  inbox.put(entry(1))

  const reading = inbox.load()
  inbox.greet(helloOf({ conversations: [entry(2)], gone: [1] }))
  await answer(0, pageOf([entry(1), entry(2)]))

  expect((await reading).map(({ conversation }) => conversation.id)).toEqual([2])
})

test('[SDK15] an answer about the log of before does not replace the line of the new one', async () => {
  const { inbox, answer } = heldInbox()
  inbox.put({ ...entry(1), rev: 50 })

  const fetched = inbox.fetch(1)
  inbox.put({ ...entry(1), epoch: 'e2', rev: 9 })
  await answer(0, { ...entry(1), rev: 51 })
  await fetched
  inbox.apply({ type: 'reaction.changed', conversationId: 1, rev: 10 } as unknown as ConversationEvent)

  expect(inbox.get(1)).toMatchObject({ epoch: 'e2', rev: 10 })
})

test('[SDK12] what was asked before one signed out is shown to nobody', async () => {
  const { inbox, answer } = heldInbox()

  const [reading, fetched] = [inbox.load(), inbox.fetch(2)]
  inbox.clear()
  await answer(0, pageOf([entry(1)]))
  await answer(1, entry(2))
  await Promise.all([reading, fetched])

  expect([inbox.entries, inbox.unread, inbox.get(2)]).toEqual([null, 0, undefined])
})

test('[SDK18] that a conversation went is told also where it has no line yet, for its copy may be open', () => {
  const { gone, inbox } = inboxOf(() => ({}))

  inbox.remove(1)

  expect(gone).toEqual([1])
})

test('[SDK15] what happened in the log of before is not counted in the one that took its place', async () => {
  const { inbox, answer } = heldInbox()
  const event = (rev: number) => ({ type: 'reaction.changed', conversationId: 1, rev }) as unknown as ConversationEvent
  inbox.put(entry(1))
  inbox.apply(event(8))

  inbox.put({ ...entry(1), epoch: 'e2', rev: 7 })
  await answer(0, { ...entry(1), rev: 8 })
  await Promise.resolve()
  inbox.apply(event(8))

  expect(inbox.get(1)).toMatchObject({ epoch: 'e2', rev: 8 })
})
