import type { Message } from '../sdk/index.ts'
import { attentive } from './attention.ts'
import { nameOf, titleOf } from './people.ts'
import { route } from './route.ts'
import { announce, client, entryOf, me } from './state.ts'
import { previewOf } from './words.ts'

/** One after the other, in the order in which they came. */
let told = Promise.resolve()

const tell = async (message: Message, isOpen: boolean) => {
  // What is said once is not said better later.
  if (!client.users.peek(message.senderId)) await client.users.getMany([message.senderId]).catch(() => [])
  const entry = entryOf(message.conversationId)
  const who = nameOf(message.senderId)
  if (isOpen) announce(`${who}: ${previewOf(message)}`)
  else if (entry?.conversation.kind === 'group') announce(`New message from ${who} in ${titleOf(entry)}`)
  else announce(`New message from ${who}`)
}

// What arrives in the open conversation is read out, what arrives elsewhere is mentioned.
client.on('message.created', ({ message }) => {
  if (message.senderId === me.value?.id) return
  const place = route.value
  const isOpen = attentive.value && place.page === 'conversation' && place.conversationId === message.conversationId
  told = told.then(() => tell(message, isOpen))
})
