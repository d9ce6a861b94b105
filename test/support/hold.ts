import { Conversation, UserHub } from '../../src/index.ts'
import { CALL_LIMIT_MS } from '../../src/objects/within.ts'

/**
 * Lets no call of one method through to one object, or to any, until the returned function is called. Tests and objects share an isolate;
 * blocking the object itself would be shorter, but the runtime ends what is blocked for some seconds on a busy machine.
 */
const hold = (prototype: object, method: string, objectName: number | null): (() => void) => {
  let isHeld = true
  const original = Reflect.get(prototype, method) as (...input: unknown[]) => unknown
  Reflect.set(prototype, method, async function (this: object, ...input: unknown[]) {
    const { id } = Reflect.get(this, 'ctx') as DurableObjectState
    const isMeant = objectName === null || id.name === String(objectName)
    while (isHeld && isMeant) await new Promise((resolve) => setTimeout(resolve, 10))
    return original.apply(this, input)
  })
  return () => {
    isHeld = false
    Reflect.set(prototype, method, original)
  }
}

/**
 * Calls are waited for without end until the returned function is called: on a busy machine, what a test does while one is held can take longer
 * than a call may.
 */
export const liftCallLimit = (): (() => void) => {
  const { setTimeout } = globalThis
  const patient = (run: () => void, ms?: number) => setTimeout(run, ms === CALL_LIMIT_MS ? 100 * ms : ms)
  globalThis.setTimeout = patient as typeof setTimeout
  return () => {
    globalThis.setTimeout = setTimeout
  }
}

/** Has every call of one method of one object fail until the returned function is called. */
const fail = ({ prototype }: { prototype: object }, method: string, id: number): (() => void) => {
  const original = Reflect.get(prototype, method) as (...input: unknown[]) => unknown
  Reflect.set(prototype, method, function (this: object, ...input: unknown[]) {
    const { id: own } = Reflect.get(this, 'ctx') as DurableObjectState
    if (own.name === String(id)) throw new Error('not now')
    return original.apply(this, input)
  })
  return () => void Reflect.set(prototype, method, original)
}

/** A hub cannot be told that its user joined. */
export const failJoinOf = (userId: number) => fail(UserHub, 'join', userId)

/** A hub cannot be told that its user left. */
export const failLeaveOf = (userId: number) => fail(UserHub, 'leave', userId)

/** A conversation does not answer for its inbox line. */
export const holdEntryOf = (conversationId: number) => hold(Conversation.prototype, 'entryFor', conversationId)

/** A conversation does not take the orders of anybody. */
export const holdOrdersOf = (conversationId: number) => hold(Conversation.prototype, 'submit', conversationId)

/** No conversation is made. */
export const holdCreation = () => hold(Conversation.prototype, 'create', null)

/** A hub is not yet told that its user joined. */
export const holdJoinOf = (userId: number) => hold(UserHub.prototype, 'join', userId)

/** A hub is told that its user joined, and the next answer to that is under way until the returned function is called. */
export const holdAnswerToJoinOf = (userId: number): (() => void) => {
  let isHeld = true
  once(UserHub, 'join', userId, async (perform) => {
    const answer = await perform()
    while (isHeld) await new Promise((resolve) => setTimeout(resolve, 10))
    return answer
  })
  return () => {
    isHeld = false
  }
}

/** A hub is not yet told that its user left. */
export const holdLeaveOf = (userId: number) => hold(UserHub.prototype, 'leave', userId)

/** Has the next call of one method of one object, or of any, done otherwise: `original` does what it would have done. */
const once = (
  { prototype }: { prototype: object },
  method: string,
  id: number | null,
  instead: (original: Original) => unknown,
): void => {
  const original = Reflect.get(prototype, method) as (...input: unknown[]) => unknown
  Reflect.set(prototype, method, function (this: object, ...input: unknown[]) {
    const { id: own } = Reflect.get(this, 'ctx') as DurableObjectState
    const perform = () => original.apply(this, input)
    if (id !== null && own.name !== String(id)) return perform()
    Reflect.set(prototype, method, original)
    return instead(perform)
  })
}
type Original = () => unknown

/** The next orders that a conversation performs are answered by a failure, when `between` was done. */
export const loseAnswerOf = (conversationId: number, between = async (): Promise<unknown> => null): void =>
  once(Conversation, 'submit', conversationId, async (perform) => {
    await perform()
    await between()
    throw new Error('The answer was lost.')
  })

/** The next orders that a conversation performs are performed once more, by the same call, when `between` was done. */
export const repeatOrdersOf = (conversationId: number, between: () => Promise<unknown>): void =>
  once(Conversation, 'submit', conversationId, async (perform) => {
    await perform()
    await between()
    return perform()
  })

/** The next word to a hub that its user joined is lost before it is heard. */
export const breakJoinOf = (userId: number): void =>
  once(UserHub, 'join', userId, () => {
    throw new Error('The call was lost.')
  })

/** The next conversation is made once it is released, and the answer is lost. */
export const loseNextCreation = (): { isBegun: () => boolean; release: () => void } => {
  let [isBegun, isHeld] = [false, true]
  once(Conversation, 'create', null, async (perform) => {
    isBegun = true
    while (isHeld) await new Promise((resolve) => setTimeout(resolve, 10))
    await perform()
    throw new Error('The answer was lost.')
  })
  return { isBegun: () => isBegun, release: () => (isHeld = false) }
}
