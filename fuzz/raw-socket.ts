import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** What a server said to bytes: the head of its answer, the frames that followed, and whether it ended the connection. */
export type Said = {
  head: string
  texts: string[]
  pongs: number
  close: number | null
  isEnded: boolean
  /** The connection broke rather than ended. */
  isReset: boolean
}

export type FrameOptions = { opcode?: number; fin?: boolean; rsv?: number; isMasked?: boolean; lengthAs?: 16 | 64 }

/** One frame as RFC 6455 has it, or as the options will have it. */
export const frameOf = (payload: string | Uint8Array, options: FrameOptions = {}): Buffer => {
  const { opcode = 1, fin = true, rsv = 0, isMasked = true, lengthAs } = options
  const data = Buffer.from(payload)
  const head = Buffer.alloc(10)
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const mask = isMasked ? 0x80 : 0
  let size = 2
  if (data.length < 126 && lengthAs === undefined) head[1] = mask | data.length
  else if (data.length < 2 ** 16 && lengthAs !== 64) {
    head[1] = mask | 126
    head.writeUInt16BE(data.length, 2)
    size = 4
  } else {
    head[1] = mask | 127
    head.writeBigUInt64BE(BigInt(data.length), 2)
    size = 10
  }
  if (!isMasked) return Buffer.concat([head.subarray(0, size), data])
  const key = randomBytes(4)
  const masked = Buffer.allocUnsafe(data.length)
  for (let i = 0; i < data.length; i += 1) masked[i] = (data[i] ?? 0) ^ (key[i & 3] ?? 0)
  return Buffer.concat([head.subarray(0, size), key, masked])
}

/** A text in so many pieces. */
export const fragmentsOf = (payload: string | Uint8Array, count: number): Buffer => {
  const data = Buffer.from(payload)
  const size = Math.ceil(data.length / count)
  const pieces = Array.from({ length: Math.ceil(data.length / size) }, (_, i) =>
    data.subarray(i * size, (i + 1) * size),
  )
  return Buffer.concat(
    pieces.map((piece, i) => frameOf(piece, { opcode: i === 0 ? 1 : 0, fin: i === pieces.length - 1 })),
  )
}

/** A connection that says what it is told to, byte by byte, and keeps what it hears. */
export class RawConnection {
  readonly #socket: Socket
  #bytes = Buffer.alloc(0)
  #isEnded = false
  #isReset = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => (this.#bytes = Buffer.concat([this.#bytes, chunk])))
    socket.on('error', () => (this.#isReset = true))
    socket.on('close', () => (this.#isEnded = true))
    // Half open: what the server says after its end of the bargain is no more than its end.
    socket.on('end', () => (this.#isEnded = true))
  }

  static async open(port: number): Promise<RawConnection> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new RawConnection(socket)
  }

  say(data: string | Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(data)
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** What was heard so far. */
  get said(): Said {
    const text = this.#bytes.toString('latin1')
    const at = text.indexOf('\r\n\r\n')
    const head = at < 0 ? text : text.slice(0, at)
    const said: Said = { head, texts: [], pongs: 0, close: null, isEnded: this.#isEnded, isReset: this.#isReset }
    if (!head.startsWith('HTTP/1.1 101')) return said
    for (let from = at + 4; from + 2 <= this.#bytes.length;) {
      const opcode = (this.#bytes[from] ?? 0) & 15
      const short = (this.#bytes[from + 1] ?? 0) & 127
      const start = from + (short === 126 ? 4 : short === 127 ? 10 : 2)
      if (start > this.#bytes.length) break
      const length =
        short === 126
          ? this.#bytes.readUInt16BE(from + 2)
          : short === 127
            ? Number(this.#bytes.readBigUInt64BE(from + 2))
            : short
      const payload = this.#bytes.subarray(start, start + length)
      if (opcode === 1) said.texts.push(payload.toString())
      if (opcode === 10) said.pongs += 1
      if (opcode === 8) said.close = payload.length < 2 ? 1005 : payload.readUInt16BE(0)
      from = start + length
    }
    return said
  }
}

export const handshake = (path: string, headers: Record<string, string> = {}): string => {
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
