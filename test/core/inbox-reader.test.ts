import { expect, test } from 'vitest'
import type { InboxBook } from '../../src/objects/inbox-book.ts'
import { InboxReader } from '../../src/objects/inbox-reader.ts'

test('[INB1] an entry that is out of date when all are read is listed, and is outstanding', async () => {
  const entry = {
    conversation: { id: 1, createdAt: '2026-01-01T00:00:00.000Z' },
    rev: 17,
    lastMessage: null,
  }
  const env = {
    CONVERSATION: { getByName: () => ({ entryFor: () => Promise.resolve({ entry }) }) },
  } as unknown as Env
  const inbox = {
    ids: () => [1],
    has: () => true,
    subscription: () => ({ asleep: false, nap: 1, order: { known: 20, held: new Map() } }),
    peek: () => null,
    learn: () => {},
  } as unknown as InboxBook

  const reader = new InboxReader(env, { userId: 1, inbox, leave: () => {}, join: () => {}, learnt: () => {} })

  expect(await reader.readAll({ wake: false })).toEqual({ entries: [entry], outstanding: [1] })
})
