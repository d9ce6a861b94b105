import { exports } from 'cloudflare:workers'
import type { Reply as ReplyFrame, ServerFrame } from '../../src/protocol/events.ts'
import type { Ticket } from '../../src/protocol/auth.ts'
import { complaintOfFrame, socketsAt } from './contract.ts'
import { ask } from './rest.ts'

type Frame = Record<string, unknown> & { type: string }

/** What was heard and is not in the contract. */
const complaints: string[] = []

export const takeComplaints = (): string[] => complaints.splice(0)

/** A socket without the SDK: every frame as it came, held against the contract, and nothing done by itself. */
export class RawSocket {
  readonly frames: Frame[] = []
  closed: { code: number; reason: string } | null = null
  pongs = 0
  /** How many events each of them held as it came: what is told at one moment comes as one. */
  readonly sizes: number[] = []
  readonly #ws: WebSocket
  readonly #waiting = new Set<() => boolean>()
  /** What was said under each id. */
  readonly #said = new Map<unknown, string>()
  #nextId = 1

  private constructor(ws: WebSocket, path: string) {
    this.#ws = ws
    const at = socketsAt(path)
    ws.addEventListener('message', ({ data }) => {
      if (data === 'pong') this.pongs += 1
      else {
        const events = ([JSON.parse(String(data))] as (Frame | Frame[])[]).flat()
        for (const event of events) {
          const complaint = complaintOfFrame(at, event, this.#said.get(event['id']))
          if (complaint !== null) complaints.push(`${complaint} ${JSON.stringify(event)}`)
        }
        this.frames.push(...events)
        this.sizes.push(events.length)
      }
      this.#look()
    })
    ws.addEventListener('close', ({ code, reason }) => {
      this.closed = { code, reason }
      this.#look()
    })
    ws.accept()
  }

  /** Opens a socket with these headers and query, the native one unless `path` says otherwise. */
  static async open(
    options: { path?: string; headers?: Record<string, string>; query?: string } = {},
  ): Promise<RawSocket> {
    const { path = '/v1/socket', headers, query = '' } = options
    const response = await exports.default.fetch(
      new Request(`https://causerie.test${path}${query}`, { headers: { upgrade: 'websocket', ...headers } }),
    )
    if (!response.webSocket) throw new Error(`no socket: ${response.status}`)
    return new RawSocket(response.webSocket, path)
  }

  /** Opens a socket with a ticket, as a browser would. */
  static async connect(accessToken: string, have = ''): Promise<RawSocket> {
    const { body } = await ask<Ticket>('POST', '/v1/auth/ticket', { token: accessToken })
    return RawSocket.open({
      headers: { 'sec-websocket-protocol': `causerie.v1, ticket.${body.ticket}` },
      query: have && `?have=${have}`,
    })
  }

  /** Opens a socket with a ticket and waits until it is greeted. */
  static async arrive(who: { accessToken: string }, have = ''): Promise<RawSocket> {
    const socket = await RawSocket.connect(who.accessToken, have)
    await socket.waitForType('hello')
    return socket
  }

  sendRaw(data: string | ArrayBuffer): void {
    const { id, type } = asFrame(data)
    if (typeof type === 'string') this.#said.set(id, type)
    this.#ws.send(data)
  }

  /** Sends a frame as it is and waits for the next reply, whatever its id. */
  async exchange(data: string | ArrayBuffer): Promise<ReplyFrame> {
    const seen = new Set(this.frames)
    this.sendRaw(data)
    return (await this.waitFor((frame) => frame.type === 'reply' && !seen.has(frame))) as unknown as ReplyFrame
  }

  close(): void {
    this.#ws.close(1000, 'done')
  }

  /** Sends a command and waits for its reply. */
  async request<Result>(command: { type: string; [field: string]: unknown }): Promise<Result> {
    const reply = await this.reply(command)
    if (!reply.ok) throw new Error(`${reply.error.code}: ${JSON.stringify(reply.error.issues)}`)
    return reply.result as Result
  }

  /** Sends a command and answers the code of its refusal, or null where it was taken. */
  async refusal(command: { type: string; [field: string]: unknown }): Promise<string | null> {
    const reply = await this.reply(command)
    return reply.ok ? null : reply.error.code
  }

  async reply(command: { type: string; [field: string]: unknown }): Promise<ReplyFrame> {
    // As no test writes it by hand, and no fuzzer by chance.
    const id = `raw socket ${this.#nextId++}`
    this.sendRaw(JSON.stringify({ id, ...command }))
    return (await this.waitFor((frame) => frame.type === 'reply' && frame['id'] === id)) as unknown as ReplyFrame
  }

  /** The first frame, of those seen and those to come, that fits. */
  async waitFor(fits: (frame: Frame) => boolean): Promise<Frame> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('no such frame came')), 45_000)
      const look = (): boolean => {
        const found = this.frames.find(fits)
        if (!found && !this.closed) return false
        clearTimeout(timer)
        if (found) resolve(found)
        else reject(new Error(`closed with ${this.closed?.code} while waiting`))
        return true
      }
      if (!look()) this.#waiting.add(look)
    })
  }

  #look(): void {
    for (const look of this.#waiting) if (look()) this.#waiting.delete(look)
  }

  waitForType(type: ServerFrame['type']): Promise<Frame> {
    return this.waitFor((frame) => frame.type === type)
  }

  of(type: ServerFrame['type']): Frame[] {
    return this.frames.filter((frame) => frame.type === type)
  }
}

const asFrame = (data: string | ArrayBuffer): { id?: unknown; type?: unknown } => {
  try {
    return Object(JSON.parse(typeof data === 'string' ? data : new TextDecoder().decode(data)))
  } catch {
    return {}
  }
}
