import type { CommandOf } from '../protocol/commands.ts'
import type { Message } from '../protocol/message.ts'
import type { Http } from './http.ts'
import type { Connection } from './socket.ts'

/** A command that changes a message that exists. Said twice, it does no more than said once. */
export type MessageChange = CommandOf<
  'message.edit' | 'message.delete' | 'reaction.add' | 'reaction.remove' | 'pin.add' | 'pin.remove'
>

/** Over the socket where there is one, else by REST: the same code is behind both. */
export const changeMessage = async (
  { connection, http }: { connection: Connection; http: Http },
  change: MessageChange,
): Promise<Message> => {
  if (!connection.isOnline) return http.send(callOf(change))
  const { message } = await connection.request(change)
  return message
}

const callOf = (change: MessageChange): Parameters<Http['send']>[0] => {
  const path = `/v1/messages/${change.messageId}`
  switch (change.type) {
    case 'message.edit':
      return { method: 'PATCH', path, json: { content: change.content } }
    case 'message.delete':
      return { method: 'DELETE', path }
    case 'reaction.add':
      return { method: 'PUT', path: `${path}/reactions/${encodeURIComponent(change.emoji)}` }
    case 'reaction.remove':
      return { method: 'DELETE', path: `${path}/reactions/${encodeURIComponent(change.emoji)}` }
    case 'pin.add':
      return { method: 'PUT', path: `${path}/pin` }
    case 'pin.remove':
      return { method: 'DELETE', path: `${path}/pin` }
  }
}
