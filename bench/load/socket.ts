import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const TEXT = 1
const CLOSE = 8
const PING = 9
const PONG = 10
const HANDSHAKE_TIMEOUT_MS = 30_000

type Listener = (frame: Buffer) => void

/**
 * The least of a WebSocket client: text frames, whole ones, given as they lie in the buffer. A load of a hundred thousand frames a second must
 * not take the processor from the server that is measured.
 */
export class LoadSocket {
  /** Called with each text frame; the buffer is good during the call only. */
  onFrame: Listener = () => {}
  /** The events of a frame that holds several. */
  split: (frame: Buffer) => Buffer[] = (frame) => [frame]
  /** Called when all frames of a chunk from the network were told. */
  onRest: () => void = () => {}
  /** Bytes of payload that came in. */
  received = 0
  readonly #tcp: Socket
  #rest: Buffer | null = null

  private constructor(tcp: Socket) {
    this.#tcp = tcp
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<LoadSocket> {
    const { hostname, port, pathname, search } = new URL(url)
    const tcp = connect({ host: hostname, port: Number(port), noDelay: true })
    const socket = new LoadSocket(tcp)
    const lines = Object.entries({
      host: `${hostname}:${port}`,
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-version': '13',
      'sec-websocket-key': randomBytes(16).toString('base64'),
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`)
    await once(tcp, 'connect')
    tcp.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`)
    const answered = new Promise<void>((resolve, reject) => {
      let head = Buffer.alloc(0)
      const read = (chunk: Buffer): void => {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        tcp.off('data', read)
        const status = head.toString('latin1', 0, head.indexOf('\r\n'))
        if (!status.includes(' 101')) return reject(new Error(`${pathname} was answered ${status}`))
        tcp.on('data', (next: Buffer) => socket.#read(next))
        // After the caller has had its turn to listen.
        const early = head.subarray(end + 4)
        if (early.length > 0) setImmediate(() => socket.#read(early))
        resolve()
      }
      tcp.on('data', read)
      tcp.once('error', reject)
      tcp.once('close', () => reject(new Error(`${pathname} was closed`)))
    })
    const late = sleep(HANDSHAKE_TIMEOUT_MS, 'late', { ref: false })
    if ((await Promise.race([answered, late])) === 'late') throw new Error(`${pathname} was not answered`)
    // An end of the server's own is seen by what no longer arrives.
    tcp.on('error', () => {})
    return socket
  }

  get isClosed(): boolean {
    return this.#tcp.destroyed
  }

  send(text: string): void {
    this.#write(TEXT, Buffer.from(text))
  }

  /** Cuts the connection. */
  cut(): void {
    this.#tcp.destroy()
  }

  /** Says goodbye and waits for the answer a little. */
  async close(): Promise<void> {
    if (this.#tcp.destroyed) return
    const closed = once(this.#tcp, 'close')
    this.#write(CLOSE, Buffer.from([0x03, 0xe8]))
    await Promise.race([closed, sleep(500)])
    this.#tcp.destroy()
  }

  #write(code: number, payload: Buffer): void {
    const { length } = payload
    const extra = length < 126 ? 0 : length < 65_536 ? 2 : 8
    const frame = Buffer.allocUnsafe(6 + extra + length)
    frame[0] = 0x80 | code
    frame[1] = 0x80 | (extra === 0 ? length : extra === 2 ? 126 : 127)
    if (extra === 2) frame.writeUInt16BE(length, 2)
    if (extra === 8) frame.writeBigUInt64BE(BigInt(length), 2)
    // A mask of zeros leaves the payload as it is; to the server it is one like any other.
    frame.writeUInt32BE(0, 2 + extra)
    payload.copy(frame, 6 + extra)
    this.#tcp.write(frame)
  }

  #read(chunk: Buffer): void {
    const data = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (;;) {
      if (data.length - at < 2) break
      const code = data[at]! & 0x0f
      const short = data[at + 1]! & 0x7f
      const head = short < 126 ? 2 : short === 126 ? 4 : 10
      if (data.length - at < head) break
      const length =
        short < 126 ? short : short === 126 ? data.readUInt16BE(at + 2) : Number(data.readBigUInt64BE(at + 2))
      if (data.length - at < head + length) break
      const payload = data.subarray(at + head, at + head + length)
      at += head + length
      if (code === TEXT) {
        this.received += length
        for (const event of this.split(payload)) this.onFrame(event)
      } else if (code === PING) this.#write(PONG, payload)
      else if (code === CLOSE) this.#tcp.destroy()
    }
    this.#rest = at === data.length ? null : data.subarray(at)
    this.onRest()
  }
}
