import * as z from 'zod'
import { REPLY, type Socket } from '../contract/asyncapi.ts'
import { Command, type CommandType, FrameId } from '../protocol/commands.ts'
import { Changes } from '../protocol/conversation.ts'
import { MessageReply, ReadReply, Reply, ServerEvent, Together } from '../protocol/events.ts'
import { SocketQuery } from '../protocol/socket.ts'
import { Presence } from '../protocol/user.ts'

/** The native socket, for the contract. */
export const nativeSocket = (): Socket => {
  const [ok, refused] = Reply.options
  const replies = Object.entries(RESULTS).map(([type, result]) => [type + REPLY, ok.extend({ result })])
  return {
    name: 'native',
    address: '/v1/socket',
    does:
      'The native socket, opened with a ticket from `POST /v1/auth/ticket` or with the access token as bearer. A client says commands, ' +
      'each with an `id` that its reply repeats, and hears events, `hello` first; those of one moment come together, as an array in one frame.',
    query: SocketQuery,
    says: Object.fromEntries(
      Command.options.map((command) => [command.shape.type.value, command.extend({ id: FrameId })]),
    ),
    replies: { ...Object.fromEntries(replies), refused },
    hears: {
      ...Object.fromEntries(ServerEvent.options.map((event) => [event.shape.type.value, event])),
      together: Together,
    },
  }
}

const Nothing = z.object({})

/** What each command is answered. */
const RESULTS: Record<CommandType, z.ZodType> = {
  'message.send': MessageReply,
  'message.edit': MessageReply,
  'message.delete': MessageReply,
  'reaction.add': MessageReply,
  'reaction.remove': MessageReply,
  'pin.add': MessageReply,
  'pin.remove': MessageReply,
  'read.mark': ReadReply,
  'typing.start': Nothing,
  'typing.stop': Nothing,
  'changes.get': Changes,
  'presence.get': z.object({ items: z.array(Presence) }),
}
