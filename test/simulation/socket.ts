import type { ServerEvent } from '../../src/protocol/events.ts'

/** A client's end: it keeps what it is told. */
export class SimulatedSocket {
  readonly told: ServerEvent[] = []
  attachment: unknown = null
  isOpen = true

  hear(text: string): void {
    const said = JSON.parse(text) as ServerEvent | ServerEvent[]
    this.told.push(...(Array.isArray(said) ? said : [said]))
  }
}

/** The end that one life of a hub holds. What a dead life says goes nowhere. */
export class ServerEnd {
  readonly bufferedAmount = 0
  readonly #socket: SimulatedSocket
  #isDead: () => boolean = () => false

  constructor(socket: SimulatedSocket) {
    this.#socket = socket
  }

  /** Answers whose end it is. */
  accept(isDead: () => boolean): SimulatedSocket {
    this.#isDead = isDead
    return this.#socket
  }

  get readyState(): number {
    return this.#socket.isOpen ? WebSocket.OPEN : WebSocket.CLOSED
  }

  send(text: string): void {
    if (!this.#isDead()) this.#socket.hear(text)
  }

  close(): void {
    if (!this.#isDead()) this.#socket.isOpen = false
  }

  serializeAttachment(value: unknown): void {
    if (!this.#isDead()) this.#socket.attachment = structuredClone(value)
  }

  deserializeAttachment(): unknown {
    return structuredClone(this.#socket.attachment)
  }
}
