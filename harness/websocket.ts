import { randomBytes } from 'node:crypto'

/** The parts of RFC 6455 that clients made by hand need: who says each byte, or takes none, cannot use a library. */

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** The request that asks for a socket at this path (RFC 6455 §4.1). `headers` may change or add any. */
export const upgradeRequest = (path: string, headers: Record<string, string> = {}): string => {
  const all = {
    host: '127.0.0.1',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
    ...headers,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

/** `mask` is 'zeros' where the bytes are to be sent as they are, which costs nothing and is a mask to the server like any other. */
export type FrameOptions = {
  opcode?: number
  fin?: boolean
  rsv?: number
  mask?: 'random' | 'zeros' | 'none'
  lengthAs?: 16 | 64
}

/** One frame as RFC 6455 §5.2 has it, or as the options will have it. */
export const frameOf = (payload: string | Uint8Array, options: FrameOptions = {}): Buffer => {
  const { opcode = OPCODES.text, fin = true, rsv = 0, mask = 'random', lengthAs } = options
  const data = typeof payload === 'string' ? Buffer.from(payload) : payload
  const { length } = data
  const extra = lengthAs === 64 || length >= 2 ** 16 ? 8 : lengthAs === 16 || length >= 126 ? 2 : 0
  const start = 2 + extra + (mask === 'none' ? 0 : 4)
  const frame = Buffer.allocUnsafe(start + length)
  frame[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  frame[1] = (mask === 'none' ? 0 : 0x80) | (extra === 0 ? length : extra === 2 ? 126 : 127)
  if (extra === 2) frame.writeUInt16BE(length, 2)
  if (extra === 8) frame.writeBigUInt64BE(BigInt(length), 2)
  frame.set(data, start)
  if (mask === 'none') return frame
  const key = mask === 'zeros' ? Buffer.alloc(4) : randomBytes(4)
  frame.set(key, start - 4)
  if (mask === 'random') for (let i = 0; i < length; i += 1) frame[start + i]! ^= key[i & 3]!
  return frame
}

/** What a server's frame holds, which has no mask, and where the next begins. The payload lies in the buffer still. */
export type Frame = { opcode: number; payload: Buffer; end: number }

/** The frame that begins there; null while it is not whole. */
export const readFrame = (buffer: Buffer, at: number): Frame | null => {
  if (buffer.length - at < 2) return null
  const short = buffer[at + 1]! & 127
  const start = at + (short === 126 ? 4 : short === 127 ? 10 : 2)
  if (buffer.length < start) return null
  const length =
    short === 126 ? buffer.readUInt16BE(at + 2) : short === 127 ? Number(buffer.readBigUInt64BE(at + 2)) : short
  const end = start + length
  return buffer.length < end ? null : { opcode: buffer[at]! & 15, payload: buffer.subarray(start, end), end }
}

/** What a close frame says; 1005 where it says nothing (§7.1.5). */
export const closeCodeOf = (payload: Buffer): number => (payload.length >= 2 ? payload.readUInt16BE(0) : 1005)

/** The payload of a close frame that says 1000. */
export const NORMAL_CLOSURE = Buffer.from([0x03, 0xe8])

/** How long the head of a refusal asks to wait; 0 where it does not say. */
export const retryAfterMsIn = (head: string): number => Number(/^retry-after: *(\d+)/im.exec(head)?.[1] ?? 0) * 1_000
