import { setTimeout as sleep } from 'node:timers/promises'
import { numberIn, type Room, textOf } from './room.ts'

/** How many of a group speak; the others listen. */
const SPEAKERS = 10
const HEARTBEAT_MS = 20_000
const SILENCE_MS = 60_000

/** Times of one message, in ms. */
export type Times = { toAcknowledgement: number; toLastDelivery: number }

/** Speaks in a room, and counts what arrives. */
export class Driver {
  readonly #room: Room
  readonly #heartbeat: NodeJS.Timeout | undefined
  #sent = 0
  #delivered = 0
  #deliveredBytes = 0
  #heardAt = Date.now()
  /** Called whenever something was delivered. */
  #onProgress = (): void => {}
  #onFrame: ((kind: 'delivery' | 'acknowledgement', frame: Buffer, from: number) => void) | null = null

  constructor(room: Room) {
    this.#room = room
    room.sockets.forEach((socket, place) => {
      socket.onFrame = (frame) => this.#count(frame, place)
      socket.onRest = () => this.#onProgress()
    })
    const { heartbeat } = room
    if (heartbeat === undefined) return
    this.#heartbeat = setInterval(() => {
      for (const socket of room.sockets) socket.send(heartbeat)
    }, HEARTBEAT_MS)
  }

  /** The size of what a member is sent for a message, on average, in bytes. */
  get bytesPerDelivery(): number {
    return this.#deliveredBytes / this.#delivered
  }

  /** Sends so many messages, with at most `window` under way: a message is under way until every member has it. */
  async hurry({ messages, window }: { messages: number; window: number }): Promise<void> {
    const size = this.#room.sockets.length
    const end = this.#sent + messages
    await this.#until(
      () => this.#delivered >= end * size,
      () => {
        while (this.#sent < end && this.#sent < this.#delivered / size + window) this.#send()
      },
    )
  }

  /** Sends so many messages at a steady pace, whatever the server does. */
  async stroll({ messages, perSecond }: { messages: number; perSecond: number }): Promise<Times[]> {
    const size = this.#room.sockets.length
    const [first, end] = [this.#sent, this.#sent + messages]
    const sentAt: number[] = []
    const heard = new Map<number, number>()
    const times: Times[] = Array.from({ length: messages }, () => ({ toAcknowledgement: 0, toLastDelivery: 0 }))
    this.#onFrame = (kind, frame, place) => {
      const n = kind === 'acknowledgement' ? this.#room.acknowledged?.(frame) : undefined
      const i = (n ?? numberIn(frame) ?? -1) - first
      const [at, time] = [sentAt[i], times[i]]
      if (at === undefined || time === undefined) return
      const ms = performance.now() - at
      const isToSender = place === this.#speaker(first + i)
      if (kind === 'acknowledgement' || (!this.#room.acknowledges && isToSender)) time.toAcknowledgement = ms
      if (kind === 'acknowledgement') return
      heard.set(i, (heard.get(i) ?? 0) + 1)
      if (heard.get(i) === size) time.toLastDelivery = ms
    }
    const startedAt = performance.now()
    for (let i = 0; i < messages; i += 1) {
      await sleep(Math.max(0, startedAt + (i * 1000) / perSecond - performance.now()))
      sentAt.push(performance.now())
      this.#send()
    }
    await this.#until(() => this.#delivered >= end * size && times.every((time) => time.toAcknowledgement > 0))
    this.#onFrame = null
    return times
  }

  async close(): Promise<void> {
    clearInterval(this.#heartbeat)
    await this.#room.close()
  }

  #speaker(n: number): number {
    return n % Math.min(this.#room.sockets.length, SPEAKERS)
  }

  #send(): void {
    const n = this.#sent
    const from = this.#speaker(n)
    this.#sent += 1
    this.#room.sockets[from]?.send(this.#room.encode({ n, from, text: textOf(n) }))
  }

  #count(frame: Buffer, place: number): void {
    const kind = this.#room.kindOf(frame)
    if (kind === null) return
    this.#heardAt = Date.now()
    if (kind === 'delivery') {
      this.#delivered += 1
      this.#deliveredBytes += frame.length
    }
    this.#onFrame?.(kind, frame, place)
  }

  async #until(isDone: () => boolean, go: () => void = () => {}): Promise<void> {
    this.#heardAt = Date.now()
    const watch = setInterval(() => this.#onProgress(), 1_000)
    try {
      await new Promise<void>((resolve, reject) => {
        this.#onProgress = () => {
          go()
          if (isDone()) resolve()
          else if (Date.now() - this.#heardAt > SILENCE_MS) {
            const { length } = this.#room.sockets
            const closed = this.#room.sockets.filter((socket) => socket.isClosed).length
            reject(
              new Error(
                `Of ${this.#sent} messages to ${length} members ${this.#delivered} were delivered, then none for a minute; ` +
                  `${closed} sockets are closed.`,
              ),
            )
          }
        }
        this.#onProgress()
      })
    } finally {
      clearInterval(watch)
      this.#onProgress = () => {}
    }
  }
}
