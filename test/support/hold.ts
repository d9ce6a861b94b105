import { Conversation } from '../../src/index.ts'

type EntryFor = Conversation['entryFor']

/**
 * Lets a conversation not answer for its inbox line until the returned function is called. Tests and objects share an isolate; blocking the
 * object itself would be shorter, but the runtime ends what is blocked for some seconds on a busy machine.
 */
export const holdEntryOf = (conversationId: number): (() => void) => {
  let isHeld = true
  const { prototype } = Conversation
  const entryFor = Reflect.get(prototype, 'entryFor') as EntryFor
  const held = async function (this: Conversation, ...input: Parameters<EntryFor>) {
    const { id } = Reflect.get(this, 'ctx') as DurableObjectState
    while (isHeld && id.name === String(conversationId)) await new Promise((resolve) => setTimeout(resolve, 10))
    return entryFor.apply(this, input)
  }
  Reflect.set(prototype, 'entryFor', held)
  return () => {
    isHeld = false
    Reflect.set(prototype, 'entryFor', entryFor)
  }
}
