import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'

/** Who waits longer for an answer gives up and hangs up: so would a client. */
export const PATIENCE_MS = 15_000

/** A WebSocket over bare TCP, without compression: it can stop reading, vanish without a word, and break off at any byte. */
export class PlainSocket {
  /** Resolves with the close code, 1006 where there was none. */
  readonly closed: Promise<number>
  /** Bytes that came, the handshake without. */
  received = 0
  hear: (text: string) => void = () => {}
  /** Break off in the middle of what comes, after so many bytes. */
  breakAfter = Number.POSITIVE_INFINITY
  readonly #tcp: Socket
  #buffer: Buffer = Buffer.alloc(0)
  #code = 1006

  private constructor(tcp: Socket) {
    this.#tcp = tcp
    this.closed = new Promise((resolve) => tcp.once('close', () => resolve(this.#code)))
  }

  /** Null where the upgrade is refused, of which `refused` gets the head, is not answered in time, or the connection fails. */
  static open(
    url: string,
    headers: Record<string, string>,
    refused: (head: string) => void = () => {},
  ): Promise<PlainSocket | null> {
    const { hostname, port, pathname, search, host } = new URL(url)
    const tcp = connect({ host: hostname, port: Number(port), noDelay: true })
    const socket = new PlainSocket(tcp)
    const all = {
      host,
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      ...headers,
    }
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
    tcp.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`)
    return new Promise((resolve) => {
      const fail = (): void => resolve(null)
      const patience = setTimeout(() => tcp.destroy(), PATIENCE_MS)
      tcp.on('error', fail)
      tcp.once('close', fail)
      const shake = (chunk: Buffer): void => {
        socket.#buffer = Buffer.concat([socket.#buffer, chunk])
        const end = socket.#buffer.indexOf('\r\n\r\n')
        if (end === -1) return
        if (!socket.#buffer.subarray(0, 12).includes('101')) {
          refused(socket.#buffer.subarray(0, end).toString())
          return void tcp.destroy()
        }
        clearTimeout(patience)
        const rest = socket.#buffer.subarray(end + 4)
        socket.#buffer = Buffer.alloc(0)
        tcp.off('data', shake)
        tcp.on('data', (data: Buffer) => socket.#take(data))
        resolve(socket)
        // Whoever waits for this must have set `hear` before it is called.
        if (rest.length > 0) setImmediate(() => socket.#take(rest))
      }
      tcp.on('data', shake)
    })
  }

  send(text: string): void {
    this.#write(0x1, Buffer.from(text))
  }

  close(): void {
    this.#write(0x8, Buffer.from([0x03, 0xe8]))
  }

  /** Breaks the connection as a network does. */
  cut(): void {
    this.#tcp.resetAndDestroy()
  }

  /** Takes nothing more. */
  freeze(): void {
    this.#tcp.pause()
  }

  thaw(): void {
    this.#tcp.resume()
  }

  #write(opcode: number, payload: Buffer): void {
    const { length } = payload
    const head = [0x80 | opcode]
    if (length < 126) head.push(0x80 | length)
    else if (length < 65_536) head.push(0x80 | 126, length >> 8, length & 255)
    else head.push(0x80 | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 255, (length >> 8) & 255, length & 255)
    // A mask of zeros leaves the payload as it is.
    this.#tcp.write(Buffer.concat([Buffer.from([...head, 0, 0, 0, 0]), payload]))
  }

  #take(chunk: Buffer): void {
    this.received += chunk.length
    if (this.received >= this.breakAfter) return this.cut()
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    for (let frame = this.#frame(); frame; frame = this.#frame()) {
      if (frame.opcode === 0x1) this.hear(frame.payload.toString())
      else if (frame.opcode === 0x8) {
        this.#code = frame.payload.length >= 2 ? frame.payload.readUInt16BE(0) : 1005
        this.#tcp.end()
      }
    }
  }

  /** The next whole frame. Servers send each message as one. */
  #frame(): { opcode: number; payload: Buffer } | null {
    const buffer = this.#buffer
    if (buffer.length < 2) return null
    const short = (buffer[1] ?? 0) & 127
    const at = short === 126 ? 4 : short === 127 ? 10 : 2
    if (buffer.length < at) return null
    const length = short === 126 ? buffer.readUInt16BE(2) : short === 127 ? Number(buffer.readBigUInt64BE(2)) : short
    if (buffer.length < at + length) return null
    this.#buffer = buffer.subarray(at + length)
    return { opcode: (buffer[0] ?? 0) & 15, payload: buffer.subarray(at, at + length) }
  }
}
