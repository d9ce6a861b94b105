import { setTimeout as sleep } from 'node:timers/promises'
import { request } from '../rest.ts'
import type { Causerie, Person } from '../scenario.ts'
import { inGroups } from './in-groups.ts'
import { type Messenger, type Room, startsWith } from './room.ts'
import { LoadSocket } from './socket.ts'

const GUESTS_PER_REQUEST = 100
const SOCKETS_AT_ONCE = 20
const HELLO_TIMEOUT_MS = 60_000

const HELLO = Buffer.from('{"type":"hello"')
const CREATED = Buffer.from('{"type":"message.created"')
const ARRAY = '['.charCodeAt(0)
const REPLY = Buffer.from('{"type":"reply"')
const REFUSED = Buffer.from('"ok":false')

/** Causerie, spoken to as its own clients do: a socket for each member, and commands by it. */
export const causerieMessenger = (causerie: Causerie): Messenger => ({
  name: causerie.name,
  url: causerie.url,
  get pid() {
    return causerie.pid
  },
  cpuMs: () => causerie.cpuMs(),
  memory: () => causerie.memory(),
  stop: () => causerie.stop(),
  openRoom: async (size) => {
    const members = causerie.people.slice(0, size)
    const conversationId = await openConversation(causerie.url, members)
    const sockets = await inGroups(members, SOCKETS_AT_ONCE, (person) => openSocket(causerie.url, person))
    // Who came online is still being told.
    await sleep(size > 100 ? 3_000 : 1_000)
    return roomOf(conversationId, sockets)
  },
})

/** A direct conversation of two, or a group of all. */
export const openConversation = async (url: string, members: Person[]): Promise<number> => {
  const [owner, ...others] = members
  if (!owner || !others[0]) throw new Error('A conversation takes two.')
  const ids = others.map(({ id }) => id)
  const json =
    members.length === 2
      ? { kind: 'direct', userId: others[0].id }
      : { kind: 'group', title: `A group of ${members.length}`, memberIds: ids.slice(0, GUESTS_PER_REQUEST) }
  const { conversation } = await request<{ conversation: { id: number } }>(`${url}/v1/conversations`, {
    method: 'POST',
    token: owner.token,
    json,
  })
  for (let i = GUESTS_PER_REQUEST; i < ids.length; i += GUESTS_PER_REQUEST) {
    await request(`${url}/v1/conversations/${conversation.id}/members`, {
      method: 'POST',
      token: owner.token,
      json: { userIds: ids.slice(i, i + GUESTS_PER_REQUEST) },
    })
  }
  return conversation.id
}

/** A socket that was greeted. `have` says what its client has already. */
export const openSocket = async (url: string, person: Person, have = ''): Promise<LoadSocket> => {
  const query = have === '' ? '' : `?have=${have}`
  const socket = await LoadSocket.open(`${url.replace('http', 'ws')}/v1/socket${query}`, {
    authorization: `Bearer ${person.token}`,
    'sec-websocket-protocol': 'causerie.v1',
  })
  const greeted = new Promise<string>((resolve) => {
    socket.onFrame = (frame) => {
      if (startsWith(frame, HELLO)) resolve('hello')
    }
  })
  const late = sleep(HELLO_TIMEOUT_MS, 'late', { ref: false })
  if ((await Promise.race([greeted, late])) === 'late') {
    socket.cut()
    throw new Error('A socket was not greeted.')
  }
  socket.onFrame = () => {}
  socket.split = messagesIn
  return socket
}

/** A frame as it is, or of one that holds several events a part for each message. It is not parsed: that would take the processor from the server. */
const messagesIn = (frame: Buffer): Buffer[] => {
  if (frame[0] !== ARRAY) return [frame]
  const parts: Buffer[] = []
  for (let at = frame.indexOf(CREATED); at >= 0;) {
    const next = frame.indexOf(CREATED, at + 1)
    parts.push(frame.subarray(at, next < 0 ? undefined : next))
    at = next
  }
  return parts
}

const roomOf = (conversationId: number, sockets: LoadSocket[]): Room => {
  const batch = Date.now().toString(36)
  return {
    sockets,
    acknowledges: true,
    heartbeat: 'ping',
    encode: ({ n, text }) =>
      JSON.stringify({
        id: n,
        type: 'message.send',
        conversationId,
        clientId: `${batch}-${n}`,
        content: { kind: 'text', text },
      }),
    kindOf: (frame) => {
      if (startsWith(frame, CREATED)) return 'delivery'
      if (!startsWith(frame, REPLY)) return null
      if (frame.subarray(0, 60).includes(REFUSED)) throw new Error(`A message was refused: ${frame.toString()}`)
      return 'acknowledgement'
    },
    close: async () => void (await Promise.all(sockets.map((socket) => socket.close()))),
  }
}
