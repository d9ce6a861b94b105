import { expect, test } from 'vitest'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import type { MessageReply } from '../../src/protocol/events.ts'
import { ask, signUp } from '../support/rest.ts'
import { RawSocket } from '../support/raw-socket.ts'

const text = (words: string) => ({ kind: 'text', text: words })

test('[MSG1] a message reaches every device of every member, the other devices of its sender too', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const [phone, laptop, bobs] = await Promise.all([
    RawSocket.connect(alice.accessToken),
    RawSocket.connect(alice.accessToken),
    RawSocket.connect(bob.accessToken),
  ])
  const { body: entry } = await ask<InboxEntry>('POST', '/v1/conversations', {
    token: alice.accessToken,
    json: { kind: 'direct', userId: bob.user.id },
  })
  const conversationId = entry.conversation.id
  await bobs.waitForType('conversation.created')

  const sent = await phone.request<MessageReply>({ type: 'message.send', conversationId, clientId: 'a1', content: text('bonjour') })

  for (const socket of [phone, laptop, bobs]) {
    const event = await socket.waitForType('message.created')
    expect(event).toMatchObject({ conversationId, message: sent.message })
  }
  expect(sent).toMatchObject({ repeated: false, message: { seq: 1, senderId: alice.user.id, content: text('bonjour') } })
})
