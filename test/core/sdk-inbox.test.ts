import { expect, test } from 'vitest'
import type { InboxEntry, InboxPage } from '../../src/protocol/conversation.ts'
import { Inbox } from '../../src/sdk/inbox.ts'

const entry = (id: number) =>
  ({
    conversation: { id, createdAt: '2026-01-01T00:00:00.000Z' },
    epoch: 'e1',
    rev: 5,
    readSeq: 0,
    lastMessage: null,
  }) as unknown as InboxEntry

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
