import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Stands between clients and a server and counts the bytes that pass, those of HTTP and of frames included, those of TCP not. */
export class ByteCounter {
  readonly url: string
  bytes = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, upstream: number) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('connection', (client) => {
      const target = connect({ host: '127.0.0.1', port: upstream, noDelay: true })
      this.#carry(client, target)
      this.#carry(target, client)
    })
  }

  static async listen(ports: { port: number; upstream: number }): Promise<ByteCounter> {
    const server = createServer({ noDelay: true }).listen(ports.port, '127.0.0.1')
    await once(server, 'listening')
    return new ByteCounter(server, ports.upstream)
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from)
    from.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length
      to.write(chunk)
    })
    from.on('error', () => to.destroy())
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }
}
