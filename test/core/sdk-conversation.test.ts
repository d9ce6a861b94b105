import { expect, test } from 'vitest'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import { type ConversationDeps, LiveConversation } from '../../src/sdk/conversation.ts'
import { Conversations } from '../../src/sdk/conversations.ts'
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

test('[SDK18] what was renamed or opened, and went before that was answered, does not come back with the answer', async () => {
  const entry = { conversation: { id: 1, createdAt: '' }, epoch: 'e1', rev: 5 } as unknown as InboxEntry
  const { promise: answer, resolve } = Promise.withResolvers<InboxEntry>()
  const http = { send: () => answer, post: () => answer }
  const others = { viewerId: () => 1, onChange: () => {}, onGone: () => {}, onEntry: () => {} }
  const inbox = new Inbox({ http, ...others } as unknown as ConstructorParameters<typeof Inbox>[0])
  const conversations = new Conversations({ http: http as never, ...others, expectEntry: () => inbox.expect() })
  inbox.put(entry)

  const asked = [conversations.rename(1, 'Picnic'), conversations.openDirect(2)]
  inbox.remove(1)
  resolve(entry)

  expect(await Promise.all(asked)).toEqual([entry, entry])
  expect(inbox.get(1)).toBeUndefined()
})
