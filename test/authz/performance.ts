import { exports } from 'cloudflare:workers'
import { DIALECT_SOCKETS } from '../../src/dialects/contract.ts'
import { ERRORS } from '../../src/protocol/errors.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { randomAddress } from '../support/rest.ts'
import { addressOf, BODIES, FRAMES, type Given } from './calls.ts'

/** What came of a row for one actor: a status, or the code that a socket was closed with. */
export type Outcome = { cell: number; body: string }

export type Attempt = { row: string; token: string | undefined; given: Given; isAllowed: boolean }

const MOMENT_MS = 50
/** A frame that is refused for certain, by every document that answers at all. */
const NOTHING = '{"type":"nothing"}'
const NO_SUCH_FRAME: string = ERRORS['frame.unknown_type'][1]

/** Does what the row says. `isAllowed` only tells what to wait for, where what is allowed is not answered. */
export const perform = (attempt: Attempt): Promise<Outcome> => {
  if (isFrame(attempt.row)) return say(attempt)
  const socket = socketAt(attempt.row)
  return socket ? open({ ...attempt, socket }) : call(attempt)
}

export const isFrame = (row: string): boolean => row in FRAMES

/** The socket that a route opens, by its name. */
const socketAt = (row: string): string | undefined => {
  if (row === 'GET /v1/socket') return 'native'
  return DIALECT_SOCKETS.find(({ address }) => row === `GET ${address.replaceAll(/\{(\w+)\}/g, ':$1')}`)?.name
}

const call = async ({ row, token, given }: Attempt): Promise<Outcome> => {
  const [method = ''] = row.split(' ')
  const headers = new Headers({ 'cf-connecting-ip': randomAddress() })
  if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
  const json = BODIES[row]?.(given)
  if (json) headers.set('content-type', 'application/json')
  const url = `https://causerie.test${addressOf(row, given)}`
  const body = json ? JSON.stringify(json) : null
  const response = await exports.default.fetch(new Request(url, { method, headers, body }))
  return { cell: response.status, body: await response.text() }
}

const PATHS: Record<string, (token: string) => string> = {
  native: () => '/v1/socket',
  direct: (token) => `/messages/ws?token=${token}`,
  sealed: (token) => `/ws?token=${token}`,
  friends: (token) => `/ws/${token}`,
  events: (token) => `/ws/${token}`,
  rooms: () => '/ws/chat',
}

/** Answers the socket where it serves, or else what it said or was closed with. */
const arrive = async (name: string, token = 'none'): Promise<RawSocket | number> => {
  const headers: Record<string, string> =
    name === 'native' && token !== 'none' ? { authorization: `Bearer ${token}` } : {}
  const socket = await RawSocket.open({ path: PATHS[name]?.(token) ?? '', headers })
  try {
    if (name === 'native') await socket.waitForType('hello')
    else if (name === 'sealed') await pause()
    else {
      socket.sendRaw(name === 'rooms' ? JSON.stringify({ type: 'authenticate', token }) : NOTHING)
      const { type } = await socket.waitFor(() => true)
      if (name === 'rooms' && type === 'error') return 401
    }
    return socket.closed ? socket.closed.code : socket
  } catch {
    return socket.closed?.code ?? 0
  }
}

const open = async ({ socket: name, token }: Attempt & { socket: string }): Promise<Outcome> => {
  const socket = await arrive(name, token)
  if (typeof socket === 'number') return { cell: socket, body: '' }
  socket.close()
  return { cell: 101, body: '' }
}

const say = async ({ row, token, given, isAllowed }: Attempt): Promise<Outcome> => {
  const [name = '', type = ''] = row.split(' ')
  const socket = await arrive(name, token)
  if (typeof socket === 'number') return { cell: socket, body: '' }
  const fields = { type, ...(type === 'authenticate' && { token }), ...FRAMES[row]?.(given) }
  try {
    if (name === 'native') {
      const reply = await socket.reply(fields)
      return reply.ok ? { cell: 200, body: '' } : { cell: ERRORS[reply.error.code][0], body: reply.error.code }
    }
    const refusal = () =>
      socket.frames
        .filter((frame) => frame.type === 'error')
        .map((frame) => String(frame['message']))
        .find((sentence) => sentence !== NO_SUCH_FRAME)
    socket.sendRaw(JSON.stringify(fields))
    if (isAllowed) await pause()
    else await socket.waitFor(() => refusal() !== undefined)
    const sentence = refusal()
    return sentence === undefined ? { cell: 200, body: '' } : { cell: statusOf(sentence), body: sentence }
  } finally {
    socket.close()
  }
}

const statusOf = (sentence: string): number => Object.values(ERRORS).find(([, each]) => each === sentence)?.[0] ?? 0

/** What is allowed is not answered by every document, so there is nothing to wait for. */
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, MOMENT_MS))
