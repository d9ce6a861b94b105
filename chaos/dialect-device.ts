import { setTimeout as sleep } from 'node:timers/promises'
import type { Device, Outcome, Said } from './device.ts'
import type { Answer, Api, Request, Talk } from './dialects.ts'
import type { Doing, History } from './history.ts'
import { type Person, signIn } from './person.ts'
import { ask, isVague } from '../harness/rest.ts'
import { nameMessage, SEQ_SPAN, type Session } from './wire.ts'

const PAUSE_MS = 300
const ECHO_TIMEOUT_MS = 15_000

/** What is to be asked, what the history is to say of it, and how its answer tells the message. `said` is the same by the socket. */
type Asked = {
  doing: Doing
  request: Request
  idIn: (body: Answer) => number
  /** `name` is how its text begins. */
  said?: { frame: object; name: string } | null
}

/** What an attempt came to, as the history says it. */
type Ending = { e: 'ok'; id: number; seq: number } | { e: 'fail'; code: string } | { e: 'unknown'; why: string }

/**
 * A client of one of the documented APIs. It cannot name what it sends, so it sends nothing twice: what had no answer may be there once
 * or not at all. Its answers tell no revisions, so what it changes is in order only where it makes one change at a time.
 */
export class DialectDevice implements Device {
  readonly name: string
  readonly retriesItself = true
  readonly #api: Api
  readonly #base: string
  readonly #person: Person
  readonly #history: History
  /** The only conversation that it talks in. */
  readonly #talk: Talk
  /** What it said by its socket and has not heard of yet, by how that begins; each is told the message, or null. */
  readonly #unheard = new Map<string, (id: number | null) => void>()
  #session: Session | null = null
  #ws: WebSocket | null = null
  #sent = 0
  #acked = 0
  #heard = 0
  #head = 0
  #isStopped = false

  constructor(options: { api: Api; base: string; person: Person; history: History; talk: Talk }) {
    this.#api = options.api
    this.#base = options.base
    this.#person = options.person
    this.#history = options.history
    this.#talk = options.talk
    this.name = `document${options.api.document}`
    void this.#live()
  }

  get userId(): number {
    return this.#person.id
  }

  get session(): string {
    return this.#session?.id ?? ''
  }

  conversations(): number[] {
    return [this.#talk.c]
  }

  head(): number {
    return this.#head
  }

  /** How many of its messages were acknowledged, and how many of others came by its sockets. */
  get tally(): { acked: number; heard: number } {
    return { acked: this.#acked, heard: this.#heard }
  }

  get talk(): Talk {
    return this.#talk
  }

  revOf(): null {
    return null
  }

  async online(): Promise<void> {
    while (!this.#isStopped && this.#session === null) await sleep(50)
  }

  stop(): void {
    this.#isStopped = true
    this.#ws?.close()
  }

  tellCopies(): void {}

  async perform(doing: Said): Promise<Outcome> {
    const session = this.#session
    const asked = session && this.#asked(doing)
    if (!asked) return { ok: null }
    const op = this.#history.newOp()
    const { userId: who, name: device } = this
    this.#history.write({ e: 'invoke', op, who, device, session: session.id, lane: null, ...asked.doing })
    const ending = (await this.#say(asked)) ?? (await this.#ask(asked, session))
    if (ending.e === 'ok' && asked.doing.do === 'send') {
      this.#acked += 1
      nameMessage(ending.id, asked.doing.clientId)
    }
    this.#history.write({ op, ...ending })
    return ending.e === 'ok' ? { ok: true, id: ending.id, seq: ending.seq } : { ok: null }
  }

  async #ask({ request, idIn }: Asked, session: Session): Promise<Ending> {
    const signed = { ...request, token: session.accessToken, from: this.#person.address }
    const answer = await ask<Answer>(this.#base, signed)
    const id = answer.status !== null && answer.ok ? idIn(answer.body) : Number.NaN
    if (Number.isInteger(id)) return { e: 'ok', id, seq: id % SEQ_SPAN }
    if (answer.status === 500) this.#history.write({ e: 'crash', what: `500 to ${this.name}` })
    if (answer.status === 401) this.#session = null
    const isUnknown = answer.status === null || answer.ok || answer.status >= 500 || isVague(answer.code)
    // Their refusals have no code; the status says as much.
    const status = String(answer.status)
    return isUnknown && answer.status !== 401 ? { e: 'unknown', why: status } : { e: 'fail', code: status }
  }

  /** What comes back as new with this text, which nobody else sends, is acknowledged. Null where it is not to be said by the socket, or there is none. */
  async #say({ said }: Asked): Promise<Ending | null> {
    const ws = this.#ws
    if (!said || ws?.readyState !== WebSocket.OPEN) return null
    const heard = new Promise<number | null>((resolve) => this.#unheard.set(said.name, resolve))
    ws.send(JSON.stringify(said.frame))
    const id = await Promise.race([heard, sleep(ECHO_TIMEOUT_MS, null, { ref: false })])
    this.#unheard.delete(said.name)
    return id === null ? { e: 'unknown', why: 'not told' } : { e: 'ok', id, seq: id % SEQ_SPAN }
  }

  /** Null where the document has no way. */
  #asked(doing: Said): Asked | null {
    const { post, posted, say, edit, delete: remove, read } = this.#api
    switch (doing.do) {
      case 'send': {
        this.#sent += 1
        // What it sends has no name of its own, so the text has one.
        const clientId = `~${this.name}-${this.#sent}`
        const text = `${clientId} and some words`
        const idIn = (body: Answer) => Number(posted(body))
        const said = say && this.#sent % 2 === 0 ? { frame: say(this.#talk, text), name: clientId } : null
        return { doing: { do: 'send', c: doing.c, clientId, text }, request: post(this.#talk, text), idIn, said }
      }
      case 'edit':
        return edit ? { doing, request: edit(doing.id, doing.text), idIn: () => doing.id } : null
      case 'delete':
        return remove ? { doing, request: remove(doing.id), idIn: () => doing.id } : null
      case 'read': {
        const id = doing.c * SEQ_SPAN + doing.seq
        return read ? { doing, request: read(id), idIn: () => id } : null
      }
      default:
        return null
    }
  }

  async #live(): Promise<void> {
    while (!this.#isStopped) {
      this.#session ??= await signIn(this.#base, this.#person)
      await this.#listen(this.#session)
      await sleep(PAUSE_MS * (0.5 + Math.random()))
    }
  }

  /** Until the socket is gone. */
  #listen(session: Session): Promise<void> {
    const ws = new WebSocket(this.#base.replace('http', 'ws') + this.#api.socket(session.accessToken))
    this.#ws = ws
    const number = this.#history.newSocket()
    this.#history.write({ e: 'open', socket: number, who: this.userId, device: this.name, session: session.id })
    ws.addEventListener('open', () => {
      const first = this.#api.firstFrame?.(session.accessToken)
      if (first) ws.send(JSON.stringify(first))
    })
    ws.addEventListener('message', ({ data }) => {
      const frame = JSON.parse(String(data)) as Answer
      // It does not say of which, and what it refuses may be done all the same.
      if (frame.type === 'error') this.#giveUp()
      const id = Number(this.#api.heard(frame))
      if (!Number.isInteger(id)) return
      const echo = this.#unheard.get(/^~\S+/.exec(frame.content ?? '')?.[0] ?? '')
      if (echo) echo(id)
      else this.#heard += 1
      this.#history.write({ e: 'heard', socket: number, id })
      if (Math.floor(id / SEQ_SPAN) === this.#talk.c) this.#head = Math.max(this.#head, id % SEQ_SPAN)
    })
    return new Promise((resolve) => {
      ws.addEventListener('close', ({ code }) => {
        this.#history.write({ e: 'close', socket: number, code })
        this.#giveUp()
        // What closes for a bad token says so; the next try signs in anew.
        if (code === 4001 || code === 1008 || code === 4008) this.#session = null
        resolve()
      })
    })
  }

  /** Of what it said by its socket nobody knows any more whether it was heard. */
  #giveUp(): void {
    for (const resolve of this.#unheard.values()) resolve(null)
  }
}
