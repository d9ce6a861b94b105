import { setTimeout as sleep } from 'node:timers/promises'
import { Copy } from './copy.ts'
import type { Device, Outcome, Said } from './device.ts'
import type { History } from './history.ts'
import { type Person, renew, signIn } from './person.ts'
import { NAME_HEADER } from './proxy.ts'
import { ask, isVague } from '../harness/rest.ts'
import {
  clientIdOf,
  isRevised,
  textOf,
  type Session,
  type WireEntry,
  type WireEvent,
  type WireFrame,
  type WireMessage,
  type WireResult,
} from './wire.ts'

const HELLO_TIMEOUT_MS = 15_000
const REPLY_TIMEOUT_MS = 20_000
const PING_EVERY_MS = 4_000
const PAUSE_MS = 150

type Incoming = WireFrame | WireEvent
type Reply = { ok: true; result: WireResult } | { ok: false; code: string } | { ok: null }

/** The platform's WebSocket, with what Node adds to it. */
const NodeWebSocket = WebSocket as unknown as new (
  url: string,
  options: { protocols: string[]; headers: Record<string, string> },
) => WebSocket

/** A client that knows the protocol and nothing of the project: it keeps a copy of every conversation of its user. */
export class RawDevice implements Device {
  readonly name: string
  readonly retriesItself = false
  readonly #base: string
  readonly #person: Person
  readonly #history: History
  readonly #copies = new Map<number, Copy>()
  readonly #waiting = new Map<number, (reply: Reply) => void>()
  readonly #wakers = new Set<() => void>()
  /** None at first: being refused a ticket, it signs in. */
  #session: Session = { id: '', accessToken: '', refreshToken: '' }
  #socket: { ws: WebSocket; number: number } | null = null
  #isStopped = false
  #lastFrame = 0
  #heardAt = 0
  /** How its sockets were closed, by code. */
  readonly closed = new Map<number, number>()

  constructor(options: { name: string; base: string; person: Person; history: History }) {
    this.name = options.name
    this.#base = options.base
    this.#person = options.person
    this.#history = options.history
    void this.#live()
  }

  get userId(): number {
    return this.#person.id
  }

  get session(): string {
    return this.#session.id
  }

  get token(): string {
    return this.#session.accessToken
  }

  conversations(): number[] {
    return [...this.#copies.keys()]
  }

  head(conversation: number): number {
    return this.#copies.get(conversation)?.messages.size ?? 0
  }

  revOf(conversation: number): number | null {
    return this.#copies.get(conversation)?.rev ?? null
  }

  online(): Promise<void> {
    if (this.#socket || this.#isStopped) return Promise.resolve()
    return new Promise((resolve) => this.#wakers.add(resolve))
  }

  stop(): void {
    this.#isStopped = true
    this.#socket?.ws.close(1000)
    this.#wake()
  }

  async perform(doing: Said): Promise<Outcome> {
    const socket = this.#socket
    if (!socket) return { ok: null }
    const op = this.#invoke(doing, `socket ${socket.number}`)
    return this.#note(op, await this.#request(frameOf(doing)))
  }

  /** The same by REST. */
  async performByRest(
    doing: Extract<Said, { do: 'send' }>,
    by: { id: string; token: string } = { id: this.session, token: this.token },
  ): Promise<Outcome> {
    const op = this.#invoke(doing, null, by.id)
    const path = `/v1/conversations/${doing.c}/messages`
    const json = { clientId: doing.clientId, content: { kind: 'text', text: doing.text } }
    const answer = await ask<WireMessage>(this.#base, { method: 'POST', path, token: by.token, json })
    if (answer.status === null) return this.#note(op, { ok: null })
    if (answer.ok) {
      return this.#note(op, { ok: true, result: { message: answer.body, repeated: answer.status === 200 } })
    }
    if (answer.status === 500) this.#history.write({ e: 'crash', what: `500 to ${doing.do}` })
    return this.#note(op, { ok: false, code: answer.code })
  }

  /** Asks for far more than it will read: together with a stalled connection this is a reader that does not read. */
  gorge(times: number): void {
    const [conversationId] = [...this.#copies].toSorted(([, a], [, b]) => b.messages.size - a.messages.size)[0] ?? []
    if (conversationId === undefined) return
    for (let i = 0; i < times; i += 1) void this.#request({ type: 'changes.get', conversationId, since: 0, limit: 100 })
  }

  tellCopies(): void {
    const { userId: who, name: device } = this
    this.#history.write({ e: 'live', who, device })
    for (const [c, { epoch, rev, messages }] of this.#copies) {
      const held = [...messages.values()].toSorted((a, b) => a.seq - b.seq)
      this.#history.write({ e: 'copy', who, device, c, epoch, rev, from: 1, messages: held, unread: null })
    }
  }

  #invoke(doing: Said, lane: string | null, session = this.session): number {
    const op = this.#history.newOp()
    const { userId: who, name: device } = this
    this.#history.write({ e: 'invoke', op, who, device, session, lane, ...doing })
    return op
  }

  #note(op: number, reply: Reply): Outcome {
    if (reply.ok === true) {
      const { message, repeated, seq } = reply.result
      this.#history.write({
        e: 'ok',
        op,
        ...(message ? { id: message.id, seq: message.seq, rev: message.rev } : seq === undefined ? {} : { seq }),
        ...(repeated === undefined ? {} : { repeated }),
      })
      return { ok: true, id: message?.id ?? 0, seq: message?.seq ?? seq ?? 0 }
    }
    if (reply.ok === null || isVague(reply.code)) {
      this.#history.write({ e: 'unknown', op, why: reply.ok === null ? 'no answer' : reply.code })
      if (reply.ok === false && reply.code === 'server.fault') this.#history.write({ e: 'crash', what: reply.code })
      return { ok: null }
    }
    this.#history.write({ e: 'fail', op, code: reply.code })
    return reply
  }

  async #live(): Promise<void> {
    while (!this.#isStopped) {
      await this.#connect().catch(() => {})
      // A crowd that lost its server comes back scattered.
      await sleep(PAUSE_MS * (0.5 + Math.random()))
    }
  }

  async #connect(): Promise<void> {
    const ticket = await this.#ticket()
    if (ticket === null || this.#isStopped) return
    const have = [...this.#copies].map(([id, { rev, readSeq, epoch }]) =>
      [...[id, rev, readSeq].map((n) => n.toString(36)), epoch.slice(0, 8)].join('.'),
    )
    const ws = new NodeWebSocket(`${this.#base.replace('http', 'ws')}/v1/socket?have=${have.join('_')}`, {
      protocols: ['causerie.v1', `ticket.${ticket}`],
      headers: { [NAME_HEADER]: this.name },
    })
    const number = this.#history.newSocket()
    this.#history.write({ e: 'open', socket: number, who: this.userId, device: this.name, session: this.session })
    this.#heardAt = Date.now()
    const giveUp = setTimeout(() => ws.close(), HELLO_TIMEOUT_MS)
    const heartbeat = setInterval(() => this.#beat(ws), PING_EVERY_MS)
    const code = await new Promise<number>((resolve) => {
      const finish = (how: number): void => {
        // A close of our own can take long to be heard on a connection that is dead.
        this.#lose(ws)
        resolve(how)
      }
      ws.addEventListener('message', ({ data }) => {
        this.#heardAt = Date.now()
        const frames = data === 'pong' ? [] : [JSON.parse(String(data)) as Incoming | Incoming[]].flat()
        for (const frame of frames) this.#receive(frame, { ws, number })
        if (this.#socket?.ws === ws) clearTimeout(giveUp)
      })
      ws.addEventListener('close', (event) => finish(event.code))
      ws.addEventListener('error', () => finish(1006))
      this.#abandon = () => finish(0)
    })
    clearTimeout(giveUp)
    clearInterval(heartbeat)
    this.#history.write({ e: 'close', socket: number, code })
    this.closed.set(code, (this.closed.get(code) ?? 0) + 1)
  }

  #abandon: () => void = () => {}

  #beat(ws: WebSocket): void {
    if (Date.now() - this.#heardAt > 2 * PING_EVERY_MS) {
      ws.close()
      this.#abandon()
    } else if (ws.readyState === WebSocket.OPEN) ws.send('ping')
  }

  #lose(ws: WebSocket): void {
    if (this.#socket?.ws === ws) this.#socket = null
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const resolve of waiting) resolve({ ok: null })
    for (const copy of this.#copies.values()) copy.forgetEarly()
  }

  async #ticket(): Promise<string | null> {
    const { accessToken: token } = this.#session
    const answer = await ask<{ ticket: string }>(this.#base, { method: 'POST', path: '/v1/auth/ticket', token })
    if (answer.status === null) return null
    if (answer.ok) return answer.body.ticket
    if (answer.status === 401) {
      const renewed = answer.code === 'token.expired' ? await renew(this.#base, this.#person, this.#session) : null
      this.#session = renewed ?? (await signIn(this.#base, this.#person))
    }
    return null
  }

  #receive(frame: Incoming, from: { ws: WebSocket; number: number }): void {
    if (isRevised(frame)) return this.#hear(frame, from.number)
    switch (frame.type) {
      case 'hello':
        for (const id of frame.gone) this.#copies.delete(id)
        this.#socket = from
        for (const entry of frame.conversations) this.#see(entry)
        this.#wake()
        break
      case 'conversation.created':
        this.#history.write({ e: 'begin', socket: from.number, c: frame.entry.conversation.id })
        this.#see(frame.entry)
        break
      case 'conversation.head':
        this.#see(frame.entry)
        break
      case 'conversation.deleted':
        this.#history.write({ e: 'begin', socket: from.number, c: frame.conversationId })
        this.#copies.delete(frame.conversationId)
        break
      case 'reply':
        this.#waiting.get(frame.id)?.(frame.ok ? frame : { ok: false, code: frame.error.code })
        this.#waiting.delete(frame.id)
        break
    }
  }

  #hear(event: WireEvent, socket: number): void {
    const { conversationId: c, rev, type: what, message, member } = event
    const seen = message && {
      seq: message.seq,
      id: message.id,
      sender: message.senderId,
      clientId: clientIdOf(message),
      text: textOf(message),
    }
    this.#history.write({
      e: 'got',
      socket,
      c,
      rev,
      what,
      ...(seen ? { message: seen } : {}),
      ...(member ? { member: { userId: member.userId, left: member.leftAt !== null } } : {}),
    })
    const copy = this.#copies.get(c)
    if (!copy) return
    if (what === 'read.changed' && event.userId === this.userId) copy.readSeq = Math.max(copy.readSeq, event.seq ?? 0)
    if (copy.apply(event)) void this.#pull(c, copy)
  }

  #see(entry: WireEntry): void {
    const c = entry.conversation.id
    this.#history.write({ e: 'epoch', c, epoch: entry.epoch })
    const copy = this.#copies.get(c) ?? new Copy(entry)
    this.#copies.set(c, copy)
    copy.readSeq = Math.max(copy.readSeq, entry.readSeq)
    if (copy.hear(entry.rev)) void this.#pull(c, copy)
  }

  async #pull(conversationId: number, copy: Copy): Promise<void> {
    copy.isPulling = true
    for (let missing = true; missing;) {
      const reply = await this.#request({ type: 'changes.get', conversationId, since: copy.rev, limit: 100 })
      // Without a connection the next hello says what is missing.
      if (reply.ok === null) break
      if (!reply.ok) {
        if (reply.code === 'conversation.not_found') break
        await sleep(PAUSE_MS)
        continue
      }
      const { epoch = '', rev = 0, more = false, messages = [] } = reply.result
      copy.take({ epoch, rev, more, messages })
      missing = more || copy.catchUp()
    }
    copy.isPulling = false
  }

  #request(command: { type: string; [field: string]: unknown }): Promise<Reply> {
    const socket = this.#socket
    if (!socket) return Promise.resolve({ ok: null })
    this.#lastFrame += 1
    const id = this.#lastFrame
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#waiting.delete(id)
        resolve({ ok: null })
        socket.ws.close()
      }, REPLY_TIMEOUT_MS)
      this.#waiting.set(id, (reply) => {
        clearTimeout(late)
        resolve(reply)
      })
      socket.ws.send(JSON.stringify({ id, ...command }))
    })
  }

  #wake(): void {
    for (const wake of this.#wakers) wake()
    this.#wakers.clear()
  }
}

const frameOf = (doing: Said): { type: string; [field: string]: unknown } => {
  switch (doing.do) {
    case 'send': {
      const { c: conversationId, clientId, text } = doing
      return { type: 'message.send', conversationId, clientId, content: { kind: 'text', text } }
    }
    case 'edit':
      return { type: 'message.edit', messageId: doing.id, content: { kind: 'text', text: doing.text } }
    case 'delete':
      return { type: 'message.delete', messageId: doing.id }
    case 'react':
      return { type: 'reaction.add', messageId: doing.id, emoji: doing.emoji }
    case 'unreact':
      return { type: 'reaction.remove', messageId: doing.id, emoji: doing.emoji }
    case 'read':
      return { type: 'read.mark', conversationId: doing.c, seq: doing.seq }
  }
}
