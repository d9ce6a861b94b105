import { env } from 'cloudflare:workers'
import { beforeAll, expect, test } from 'vitest'
import { appointment } from '../../src/directory/administrators.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { Message } from '../../src/protocol/message.ts'
import { openDirect, openGroup, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, signUp } from '../support/rest.ts'
import type { Frame } from './suite.ts'

type Heard = { words: string; senderId: number }

/** Somebody who knows one of the documents, or the native protocol, and nothing else. */
type Person = {
  who: SignedIn
  socket: RawSocket
  /** What a frame says, if it tells a new message. */
  hears: (frame: Frame) => Heard | null
  writeTo: (other: Person, words: string) => Promise<unknown>
  /** Null for those whose document knows only pairs. */
  writeIn: ((conversationId: number, words: string) => Promise<unknown>) | null
}

type Names = 'native' | 'direct' | 'sealed' | 'friends' | 'rooms' | 'events'

let people: Record<Names, Person>
let everybody: Person[]
let groupId: number

const post = async <Body = Frame>(who: SignedIn, path: string, json: object): Promise<Body> => {
  const { status, body } = await ask<Body>('POST', path, { token: who.accessToken, json })
  expect([200, 201]).toContain(status)
  return body
}
const base64 = (words: string) => btoa(String.fromCharCode(...new TextEncoder().encode(words)))
const plain = (coded: unknown) =>
  new TextDecoder().decode(Uint8Array.from(atob(String(coded)), (character) => character.charCodeAt(0)))
const emit = (socket: RawSocket, frame: object) => socket.sendRaw(JSON.stringify(frame))
const number = (value: unknown) => Number(value)

const native = async (who: SignedIn): Promise<Person> => {
  const socket = await RawSocket.arrive(who)
  let sent = 0
  const writeIn = (conversationId: number, words: string) =>
    socket.request({ type: 'message.send', conversationId, clientId: `n${++sent}`, content: text(words) })
  return {
    who,
    socket,
    hears: (frame) => {
      const message = frame['type'] === 'message.created' ? (frame['message'] as Message) : null
      if (!message?.content || message.senderId === who.user.id) return null
      const { content, senderId } = message
      return { words: content.kind === 'text' ? content.text : plain(content.ciphertext), senderId }
    },
    writeTo: async (other, words) => writeIn(await openDirect(who, other.who), words),
    writeIn,
  }
}

/** Documents 000 and 002 tell a message in the same words. */
const newMessage = (frame: Frame) =>
  frame['type'] === 'new_message' ? { words: String(frame['content']), senderId: number(frame['sender_id']) } : null

const direct = async (who: SignedIn): Promise<Person> => {
  const socket = await RawSocket.open({ path: `/messages/ws?token=${who.accessToken}` })
  return {
    who,
    socket,
    hears: newMessage,
    writeTo: async (other, content) => emit(socket, { type: 'send_message', receiver_id: other.who.user.id, content }),
    writeIn: null,
  }
}

const sealed = async (who: SignedIn): Promise<Person> => {
  const socket = await RawSocket.open({ path: `/ws?token=${who.accessToken}` })
  const writeIn = (conversationId: number, words: string) => {
    const sealing = { nonce: 'AAAA', ciphertext: base64(words), authTag: 'AAAA', associatedData: '' }
    return post(who, '/messages', { conversationId, ...sealing })
  }
  return {
    who,
    socket,
    hears: (frame) =>
      frame['type'] === 'newMessage'
        ? { words: plain(frame['ciphertext']), senderId: number(frame['senderId']) }
        : null,
    // The document opens no conversations: there are ones.
    writeTo: async (other, words) => writeIn(await openDirect(who, other.who), words),
    writeIn,
  }
}

const friends = async (who: SignedIn): Promise<Person> => {
  const socket = await RawSocket.open({ path: `/ws/${who.accessToken}` })
  return {
    who,
    socket,
    hears: newMessage,
    writeTo: async (other, content) => emit(socket, { type: 'send_message', receiver_id: other.who.user.id, content }),
    writeIn: (conversation_id, content) => post(who, '/conversation/send_message', { conversation_id, content }),
  }
}

const rooms = async (who: SignedIn): Promise<Person> => {
  await env.DIRECTORY.prepare(appointment(who.user.username, true)).run()
  const socket = await RawSocket.open({ path: '/ws/chat' })
  emit(socket, { type: 'authenticate', token: who.accessToken })
  await socket.waitFor((frame) => frame.type === 'authenticated')
  const join = (conversation_id: string) => emit(socket, { type: 'join_conversation', conversation_id })
  return {
    who,
    socket,
    hears: (frame) => {
      const message = frame['type'] === 'new_message' ? (frame['message'] as Frame) : null
      return message && { words: String(message['content']), senderId: number(message['sender_id']) }
    },
    writeTo: async (other, content) => {
      const conversation_id = String(await openDirect(who, other.who))
      join(conversation_id)
      emit(socket, { type: 'send_message', conversation_id, message: { content }, sender_id: String(who.user.id) })
    },
    writeIn: (id, content) => post(who, `/api/admin/chat/conversations/${id}/messages`, { content }),
  }
}

const events = async (who: SignedIn): Promise<Person> => {
  const socket = await RawSocket.open({ path: `/ws/${who.accessToken}` })
  return {
    who,
    socket,
    hears: (frame) => {
      const message = frame['type'] === 'new_message' ? (frame['message'] as Frame) : null
      return message && { words: String(message['content']), senderId: number(message['sender_id']) }
    },
    writeTo: (other, content) => post(who, '/messages/', { receiver_id: other.who.user.id, content }),
    writeIn: null,
  }
}

beforeAll(async () => {
  people = {
    native: await native(await signUp('nina')),
    direct: await direct(await signUp('dora')),
    sealed: await sealed(await signUp('sven')),
    friends: await friends(await signUp('fay')),
    rooms: await rooms(await signUp('rob')),
    events: await events(await signUp('eve')),
  }
  everybody = Object.values(people)
  const [first, ...others] = everybody.map(({ who }) => who)
  if (first) groupId = await openGroup(first, ...others)
})

/** What this person has heard of the others. */
const heardBy = ({ socket, hears, who }: Person): Heard[] =>
  socket.frames.flatMap((frame) => hears(frame) ?? []).filter((each) => each.senderId !== who.user.id)
/** How somebody sees words that were written by this person: only some can read what is sealed. */
const seenBy = (reader: Person, writer: Person, words: string): string =>
  writer === people.sealed && reader !== people.native ? '[sealed message]' : words
const frameOf = (person: Person, fits: (frame: Frame) => boolean) => person.socket.waitFor(fits)

/** Writes, and waits until each of these heard it, once. */
const isHeard = async (writer: Person, words: string, told: { by: Person[]; write: () => Promise<unknown> }) => {
  const before = everybody.map((person) => heardBy(person).length)
  await told.write()
  for (const reader of told.by) {
    const heard = () => heardBy(reader).slice(before[everybody.indexOf(reader)])
    const senderId = writer.who.user.id
    await expect.poll(heard, { message: words }).toEqual([{ words: seenBy(reader, writer, words), senderId }])
  }
  for (const person of everybody) {
    if (!told.by.includes(person)) expect(heardBy(person)).toHaveLength(before[everybody.indexOf(person)] ?? 0)
  }
}

test('each writes to each of the others, who reads it in words of their own, and nobody else does', async () => {
  for (const writer of everybody) {
    for (const reader of everybody) {
      if (reader === writer) continue
      const words = `from ${writer.who.user.username} to ${reader.who.user.username}`
      await isHeard(writer, words, { by: [reader], write: () => writer.writeTo(reader, words) })
    }
  }
})

test('in a group, all hear all, also those whose document knows only pairs', async () => {
  for (const writer of everybody) {
    const { writeIn } = writer
    if (!writeIn) continue
    const words = `${writer.who.user.username} to all`
    const others = everybody.filter((person) => person !== writer)
    await isHeard(writer, words, { by: others, write: () => writeIn(groupId, words) })
  }
})

test('what is edited and deleted in one is edited and deleted in those that have a word for it', async () => {
  const { native, direct, friends } = people
  const token = native.who.accessToken
  const json = { clientId: 'to-edit', content: text('befor') }
  const { id } = await post<Message>(native.who, `/v1/conversations/${groupId}/messages`, json)

  await ask('PATCH', `/v1/messages/${id}`, { token, json: { content: text('before') } })
  await ask('DELETE', `/v1/messages/${id}`, { token })

  expect(await frameOf(direct, (frame) => frame['type'] === 'message_updated' && frame['id'] === id)).toMatchObject({
    content: 'before',
  })
  await frameOf(direct, (frame) => frame['type'] === 'message_deleted' && frame['id'] === id)
  await frameOf(friends, (frame) => frame['type'] === 'delete_message' && frame['message_id'] === id)
})

test('what one types and reads, the others see where they have a word for it', async () => {
  const { native, friends, events } = people
  const conversationId = await openDirect(friends.who, native.who)

  emit(friends.socket, { type: 'typing', receiver_id: native.who.user.id })
  expect(await frameOf(native, (frame) => frame['type'] === 'typing.changed')).toMatchObject({
    conversationId,
    userId: friends.who.user.id,
    typing: true,
  })
  await native.socket.request({ type: 'typing.start', conversationId })
  await frameOf(friends, (frame) => frame['type'] === 'user_typing' && frame['user_id'] === native.who.user.id)

  await friends.writeTo(events, 'have you read it?')
  const written = await frameOf(events, (frame) => events.hears(frame)?.words === 'have you read it?')
  const { id } = written['message'] as { id: number }
  await ask('PUT', `/messages/${id}/read`, { token: events.who.accessToken })
  await frameOf(friends, (frame) => frame['type'] === 'messages_read' && frame['user_id'] === events.who.user.id)
})

test('an invitation by one is answered by another in other words', async () => {
  const { rooms } = people
  const invited = await signUp('ingrid')
  const socket = await RawSocket.arrive(invited)

  const json = { to_user_id: String(invited.user.id), message: 'Come in' }
  const { data } = await post<{ data: { invitation_id: string } }>(rooms.who, '/api/admin/chat/invitations', json)
  await socket.waitFor((frame) => frame.type === 'invitation.created')
  await post(invited, `/v1/invitations/${data.invitation_id}/accept`, {})

  expect(await frameOf(rooms, (frame) => frame['type'] === 'invitation_accepted')).toMatchObject({
    participant_id: String(invited.user.id),
  })
})
