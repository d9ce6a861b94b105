import type { Ask } from '../harness/rest.ts'

type Request = Omit<Ask, 'token'>

/** One of the documented APIs as its own clients use it, written down anew from the documents. */
export type Api = {
  /** The number of its document. */
  document: string
  socket: (token: string) => string
  /** What the client says first, where the document wants that. */
  firstFrame?: (token: string) => object
  post: (to: { userId: number; c: number }, text: string) => Request
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
