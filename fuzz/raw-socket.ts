import { connect, type Socket } from 'node:net'
import { closeCodeOf, frameOf, OPCODES, readFrame } from '../harness/websocket.ts'

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

/** A text in so many pieces. */
export const fragmentsOf = (payload: string | Uint8Array, count: number): Buffer => {
  const data = Buffer.from(payload)
  const size = Math.ceil(data.length / count)
  const pieces = Array.from({ length: Math.ceil(data.length / size) }, (_, i) =>
    data.subarray(i * size, (i + 1) * size),
  )
  return Buffer.concat(
    pieces.map((piece, i) =>
      frameOf(piece, { opcode: i === 0 ? OPCODES.text : OPCODES.continuation, fin: i === pieces.length - 1 }),
    ),
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
    for (let frame = readFrame(this.#bytes, at + 4); frame; frame = readFrame(this.#bytes, frame.end)) {
      const { opcode, payload } = frame
      if (opcode === OPCODES.text) said.texts.push(payload.toString())
      if (opcode === OPCODES.pong) said.pongs += 1
      if (opcode === OPCODES.close) said.close = closeCodeOf(payload)
    }
    return said
  }
}
