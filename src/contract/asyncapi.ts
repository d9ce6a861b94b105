import type * as z from 'zod'
import { componentsOf, type Shape, shapeOf } from './shapes.ts'
import { INFO } from './openapi.ts'

type Frames = Record<string, z.ZodType>

/** A socket: where it is, what may be said there and is answered, and what is heard without asking. */
export type Socket = {
  name: string
  address: string
  does: string
  query?: z.ZodType
  says: Frames
  replies: Frames
  hears: Frames
}

type Ref = { $ref: string }
export type Message = { title: string; payload: Shape }
export type Channel = { address: string; description: string; messages: Record<string, Message> }
export type AsyncApi = {
  asyncapi: string
  info: object
  channels: Record<string, Channel>
  operations: Record<
    string,
    { action: 'send' | 'receive'; channel: Ref; summary: string; messages: Ref[]; reply?: object }
  >
  components: { schemas: Record<string, Shape> }
}

/** The sockets as an AsyncAPI document, from the server's side: it receives what a client says. */
export const asyncApiOf = (sockets: Socket[]): AsyncApi => {
  const channels = Object.fromEntries(sockets.map((socket) => [socket.name, channelOf(socket)]))
  return {
    asyncapi: '3.0.0',
    info: { ...INFO, description: 'A chat: its WebSockets, text frames of JSON. The REST API is in /openapi.json.' },
    channels,
    operations: Object.assign({}, ...sockets.map(operationsOf)),
    components: { schemas: componentsOf(channels) },
  }
}

const channelOf = ({ address, does, query, says, replies, hears }: Socket): Channel => {
  const names = [...address.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const frames = Object.entries({ ...says, ...replies, ...hears })
  return {
    address,
    description: does,
    ...(names.length > 0 && {
      parameters: Object.fromEntries(names.map((name) => [name, { description: 'The access token' }])),
    }),
    messages: Object.fromEntries(frames.map(([title, frame]) => [title, { title, payload: shapeOf(frame) }])),
    ...(query && { bindings: { ws: { query: shapeOf(query), bindingVersion: '0.1.0' } } }),
  }
}

const operationsOf = ({ name, says, replies, hears }: Socket): AsyncApi['operations'] => {
  const channel = { $ref: `#/channels/${name}` }
  const refs = (frames: string[]) => frames.map((frame) => ({ $ref: `#/channels/${name}/messages/${frame}` }))
  const refused = Object.keys(replies).filter((frame) => !(frame.replace(REPLY, '') in says))
  const said = Object.keys(says).map((frame) => {
    const answers = [...Object.keys(replies).filter((reply) => reply === frame + REPLY), ...refused]
    const reply = answers.length > 0 && { reply: { channel, messages: refs(answers) } }
    const summary = `A client says ${frame}`
    return [`${name}.${frame}`, { action: 'receive' as const, channel, summary, messages: refs([frame]), ...reply }]
  })
  const summary = 'What the server tells by itself'
  const told = [`${name}.hear`, { action: 'send' as const, channel, summary, messages: refs(Object.keys(hears)) }]
  return Object.fromEntries([...said, told])
}

/** The answer to `x` is `x.reply`; every other reply may answer anything. */
export const REPLY = '.reply'
