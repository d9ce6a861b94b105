import type { Conversation } from './conversation.ts'
import type { UserHub } from './user-hub.ts'

/** The hub of a user. A stub stays broken after an exception: take a fresh one then. */
export const hubOf = (env: Env, userId: number): DurableObjectStub<UserHub> => env.USER_HUB.getByName(String(userId))

/** The object of a conversation. One that was never created answers `conversation.not_found` and stores nothing. */
export const conversationOf = (env: Env, conversationId: number): DurableObjectStub<Conversation> =>
  env.CONVERSATION.getByName(String(conversationId))

/** Stubs kept from one call to the next, for making one is a tenth of what a call costs. */
class KeptStubs<Stub> {
  readonly #stubs = new Map<number, Stub>()
  readonly #make: (id: number) => Stub

  constructor(make: (id: number) => Stub) {
    this.#make = make
  }

  get(id: number): Stub {
    const stub = this.#stubs.get(id) ?? this.#make(id)
    this.#stubs.set(id, stub)
    return stub
  }

  /** To be called when a call failed. */
  drop(id: number): void {
    this.#stubs.delete(id)
  }
}

export type Hubs = KeptStubs<DurableObjectStub<UserHub>>
export type Conversations = KeptStubs<DurableObjectStub<Conversation>>

export const keptHubs = (env: Env): Hubs => new KeptStubs((userId) => hubOf(env, userId))
export const keptConversations = (env: Env): Conversations =>
  new KeptStubs((conversationId) => conversationOf(env, conversationId))
