import type { SignedIn } from '../../src/protocol/auth.ts'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import { ask, signUp } from './rest.ts'

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
