import type { Ask } from '../harness/rest.ts'

export type Request = Omit<Ask, 'token'>

/** The conversation that a client talks in, and one of the others there. */
export type Talk = { c: number; userId: number }

/** One of the documented APIs as its own clients use it, written down anew from the documents. */
export type Api = {
  /** The number of its document. */
  document: string
  socket: (token: string) => string
  /** What the client says first, where the document wants that. */
  firstFrame?: (token: string) => object
  post: (to: Talk, text: string) => Request
  /** Whether that names the conversation, so that it can be a group. Else it names a person. */
  inGroup?: true
  /** The same by its socket, where that tells the sender too of the new message, with its text as `content`. */
  say?: (to: Talk, text: string) => object
  /** What it does to a message, as far as the document has a way. */
  edit?: (id: number, text: string) => Request
  delete?: (id: number) => Request
  read?: (id: number) => Request
  /** The id of the message that was posted. */
  posted: (body: Answer) => number | string | undefined
  /** The id of a new message that a frame tells. */
  heard: (frame: Answer) => number | string | undefined
}

export type Answer = {
  type?: string
  content?: string
  id?: number
  messageId?: number
  message_id?: number
  message?: { id?: number | string }
  data?: { message?: { id: string } }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

export const APIS: Api[] = [
  {
    document: '000',
    socket: (token) => `/messages/ws?token=${token}`,
    post: ({ userId }, content) => ({ method: 'POST', path: '/messages/', json: { receiver_id: userId, content } }),
    say: ({ userId }, content) => ({ type: 'send_message', receiver_id: userId, content }),
    edit: (id, content) => ({ method: 'PUT', path: `/messages/${id}`, json: { content } }),
    delete: (id) => ({ method: 'DELETE', path: `/messages/${id}` }),
    posted: ({ id }) => id,
    heard: ({ type, id }) => (type === 'new_message' ? id : undefined),
  },
  {
    document: '001',
    socket: (token) => `/ws?token=${token}`,
    post: ({ c }, text) => {
      const sealed = { nonce: base64('nonce'), ciphertext: base64(text), authTag: base64('tag'), associatedData: '' }
      return { method: 'POST', path: '/messages', json: { conversationId: c, ...sealed } }
    },
    inGroup: true,
    posted: ({ messageId }) => messageId,
    heard: ({ type, messageId }) => (type === 'newMessage' ? messageId : undefined),
  },
  {
    document: '002',
    socket: (token) => `/ws/${token}`,
    post: ({ userId }, content) => ({
      method: 'POST',
      path: '/conversation/send_message',
      json: { receiver_id: userId, content },
    }),
    say: ({ userId }, content) => ({ type: 'send_message', receiver_id: userId, content }),
    delete: (id) => ({ method: 'POST', path: '/conversation/delete_message', json: { message_id: id } }),
    posted: ({ message_id }) => message_id,
    heard: ({ type, message_id }) => (type === 'new_message' ? message_id : undefined),
  },
  {
    document: '003',
    socket: () => '/ws/chat',
    firstFrame: (token) => ({ type: 'authenticate', token }),
    post: ({ c }, content) => ({
      method: 'POST',
      path: `/api/admin/chat/conversations/${c}/messages`,
      json: { content },
    }),
    // Its socket does not tell who sent it of a message.
    inGroup: true,
    posted: ({ data }) => data?.message?.id,
    heard: ({ type, message }) => (type === 'new_message' ? message?.id : undefined),
  },
  {
    document: '004',
    socket: (token) => `/ws/${token}`,
    post: ({ userId }, content) => ({ method: 'POST', path: '/messages/', json: { receiver_id: userId, content } }),
    read: (id) => ({ method: 'PUT', path: `/messages/${id}/read` }),
    posted: ({ id }) => id,
    heard: ({ type, message }) => (type === 'new_message' ? message?.id : undefined),
  },
]
