import { env } from 'cloudflare:workers'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import type { MessageReply } from '../../src/protocol/events.ts'
import type { Message } from '../../src/protocol/message.ts'
import type { RawSocket } from './raw-socket.ts'
import { ask, newName, signUp } from './rest.ts'

export const text = (words: string) => ({ kind: 'text' as const, text: words })

/** A direct conversation between two, opened by the first. */
export const openDirect = async (from: SignedIn, to: SignedIn): Promise<number> => {
  const json = { kind: 'direct', userId: to.user.id }
  const { body } = await ask<InboxEntry>('POST', '/v1/conversations', { token: from.accessToken, json })
  return body.conversation.id
}

/** A group made by the first of them. */
export const openGroup = async (owner: SignedIn, ...others: SignedIn[]): Promise<number> => {
  const json = { kind: 'group', title: 'Picnic', memberIds: others.map((each) => each.user.id) }
  const { body } = await ask<InboxEntry>('POST', '/v1/conversations', { token: owner.accessToken, json })
  return body.conversation.id
}

/** Two people with a direct conversation. */
export const pair = async (): Promise<{ alice: SignedIn; bob: SignedIn; conversationId: number }> => {
  const [alice, bob] = [await signUp(), await signUp()]
  return { alice, bob, conversationId: await openDirect(alice, bob) }
}

/** People who only have to exist: hashing a password for each would take most of a test's time. */
export const crowd = async (size: number): Promise<number[]> => {
  const names = JSON.stringify(Array.from({ length: size }, () => newName('extra')))
  const { results } = await env.DIRECTORY.prepare(
    `INSERT INTO users (username, username_key, email, email_key, display_name, display_name_key, password_hash, is_admin, created_at)
     SELECT value, value, value || '@example.org', value || '@example.org', value, value, '-', 0, 0 FROM json_each(?) RETURNING id`,
  )
    .bind(names)
    .all<{ id: number }>()
  return results.map(({ id }) => id)
}

let messages = 0

/** Sends a text over the socket; answers the message. */
export const say = async (socket: RawSocket, conversationId: number, words = 'bonjour'): Promise<Message> => {
  const clientId = `said${++messages}`
  const order = { type: 'message.send', conversationId, clientId, content: text(words) }
  return (await socket.request<MessageReply>(order)).message
}

/** How the inbox of this person shows a conversation, as the conversation itself says. */
export const entryFor = async (who: SignedIn, conversationId: number): Promise<InboxEntry> =>
  (await ask<InboxEntry>('GET', `/v1/conversations/${conversationId}`, { token: who.accessToken })).body
