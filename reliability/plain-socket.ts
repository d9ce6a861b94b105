import { connect, type Socket } from 'node:net'
import { closeCodeOf, frameOf, NORMAL_CLOSURE, OPCODES, readFrame, upgradeRequest } from '../harness/websocket.ts'

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
    tcp.write(upgradeRequest(pathname + search, { host, ...headers }))
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
    this.#tcp.write(frameOf(text, { mask: 'zeros' }))
  }

  close(): void {
    this.#tcp.write(frameOf(NORMAL_CLOSURE, { opcode: OPCODES.close, mask: 'zeros' }))
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

  #take(chunk: Buffer): void {
    this.received += chunk.length
    if (this.received >= this.breakAfter) return this.cut()
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    let at = 0
    // Servers send each message as one frame.
    for (let frame = readFrame(this.#buffer, at); frame; frame = readFrame(this.#buffer, at)) {
      at = frame.end
      if (frame.opcode === OPCODES.text) this.hear(frame.payload.toString())
      else if (frame.opcode === OPCODES.close) {
        this.#code = closeCodeOf(frame.payload)
        this.#tcp.end()
      }
    }
    this.#buffer = this.#buffer.subarray(at)
  }
}
