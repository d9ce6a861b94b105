import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a request came to. `failed` says why there is no answer. */
export type Answer = {
  status: number
  headers: Record<string, string | string[] | undefined>
  text: string
  ms: number
  failed: string | null
}

export type Asked = {
  method: string
  url: string
  headers?: Record<string, string>
  body?: string | Uint8Array | null
}

/** Requests and sockets to one server, as they are: nothing is tidied up, and nothing is tried again. */
export class Client {
  readonly base: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 })
  readonly #timeoutMs: number

  constructor(base: string, timeoutMs: number) {
    this.base = base
    this.#timeoutMs = timeoutMs
  }

  get port(): number {
    return Number(new URL(this.base).port)
  }

  ask({ method, url, headers = {}, body = null }: Asked): Promise<Answer> {
    let from = performance.now()
    const bytes = body === null ? null : Buffer.from(body)
    const failure = (failed: string): Answer => ({
      status: 0,
      headers: {},
      text: '',
      ms: performance.now() - from,
      failed,
    })
    return new Promise((resolve) => {
      const outgoing = request(
        this.base + '/',
        {
          method,
          path: url,
          agent: this.#agent,
          timeout: this.#timeoutMs,
          headers: {
            // Sign-ins are limited per network, and everybody here is on one.
            'cf-connecting-ip': someAddress(),
            ...headers,
            ...(bytes && { 'content-length': String(bytes.byteLength) }),
          },
        },
        (incoming) => {
          const chunks: Buffer[] = []
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
          incoming.on('error', (error) => resolve(failure(error.message)))
          incoming.on('end', () =>
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text: Buffer.concat(chunks).toString(),
              ms: performance.now() - from,
              failed: null,
            }),
          )
        },
      )
      // Until then it waits for others of ours.
      outgoing.on('socket', () => (from = performance.now()))
      outgoing.on('upgrade', (incoming, socket) => {
        socket.destroy()
        resolve({ ...failure(''), status: incoming.statusCode ?? 101, failed: null })
      })
      outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in time')))
      outgoing.on('error', (error) => resolve(failure(error.message)))
      outgoing.end(bytes ?? undefined)
    })
  }

  /** A call that must succeed, with its answer. */
  async must<Body>(method: string, url: string, options: { token?: string; json?: unknown } = {}): Promise<Body> {
    const answer = await this.try<Body>(method, url, options)
    if (answer.body === null) throw new Error(`${method} ${url} came to ${answer.status} ${answer.text.slice(0, 300)}`)
    return answer.body
  }

  /** A call that may be refused: its `body` is then null. */
  async try<Body>(
    method: string,
    url: string,
    { token, json }: { token?: string; json?: unknown } = {},
  ): Promise<{ status: number; text: string; body: Body | null }> {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(json !== undefined && { 'content-type': 'application/json' }),
    }
    const body = json === undefined ? null : JSON.stringify(json)
    const { status, text, failed } = await this.ask({ method, url, headers, body })
    const isGood = failed === null && status < 300
    return { status, text: failed ?? text, body: isGood ? ((text === '' ? {} : JSON.parse(text)) as Body) : null }
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** The platform's WebSocket, with what Node adds to it. */
const NodeWebSocket = WebSocket as unknown as new (
  url: string,
  options: { protocols: string[]; headers: Record<string, string> },
) => WebSocket

/** A socket that keeps what it hears until somebody asks. */
export class Listener {
  readonly heard: string[] = []
  closed: { code: number; reason: string } | null = null
  readonly #ws: WebSocket

  private constructor(ws: WebSocket) {
    this.#ws = ws
    ws.addEventListener('message', ({ data }) => this.heard.push(String(data)))
    ws.addEventListener('close', ({ code, reason }) => (this.closed ??= { code, reason }))
  }

  static async open(base: string, path: string, token?: string): Promise<Listener> {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const ws = new NodeWebSocket(base.replace('http', 'ws') + path, { protocols: [], headers })
    const listener = new Listener(ws)
    await new Promise<void>((resolve, reject) => {
      ws.addEventListener('open', () => resolve())
      ws.addEventListener('error', () => reject(new Error(`no socket at ${path.slice(0, 20)}`)))
    })
    return listener
  }

  say(data: string | Uint8Array): void {
    this.#ws.send(typeof data === 'string' ? data : new Uint8Array(data))
  }

  close(): void {
    this.#ws.close(1000)
  }

  /** Waits until this holds, or the time is up; answers whether it does. */
  async until(holds: () => boolean, timeoutMs: number): Promise<boolean> {
    for (const end = performance.now() + timeoutMs; !holds(); await sleep(2)) if (performance.now() > end) return false
    return true
  }
}

const someAddress = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(4)), (part) => (part % 223) + 1).join('.')
