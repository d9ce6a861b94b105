import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { FrameTracker } from './frame-tracker.ts'

/** `up` is towards the server. */
export type Direction = 'up' | 'down'

/** Which connection, as a fraction of the list of those that are there; or the one that names itself. */
export type Pick = number | string

/** The header in which a client may name its connection. */
export const NAME_HEADER = 'x-chaos-device'

type Link = {
  name: string | null
  client: Socket
  server: Socket
  isSocket: boolean
  trackers: Record<Direction, FrameTracker>
  /** Cut it inside the next chunk of this direction, at this fraction. */
  cut: { direction: Direction; at: number; hit: (inside: boolean) => void } | null
  /** Send the next whole frames twice. */
  repeat: (() => void) | null
  delay: number
  /** Bytes of each direction go out in order, also where they are held back. */
  sending: Record<Direction, Promise<void>>
  stalled: Set<Direction>
  isSilent: boolean
  /** What is on its way still comes, and nothing after it. */
  isCut: boolean
}

/** Carries bytes between clients and server, and does to them what a bad network does, when it is told to. */
export class Proxy {
  readonly url: string
  readonly #upstream: number
  readonly #server: Server
  readonly #links = new Set<Link>()
  /** Whom to tell that a request was repeated, one each. */
  #repeats: (() => void)[] = []

  private constructor(server: Server, upstream: number) {
    this.#server = server
    this.#upstream = upstream
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (client) => this.#accept(client))
  }

  static async listen(ports: { upstream: number }): Promise<Proxy> {
    const server = createServer({ noDelay: true })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new Proxy(server, ports.upstream)
  }

  /** Cuts a WebSocket inside one of its next frames. `hit` is called when it happened; then both ends are gone. */
  cutFrame(pick: Pick, direction: Direction, options: { at: number; hit: () => void }): void {
    const link = this.#find(pick, true)
    if (link) link.cut = { direction, at: options.at, hit: (inside) => inside && options.hit() }
  }

  /** Cuts a request or its answer in the middle. */
  cutRequest(pick: Pick, direction: Direction, options: { at: number; hit: () => void }): void {
    const link = this.#find(pick, false)
    if (link) link.cut = { direction, at: options.at, hit: options.hit }
  }

  /** Sends what comes next by a WebSocket of ours twice, if it is whole frames. The documented APIs would rightly take it for two. */
  repeatFrame(pick: number, hit: () => void): void {
    const links = [...this.#links].filter((each) => each.isSocket && !each.isSilent && each.name !== null)
    const link = links[Math.floor(pick * links.length)]
    if (link) link.repeat = hit
  }

  /** Sends the next request that may be repeated twice. */
  repeatRequest(hit: () => void): void {
    this.#repeats.push(hit)
  }

  /** Takes nothing more from one side: what it sends piles up there. Answers a function that ends it, or null where nobody is there. */
  stall(pick: Pick, direction: Direction): (() => void) | null {
    const link = this.#find(pick, true)
    if (!link) return null
    const source = direction === 'up' ? link.client : link.server
    link.stalled.add(direction)
    source.pause()
    return () => {
      link.stalled.delete(direction)
      source.resume()
    }
  }

  /** Holds back what comes and goes by this many milliseconds. Answers as `stall` does. */
  delay(pick: Pick, ms: number): (() => void) | null {
    const link = this.#find(pick, true)
    if (!link) return null
    link.delay = ms
    return () => {
      link.delay = 0
    }
  }

  /** Carries nothing more and tells neither side: only silence shows it. The server's side is let go when the client gives up. */
  silence(pick: Pick): boolean {
    const link = this.#find(pick, true)
    if (link) link.isSilent = true
    return link !== undefined
  }

  /** Cuts every connection at once; answers how many sockets there were. */
  cutAll(): number {
    const links = [...this.#links]
    for (const link of links) this.#end(link)
    return links.filter((link) => link.isSocket).length
  }

  /** Carries everything at once again. */
  calm(): void {
    this.#repeats = []
    for (const link of this.#links) {
      link.delay = 0
      link.cut = null
      link.repeat = null
      link.stalled.clear()
      link.client.resume()
      link.server.resume()
      if (link.isSilent) this.#end(link)
    }
  }

  close(): void {
    this.#server.close()
    this.cutAll()
  }

  #find(pick: Pick, isSocket: boolean): Link | undefined {
    const links = [...this.#links].filter((link) => link.isSocket === isSocket && !link.isSilent)
    return typeof pick === 'string' ? links.find((link) => link.name === pick) : links[Math.floor(pick * links.length)]
  }

  #accept(client: Socket): void {
    const server = connect({ port: this.#upstream, host: '127.0.0.1', noDelay: true })
    const link: Link = {
      name: null,
      client,
      server,
      isSocket: false,
      trackers: { up: new FrameTracker(), down: new FrameTracker() },
      cut: null,
      repeat: null,
      delay: 0,
      sending: { up: IDLE, down: IDLE },
      stalled: new Set(),
      isSilent: false,
      isCut: false,
    }
    this.#links.add(link)
    client.on('data', (chunk: Buffer) => {
      // A connection that carried requests may become a WebSocket.
      if (!link.isSocket) link.name = nameIn(chunk)
      this.#carry(link, 'up', link.isSocket ? chunk : withoutCompression(chunk))
    })
    server.on('data', (chunk: Buffer) => this.#carry(link, 'down', chunk))
    for (const side of [client, server]) {
      side.on('error', () => this.#end(link))
      side.on('close', () => this.#end(link))
    }
  }

  #carry(link: Link, direction: Direction, chunk: Buffer): void {
    if (link.isSilent || link.isCut) return
    const upgraded = direction === 'down' && !link.isSocket ? endOfUpgrade(chunk) : null
    if (upgraded !== null) {
      link.isSocket = true
      link.trackers.down.take(chunk.subarray(upgraded))
    } else if (link.cut?.direction === direction) {
      return this.#cut(link, link.cut, chunk)
    } else if (link.isSocket) {
      const { [direction]: tracker } = link.trackers
      const isAtStart = !tracker.isInside
      tracker.take(chunk)
      if (direction === 'up' && isAtStart && !tracker.isInside && link.repeat) {
        link.repeat()
        link.repeat = null
        this.#send(link, direction, chunk)
      }
    } else if (direction === 'up' && this.#repeats.length > 0 && isRepeatable(chunk)) {
      this.#repeats.shift()?.()
      this.#sendApart(chunk)
    }
    this.#send(link, direction, chunk)
  }

  /** By a connection of its own. Nobody hears the answer. */
  #sendApart(request: Buffer): void {
    const other = connect({ port: this.#upstream, host: '127.0.0.1', noDelay: true })
    const end = (): void => void other.destroy()
    other.on('error', end)
    other.once('data', end)
    other.setTimeout(5_000, end)
    other.write(request)
  }

  #cut(link: Link, cut: NonNullable<Link['cut']>, chunk: Buffer): void {
    const kept = chunk.subarray(0, Math.max(1, Math.floor(cut.at * chunk.length)))
    link.trackers[cut.direction].take(kept)
    cut.hit(link.trackers[cut.direction].isInside)
    link.cut = null
    const target = cut.direction === 'up' ? link.server : link.client
    link.isCut = true
    // What was cut off must not come, but what came before must, also where it is held back.
    void link.sending[cut.direction].then(() => target.write(kept, () => this.#end(link)))
  }

  #send(link: Link, direction: Direction, chunk: Buffer): void {
    const [source, target] = direction === 'up' ? [link.client, link.server] : [link.server, link.client]
    const write = (): void => {
      if (link.isSilent || target.destroyed || target.write(chunk)) return
      source.pause()
      target.once('drain', () => {
        if (!link.stalled.has(direction)) source.resume()
      })
    }
    if (link.delay === 0 && link.sending[direction] === IDLE) return write()
    const ready = link.delay === 0 ? IDLE : new Promise<void>((resolve) => setTimeout(resolve, link.delay))
    const sent = link.sending[direction].then(() => ready).then(write)
    link.sending[direction] = sent
    void sent.then(() => {
      if (link.sending[direction] === sent) link.sending[direction] = IDLE
    })
  }

  #end(link: Link): void {
    if (!this.#links.delete(link)) return
    // A reset, not a farewell: that is how networks fail.
    link.client.resetAndDestroy()
    link.server.resetAndDestroy()
  }
}

const IDLE = Promise.resolve()

const nameIn = (head: Buffer): string | null =>
  new RegExp(`^${NAME_HEADER}: *(\\S+)\\r$`, 'im').exec(head.toString('latin1'))?.[1] ?? null

/** Where the frames begin, if this is the answer that opens a WebSocket; else null. */
const endOfUpgrade = (chunk: Buffer): number | null => {
  if (chunk.subarray(0, 12).toString('latin1') !== 'HTTP/1.1 101') return null
  const end = chunk.indexOf('\r\n\r\n')
  return end === -1 ? null : end + 4
}

/** The server refuses compression; what wrangler puts in front of it locally would agree to it, and spend the time of the processor. */
const withoutCompression = (head: Buffer): Buffer =>
  head.includes('permessage-deflate')
    ? Buffer.from(head.toString('latin1').replace(/^sec-websocket-extensions:.*\r\n/im, ''), 'latin1')
    : head

/** A whole request that means the same when it comes twice. One of the documented APIs makes two messages of it, rightly. */
const isRepeatable = (chunk: Buffer): boolean => {
  const end = chunk.indexOf('\r\n\r\n')
  const head = chunk.subarray(0, Math.max(0, end)).toString('latin1')
  if (!/^(?:POST|DELETE) \/v1\/(?:auth\/(?:ticket|refresh|sessions)|conversations(?: |\/\d+\/messages))/.test(head))
    return false
  const length = /^content-length: *(\d+)$/im.exec(head)?.[1] ?? '0'
  return chunk.length === end + 4 + Number(length)
}
