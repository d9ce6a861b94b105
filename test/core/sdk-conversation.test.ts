import { expect, test } from 'vitest'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import { type ConversationDeps, LiveConversation } from '../../src/sdk/conversation.ts'
import { CauserieError } from '../../src/sdk/errors.ts'
import { Inbox } from '../../src/sdk/inbox.ts'

test('[SDK18] a conversation that its copy finds gone leaves the inbox too', async () => {
  const http = { get: () => Promise.reject(new CauserieError('conversation.not_found', 'no', { status: 404 })) }
  const others = { viewerId: () => 1, onChange: () => {}, onGone: () => {}, onEntry: () => {} }
  const inbox = new Inbox({ http, ...others } as unknown as ConstructorParameters<typeof Inbox>[0])
  inbox.put({ conversation: { id: 1, createdAt: '' }, epoch: 'e1', rev: 5 } as unknown as InboxEntry)
  const deps = { http, inbox, isSignedIn: () => true, onChange: () => {} } as unknown as ConversationDeps
  const live = new LiveConversation(1, deps)

  await expect(live.open()).rejects.toMatchObject({ code: 'conversation.not_found' })

  expect([live.state, inbox.get(1)]).toEqual(['gone', undefined])
})
