import type { Conversation } from './conversation.ts'
import type { UserHub } from './user-hub.ts'

/** The hub of a user. A stub stays broken after an exception, so take a fresh one for every call that matters. */
export const hubOf = (env: Env, userId: number): DurableObjectStub<UserHub> => env.USER_HUB.getByName(String(userId))

/** The object of a conversation. One that was never created answers `conversation.not_found` and stores nothing. */
export const conversationOf = (env: Env, conversationId: number): DurableObjectStub<Conversation> =>
  env.CONVERSATION.getByName(String(conversationId))
