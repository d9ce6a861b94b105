import { expect, test } from 'vitest'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import { nextInboxEntry, previewOf } from '../../src/protocol/inbox.ts'
import type { Message } from '../../src/protocol/message.ts'

const [ALICE, BOB] = [1, 2]

const message = (seq: number, rev: number, text: string): Message => ({
  id: 2 ** 26 + seq,
  conversationId: 1,
  seq,
  rev,
  senderId: BOB,
  clientId: `said${seq}`,
  createdAt: '2026-11-21T08:00:00.000Z',
  editedAt: null,
  deletedAt: null,
  content: { kind: 'text', text },
  replyTo: null,
  attachments: [],
  mentions: [],
  reactions: [],
  pinnedAt: null,
})

/** Alice's inbox, when Bob's third message was the last that happened. */
const entry: InboxEntry = {
  conversation: {
    id: 1,
    kind: 'group',
    title: 'Picnic',
    createdBy: ALICE,
    createdAt: '2026-11-21T07:00:00.000Z',
    readReceipts: true,
  },
  epoch: 'epoch',
  rev: 11,
  seq: 3,
  role: 'owner',
  readSeq: 0,
  unread: 3,
  lastMessage: previewOf(message(3, 11, 'three')),
  memberCount: 2,
  memberIds: [ALICE, BOB],
}

test('[READ2] a message that is told once more, as it is now, is counted once', () => {
  const told = (again: Message) =>
    nextInboxEntry(entry, { type: 'message.created', conversationId: 1, rev: 12, message: again }, ALICE)

  expect(told(message(4, 12, 'four'))).toMatchObject({ rev: 12, seq: 4, unread: 4 })
  expect(told(message(2, 12, 'two, edited'))).toEqual({ ...entry, rev: 12 })
  const last = message(3, 12, 'three, edited')
  expect(told(last)).toEqual({ ...entry, rev: 12, lastMessage: previewOf(last) })
})

test('[SYNC14] a message that came and went while nobody was told is not counted', () => {
  const gone: Message = { ...message(4, 13, ''), content: null, deletedAt: '2026-11-21T09:00:00.000Z' }
  const told = nextInboxEntry(entry, { type: 'message.deleted', conversationId: 1, rev: 13, message: gone }, ALICE)

  expect(told).toEqual({ ...entry, rev: 13, seq: 4, lastMessage: previewOf(gone) })
})
