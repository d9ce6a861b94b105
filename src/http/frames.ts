import { REPLY, type Socket } from '../contract/asyncapi.ts'
import { Command, FrameId } from '../protocol/commands.ts'
import { REPLIES, Reply, ServerEvent, Together } from '../protocol/events.ts'
import { SocketQuery } from '../protocol/socket.ts'

/** The native socket, for the contract. */
export const nativeSocket = (): Socket => {
  const [ok, refused] = Reply.options
  const replies = Object.entries(REPLIES).map(([type, result]) => [type + REPLY, ok.extend({ result })])
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
