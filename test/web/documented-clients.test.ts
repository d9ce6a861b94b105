import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

/** For each document the client that its own examples make, with nothing changed but the host, against a real server. */

/** What comes from the server, as the documents name it. */
type Data = {
  type: string
  id: number
  content: string
  access_token: string
  conversation_id: number | string
  message_id: number
  ciphertext: string
  authTag: string
  message: Data
  data: { invitation_id: string; messages: Data[] }
}
type Account = { id: number; username: string; token: string }

let server: TestServer
let admin: Account
const sockets: WebSocket[] = []
const timers: NodeJS.Timeout[] = []

beforeAll(async () => {
  server = await startServer()
  // The first account is an administrator, as document 003 wants one.
  admin = await account('root')
})

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
  for (const timer of timers.splice(0)) clearInterval(timer)
})

afterAll(async () => {
  await server?.[Symbol.asyncDispose]()
})

const ask = async (method: string, path: string, options: { token?: string; json?: object } = {}): Promise<Data> => {
  const { token, json } = options
  const headers = { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) }
  const response = await fetch(server.url + path, { method, headers, ...(json && { body: JSON.stringify(json) }) })
  expect(response.status, `${method} ${path}`).toBeLessThan(300)
  return response.json() as Promise<Data>
}

let accounts = 0
const account = async (stem: string): Promise<Account> => {
  const username = `${stem}${++accounts}`
  const json = { username, email: `${username}@example.org`, password: 'motdepasse' }
  const { id } = await ask('POST', '/register', { json })
  const { access_token: token } = await ask('POST', '/login', { json })
  return { id, username, token }
}

const connect = (path: string): WebSocket => {
  const socket = new WebSocket(server.url.replace('http', 'ws') + path)
  sockets.push(socket)
  return socket
}
const isOpen = (socket: WebSocket) => expect.poll(() => socket.readyState).toBe(WebSocket.OPEN)

test('[000] the JavaScript client of the document', async () => {
  const [alice, bob] = [await account('alice'), await account('bob')]
  const client = (jwt_token: string) => {
    const shown: Data[] = []
    let pongs = 0
    const ws = connect(`/messages/ws?token=${jwt_token}`)

    ws.onopen = () => {
      timers.push(
        setInterval(() => {
          ws.send(JSON.stringify({ type: 'ping' }))
        }, 500),
      )
    }

    ws.onmessage = (event) => {
      const data = JSON.parse(event.data)
      switch (data.type) {
        case 'new_message':
          shown.push(data)
          break
        case 'message_updated':
          Object.assign(shown.find((message) => message.id === data.id) ?? {}, data)
          break
        case 'message_deleted':
          shown.splice(
            shown.findIndex((message) => message.id === data.id),
            1,
          )
          break
        case 'pong':
          pongs += 1
      }
    }

    function sendMessage(receiverId: number, content: string) {
      ws.send(JSON.stringify({ type: 'send_message', receiver_id: receiverId, content: content }))
    }

    async function sendMessageHTTP(receiverId: number, content: string) {
      const response = await fetch(`${server.url}/messages/`, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/x-www-form-urlencoded',
          Authorization: `Bearer ${jwt_token}`,
        },
        body: new URLSearchParams({
          receiver_id: String(receiverId),
          content: content,
        }),
      })
      return response.json() as Promise<Data>
    }

    async function getConversation(userId: number) {
      const response = await fetch(`${server.url}/messages/conversation/${userId}`, {
        headers: { Authorization: `Bearer ${jwt_token}` },
      })
      return response.json() as Promise<Data[]>
    }

    return { ws, shown, pongs: () => pongs, sendMessage, sendMessageHTTP, getConversation }
  }
  const [hers, his] = [client(alice.token), client(bob.token)]
  await Promise.all([isOpen(hers.ws), isOpen(his.ws)])

  hers.sendMessage(bob.id, 'Message via WebSocket')
  await expect.poll(() => his.shown.map(({ content }) => content)).toEqual(['Message via WebSocket'])
  const sent = await his.sendMessageHTTP(alice.id, 'Bonjour, comment allez-vous ?')
  await ask('PUT', `/messages/${sent.id}`, { token: bob.token, json: { content: 'Message modifié' } })
  await expect
    .poll(() => hers.shown.map(({ content }) => content))
    .toEqual(['Message via WebSocket', 'Message modifié'])
  await ask('DELETE', `/messages/${sent.id}`, { token: bob.token })

  await expect.poll(() => [hers.shown.length, his.shown.length]).toEqual([1, 1])
  expect((await hers.getConversation(bob.id)).map(({ content }) => content)).toEqual(['Message via WebSocket'])
  await expect.poll(() => Math.min(hers.pongs(), his.pongs())).toBeGreaterThan(0)
  const users = (await ask('GET', '/messages/online-users', { token: alice.token })) as unknown as number[]
  expect(users.toSorted((a, b) => a - b)).toEqual([alice.id, bob.id])
})

test('[001] a client that seals its messages gets back the bytes that it sent', async () => {
  const [alice, bob] = [await account('alice'), await account('bob')]
  const { conversation_id: conversationId } = await ask('POST', '/create_conversation', {
    token: alice.token,
    json: { other_user_id: bob.id },
  })
  const frames: Data[] = []
  for (const { token } of [alice, bob]) {
    const socket = connect(`/ws?token=${token}`)
    socket.onmessage = (event) => frames.push(JSON.parse(event.data))
    await isOpen(socket)
  }
  const key = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt'])
  const [iv, additionalData] = [crypto.getRandomValues(new Uint8Array(12)), new TextEncoder().encode('v1')]
  const algorithm = { name: 'AES-GCM', iv, additionalData }
  const encrypted = Buffer.from(await crypto.subtle.encrypt(algorithm, key, new TextEncoder().encode('secret 🔐')))
  const sealed = {
    nonce: Buffer.from(iv).toString('base64'),
    ciphertext: encrypted.subarray(0, -16).toString('base64'),
    authTag: encrypted.subarray(-16).toString('base64'),
    associatedData: Buffer.from(additionalData).toString('base64'),
  }

  const posted = await ask('POST', '/messages', { token: alice.token, json: { conversationId, ...sealed } })

  expect(posted).toEqual({ messageId: expect.any(Number), timestamp: expect.any(String) })
  await expect.poll(() => frames.length).toBe(2)
  for (const frame of frames) {
    expect(frame).toMatchObject({ ...posted, ...sealed, type: 'newMessage', conversationId, senderId: alice.id })
  }
  const path = `/conversations/${conversationId}/messages?limit=50`
  const [message] = (await ask('GET', path, { token: bob.token })) as unknown as Data[]
  const bytes = Buffer.concat([Buffer.from(message?.ciphertext, 'base64'), Buffer.from(message?.authTag, 'base64')])
  expect(new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, key, bytes))).toBe('secret 🔐')
})

test('[002] a client of the frames of the document', async () => {
  const [alice, bob] = [await account('alice'), await account('bob')]
  const client = async (api_token: string) => {
    const frames: Data[] = []
    const socket = connect(`/ws/${api_token}`)
    socket.onmessage = (event) => frames.push(JSON.parse(event.data))
    await isOpen(socket)
    return {
      of: (type: string) => frames.filter((frame) => frame.type === type),
      say: (frame: object) => socket.send(JSON.stringify(frame)),
    }
  }
  const [hers, his] = [await client(alice.token), await client(bob.token)]

  await ask('POST', '/me/send_friend_request', { token: alice.token, json: { receiver_id: bob.id } })
  const told = { type: 'new_friend_request', sender_id: alice.id, sender_username: alice.username }
  await expect.poll(() => his.of('new_friend_request')).toEqual([told])
  await ask('POST', '/me/accept_friend_request', { token: bob.token, json: { sender_id: alice.id } })
  await expect.poll(() => hers.of('friend_request_accepted')).toMatchObject([{ friend_id: bob.id }])
  await expect
    .poll(() => {
      hers.say({ type: 'get_online_friends' })
      return hers.of('online_friends').at(-1)
    })
    .toEqual({ type: 'online_friends', friends: [bob.id] })

  hers.say({ type: 'typing', receiver_id: bob.id })
  hers.say({ type: 'send_message', receiver_id: bob.id, content: 'Bonjour !' })
  await expect.poll(() => [hers, his].map((each) => each.of('new_message').length)).toEqual([1, 1])
  expect(his.of('user_typing')).toEqual([{ type: 'user_typing', user_id: alice.id, is_typing: true }])
  const [message] = his.of('new_message')
  expect(message).toMatchObject({ sender_id: alice.id, receiver_id: bob.id, content: 'Bonjour !' })
  const conversation_id = message?.conversation_id
  his.say({ type: 'mark_read', conversation_id })
  await expect
    .poll(() => hers.of('messages_read'))
    .toEqual([{ type: 'messages_read', conversation_id, user_id: bob.id }])

  const answer = { conversation_id, content: 'Salut', media_ids: [3] }
  const { message_id } = await ask('POST', '/conversation/send_message', { token: bob.token, json: answer })
  await expect.poll(() => hers.of('new_message').at(-1)).toMatchObject({ message_id, ...answer })
  await ask('DELETE', '/conversation/delete_message', { token: bob.token, json: { message_id } })
  await expect.poll(() => hers.of('delete_message')).toEqual([{ type: 'delete_message', message_id }])
  await ask('POST', '/delete_conversation', { token: alice.token, json: { conversation_id } })
  await expect.poll(() => his.of('conversation_deleted')).toEqual([{ type: 'conversation_deleted', conversation_id }])
})

test('[003] a client of the events of the document, over a native socket', async () => {
  const bob = await account('bob')
  const received: [string, Data][] = []
  const sio = connect('/ws/chat')
  const emit = (event: string, data: object) => sio.send(JSON.stringify({ event, data }))
  sio.onopen = () => emit('authenticate', { token: admin.token })
  sio.onmessage = (event) => {
    const data = JSON.parse(event.data) as Data
    received.push([data.type, data])
  }
  const of = (type: string) => received.flatMap(([name, data]) => (name === type ? [data] : []))
  await expect.poll(() => of('authenticated')).toMatchObject([{ success: true }])

  const invited = await ask('POST', '/api/admin/chat/invitations', {
    token: admin.token,
    json: { to_user_id: String(bob.id), message: 'On discute ?' },
  })
  await ask('POST', `/v1/invitations/${invited.data.invitation_id}/accept`, { token: bob.token })
  await expect.poll(() => of('invitation_accepted')).toMatchObject([{ participant_id: String(bob.id) }])
  const conversation_id = of('invitation_accepted')[0]?.conversation_id
  emit('join_conversation', { conversation_id })
  await ask('POST', '/messages/', { token: bob.token, json: { receiver_id: admin.id, content: 'Bonjour' } })
  await expect
    .poll(() => of('new_message'))
    .toMatchObject([{ conversation_id, message: { content: 'Bonjour', sender_id: String(bob.id) } }])
  emit('send_message', { conversation_id, message: { content: 'Salut' }, sender_id: String(admin.id) })
  const path = `/api/admin/chat/conversations/${conversation_id}/messages`
  const posted = await ask('POST', path, { token: admin.token, json: { content: 'Ça va ?' } })

  expect(posted).toMatchObject({ success: true, data: { message: { conversation_id, content: 'Ça va ?' } } })
  await expect
    .poll(async () => (await ask('GET', path, { token: admin.token })).data.messages.map(({ content }) => content))
    .toEqual(['Bonjour', 'Salut', 'Ça va ?'])
})

test('[004] the JavaScript client of the document', async () => {
  const [alice, bob] = [await account('alice'), await account('bob')]
  const client = (token: string) => {
    const logged: unknown[] = []
    const socket = connect(`/ws/${token}`)

    socket.onmessage = (event) => {
      const data = JSON.parse(event.data)
      if (data.type === 'new_message') {
        logged.push(data.message)
      }
    }

    socket.onclose = (event) => {
      logged.push([event.code, event.reason])
    }

    return { socket, logged }
  }
  const { token } = bob
  const { socket, logged } = client(token)
  await isOpen(socket)

  const sent = await ask('POST', '/messages/', {
    token: alice.token,
    json: { content: 'Bonjour !', receiver_id: bob.id },
  })
  await expect
    .poll(() => logged)
    .toMatchObject([{ id: sent.id, content: 'Bonjour !', sender_id: alice.id, receiver_id: bob.id, is_read: false }])
  await ask('PUT', `/messages/${sent.id}/read`, { token })
  expect(await ask('GET', '/messages/received?skip=0&limit=100', { token })).toMatchObject([{ is_read: true }])
  expect(await ask('GET', '/messages/sent?skip=0&limit=100', { token: alice.token })).toMatchObject([{ id: sent.id }])
  const event = { title: 'Pique-nique', description: 'Au parc', date: '2027-05-01T18:30:00', location: 'Nantes' }
  const { id } = await ask('POST', '/events/', { token, json: event })
  expect(await ask('GET', `/events/${id}`)).toEqual({ id, ...event, organizer_id: bob.id })
  expect(await ask('GET', '/auth/me', { token })).toMatchObject({ id: bob.id, username: bob.username })
  await ask('POST', '/auth/logout', { token })

  const late = client(token)
  await expect.poll(() => late.logged).toEqual([[4008, 'invalid token']])
})
