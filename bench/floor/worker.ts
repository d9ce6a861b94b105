import { DurableObject } from 'cloudflare:workers'

type Sent = { clientId: string; text: string; senderId: number }

/** What the runtime itself can do: one object with all sockets, one insert for a message, one send for a socket. */
export class Floor extends DurableObject {
  #seq: number

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair('ping', 'pong'))
    const { sql } = ctx.storage
    sql.exec('CREATE TABLE IF NOT EXISTS messages (seq INTEGER PRIMARY KEY, sender INTEGER, body TEXT)')
    this.#seq = Number(sql.exec('SELECT COALESCE(MAX(seq), 0) AS seq FROM messages').one()['seq'])
  }

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    return new Response(null, { status: 101, webSocket: client })
  }

  override webSocketMessage(_: WebSocket, data: string): void {
    const { clientId, text, senderId } = JSON.parse(data) as Sent
    this.#seq += 1
    this.ctx.storage.sql.exec('INSERT INTO messages VALUES (?, ?, ?)', this.#seq, senderId, text)
    // Padded to the size of the event that is compared with it.
    const event = JSON.stringify({ type: 'message', seq: this.#seq, clientId, senderId, text, padding: PADDING })
    for (const socket of this.ctx.getWebSockets()) socket.send(event)
  }
}

const PADDING = ' '.repeat(240)

type Env = { FLOOR: DurableObjectNamespace<Floor> }

export default {
  fetch: (request, env) => env.FLOOR.getByName(new URL(request.url).pathname).fetch(request),
} satisfies ExportedHandler<Env>
