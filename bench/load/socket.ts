import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { frameOf, NORMAL_CLOSURE, OPCODES, readFrame, retryAfterMsIn, upgradeRequest } from '../../harness/websocket.ts'

const HANDSHAKE_TIMEOUT_MS = 30_000

type Listener = (frame: Buffer) => void

/** An upgrade that was refused, and how long to wait before another, if the answer said so. */
export class RefusedUpgrade extends Error {
  override readonly name = 'RefusedUpgrade'
  readonly retryAfterMs: number

  constructor(message: string, head: string) {
    super(message)
    this.retryAfterMs = retryAfterMsIn(head)
  }
}

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
    const { hostname, port, pathname, search, host } = new URL(url)
    const tcp = connect({ host: hostname, port: Number(port), noDelay: true })
    const socket = new LoadSocket(tcp)
    await once(tcp, 'connect')
    tcp.write(upgradeRequest(pathname + search, { host, ...headers }))
    const answered = new Promise<void>((resolve, reject) => {
      let head = Buffer.alloc(0)
      const read = (chunk: Buffer): void => {
        head = Buffer.concat([head, chunk])
        const end = head.indexOf('\r\n\r\n')
        if (end < 0) return
        tcp.off('data', read)
        const said = head.toString('latin1', 0, end)
        const [status = ''] = said.split('\r\n')
        if (!status.includes(' 101')) return reject(new RefusedUpgrade(`${pathname} was answered ${status}`, said))
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
    if ((await Promise.race([answered, late])) === 'late') {
      tcp.destroy()
      throw new Error(`${pathname} was not answered`)
    }
    // An end of the server's own is seen by what no longer arrives.
    tcp.on('error', () => {})
    return socket
  }

  get isClosed(): boolean {
    return this.#tcp.destroyed
  }

  send(text: string): void {
    this.#write(OPCODES.text, text)
  }

  /** Cuts the connection. */
  cut(): void {
    this.#tcp.destroy()
  }

  /** Says goodbye and waits for the answer a little. */
  async close(): Promise<void> {
    if (this.#tcp.destroyed) return
    const closed = once(this.#tcp, 'close')
    this.#write(OPCODES.close, NORMAL_CLOSURE)
    await Promise.race([closed, sleep(500)])
    this.#tcp.destroy()
  }

  #write(opcode: number, payload: string | Buffer): void {
    this.#tcp.write(frameOf(payload, { opcode, mask: 'zeros' }))
  }

  #read(chunk: Buffer): void {
    const data = this.#rest === null ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (let frame = readFrame(data, at); frame; frame = readFrame(data, at)) {
      const { opcode, payload } = frame
      at = frame.end
      if (opcode === OPCODES.text) {
        this.received += payload.length
        for (const event of this.split(payload)) this.onFrame(event)
      } else if (opcode === OPCODES.ping) this.#write(OPCODES.pong, payload)
      else if (opcode === OPCODES.close) this.#tcp.destroy()
    }
    this.#rest = at === data.length ? null : data.subarray(at)
    this.onRest()
  }
}
