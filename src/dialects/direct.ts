import { Hono } from 'hono'
import * as z from 'zod'
import { hubOf } from '../objects/stubs.ts'
import { ERRORS } from '../protocol/errors.ts'
import { clientFrame } from './client-frames.ts'
import type { Dialect, DialectEnv } from './dialect.ts'
import { flatFrame, sendDirectly } from './direct-frames.ts'
import { answer, budgeted, signedIn, slashed, throttled } from './fastapi.ts'
import {
  listDirectMessages,
  deleteDirectMessage,
  editDirectMessage,
  listMessagesWith,
  postDirectMessage,
} from './direct-messages.ts'
import { createPerson, deletePerson, everybody, person, updatePerson } from './people.ts'
import { naiveSeconds, receiverOf, wordsOf } from './words.ts'

/** Document 000: private messages with editing, deleting and presence, at `/messages/ws?token=`. */
export const direct: Dialect = {
  name: 'direct',
  socket: '/messages/ws',
  close: { badToken: 4001, fault: 4000 },

  hears: {
    read: flatFrame,
    frames: {
      ping: clientFrame(z.object({}), () => ({ kind: 'reply', frames: [{ type: 'pong' }] })),
      send_message: sendDirectly,
    },
  },

  encode(event, viewer) {
    if (!('message' in event)) return []
    const { message } = event
    const parties = { sender_id: message.senderId, receiver_id: receiverOf(message, viewer) }
    const { id } = message
    const content = wordsOf(message)
    switch (event.type) {
      case 'message.created':
        return [{ type: 'new_message', id, content, ...parties, created_at: naiveSeconds(message.createdAt) }]
      case 'message.updated':
        // A pin is no new wording.
        if (message.editedAt === null) return []
        return [{ type: 'message_updated', id, content, ...parties, updated_at: naiveSeconds(message.editedAt) }]
      case 'message.deleted':
        return [{ type: 'message_deleted', id, ...parties }]
    }
  },

  answer(asked, result) {
    if (!result.ok) return [{ type: 'error', message: ERRORS[result.code][1] }]
    return asked.kind === 'reply' ? asked.frames : []
  },

  routes: new Hono<DialectEnv>()
    .on('POST', slashed('/messages'), signedIn, postDirectMessage)
    .on('GET', slashed('/messages'), signedIn, budgeted, listDirectMessages)
    .on('GET', slashed('/messages/conversation/:user_id'), signedIn, budgeted, listMessagesWith)
    .on('GET', slashed('/messages/online-users'), signedIn, budgeted, async (c) =>
      answer(c, await hubOf(c.env, c.var.caller.userId).online()),
    )
    .on('PUT', slashed('/messages/:message_id'), signedIn, editDirectMessage)
    .on('DELETE', slashed('/messages/:message_id'), signedIn, deleteDirectMessage)
    .on('POST', slashed('/users'), throttled, createPerson)
    .on('GET', slashed('/users'), signedIn, budgeted, everybody)
    .on('GET', slashed('/users/:user_id'), signedIn, budgeted, person)
    .on('PUT', slashed('/users/:user_id'), signedIn, budgeted, updatePerson)
    .on('DELETE', slashed('/users/:user_id'), signedIn, deletePerson),
}
