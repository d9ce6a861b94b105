import { setTimeout as sleep } from 'node:timers/promises'
import {
  CauserieClient,
  CauserieError,
  type LiveConversation,
  type Message,
  type SocketLike,
} from '../src/sdk/index.ts'
import type { Device, Outcome, Said } from './device.ts'
import type { Got, History } from './history.ts'
import { PASSWORD, type Person } from './person.ts'
import { NAME_HEADER } from './proxy.ts'
import { clientIdOf, reactionsText, textOf } from './wire.ts'

const MESSAGE_EVENTS = ['message.created', 'message.updated', 'message.deleted'] as const
const OTHER_EVENTS = ['reaction.changed', 'read.changed', 'conversation.updated'] as const

/** A client as an application would have it, in plain Node. */
export class SdkDevice implements Device {
  readonly name: string
  readonly retriesItself = true
  readonly #client: CauserieClient
  readonly #person: Person
  readonly #history: History
  #session = ''
  #socket = 0
  #isStopped = false

  constructor(options: { name: string; base: string; person: Person; history: History }) {
    const { name, base, person, history } = options
    this.name = name
    this.#person = person
    this.#history = history
    this.#client = new CauserieClient({
      baseUrl: base,
      fetch: (request) => {
        request.headers.set('cf-connecting-ip', person.address)
        return fetch(request)
      },
      openSocket: (url, protocols) => openSocket(url, { protocols, headers: { [NAME_HEADER]: name } }),
    })
    this.#listen()
    void this.#live()
  }

  get userId(): number {
    return this.#person.id
  }

  get session(): string {
    return this.#session
  }

  conversations(): number[] {
    return this.#open().map(({ id }) => id)
  }

  head(conversation: number): number {
    return this.#client.conversation(conversation).messages.at(-1)?.seq ?? 0
  }

  revOf(conversation: number): number | null {
    return this.#client.conversation(conversation).replica?.rev ?? null
  }

  online(): Promise<void> {
    return this.#client.whenOnline().catch(() => sleep(200))
  }

  stop(): void {
    this.#isStopped = true
    this.#client.disconnect()
  }

  async perform(doing: Said): Promise<Outcome> {
    const conversation = this.#client.conversation(doing.c)
    if (doing.do === 'send') return this.#send(conversation, doing)
    const op = this.#invoke(doing)
    switch (doing.do) {
      case 'edit':
        return this.#settle(op, conversation.edit(doing.id, doing.text))
      case 'delete':
        return this.#settle(op, conversation.delete(doing.id))
      case 'react':
        return this.#settle(op, conversation.react(doing.id, doing.emoji))
      case 'unreact':
        return this.#settle(op, conversation.unreact(doing.id, doing.emoji))
      case 'read':
        // Marks are told a moment later, several as one, and nobody is told what became of them.
        conversation.markRead(doing.seq)
        return this.#unknown(op, 'not promised')
    }
  }

  tellCopies(): void {
    const { userId: who, name: device } = this
    this.#history.write({ e: 'live', who, device })
    for (const { id: c, replica, entry } of this.#open()) {
      if (!replica) continue
      const { epoch, rev, from } = replica
      const messages = replica.messages.map((message) => ({
        seq: message.seq,
        rev: message.rev,
        text: textOf(message),
        reactions: reactionsText(message.reactions),
      }))
      const unread = entry?.unread ?? null
      this.#history.write({ e: 'copy', who, device, c, epoch, rev, from, messages, unread })
    }
  }

  #open(): LiveConversation[] {
    return (this.#client.inbox.entries ?? [])
      .map(({ conversation }) => this.#client.conversation(conversation.id))
      .filter(({ state }) => state === 'open')
  }

  async #send(conversation: LiveConversation, doing: Extract<Said, { do: 'send' }>): Promise<Outcome> {
    const sent = conversation.send(doing.text)
    // The client chose the id at once; what it is sent as must be known before it can arrive.
    const clientId = conversation.pending.find(
      ({ content }) => content.kind === 'text' && content.text === doing.text,
    )?.clientId
    if (clientId === undefined)
      return sent.then(
        () => ({ ok: null }),
        () => ({ ok: null }),
      )
    const op = this.#invoke({ ...doing, clientId })
    const outcome = await this.#settle(op, sent)
    const failed = conversation.pending.find((pending) => pending.clientId === clientId)
    if (failed?.state === 'failed') conversation.discard(clientId)
    return outcome
  }

  async #settle(op: number, result: Promise<Message>): Promise<Outcome> {
    try {
      const { id, seq, rev } = await result
      this.#history.write({ e: 'ok', op, id, seq, rev })
      return { ok: true, id, seq }
    } catch (error) {
      if (!(error instanceof CauserieError)) return this.#unknown(op, 'no answer')
      if (error.code === 'server.fault') this.#history.write({ e: 'crash', what: error.code })
      // It tries again by itself: another refusal is of the last try only, and one for want of a session is of none.
      if (!error.code.startsWith('message.')) return this.#unknown(op, error.code)
      this.#history.write({ e: 'fail', op, code: error.code })
      return { ok: false, code: error.code }
    }
  }

  #unknown(op: number, why: string): Outcome {
    this.#history.write({ e: 'unknown', op, why })
    return { ok: null }
  }

  #invoke(doing: Said): number {
    const op = this.#history.newOp()
    const { userId: who, name: device, session } = this
    this.#history.write({ e: 'invoke', op, who, device, session, lane: `outbox ${device} ${session}`, ...doing })
    return op
  }

  #listen(): void {
    const client = this.#client
    client.on('hello', ({ sessionId, conversations }) => {
      this.#session = sessionId
      this.#socket = this.#history.newSocket()
      const { userId: who, name: device } = this
      this.#history.write({ e: 'open', socket: this.#socket, who, device, session: sessionId })
      for (const { conversation, epoch } of conversations)
        this.#history.write({ e: 'epoch', c: conversation.id, epoch })
    })
    for (const type of MESSAGE_EVENTS) {
      client.on(type, ({ conversationId, rev, message }) => {
        const { seq, id, senderId: sender } = message
        const clientId = clientIdOf(message)
        this.#got({ c: conversationId, rev, what: type, message: { seq, id, sender, clientId, text: textOf(message) } })
      })
    }
    for (const type of OTHER_EVENTS) {
      client.on(type, ({ conversationId, rev }) => this.#got({ c: conversationId, rev, what: type }))
    }
    for (const type of ['conversation.created', 'conversation.deleted'] as const) {
      client.on(type, ({ conversationId: c }) => this.#history.write({ e: 'begin', socket: this.#socket, c }))
    }
    client.on('member.changed', ({ conversationId, rev, member }) => {
      const { userId, leftAt } = member
      this.#got({ c: conversationId, rev, what: 'member.changed', member: { userId, left: leftAt !== null } })
    })
    client.on('inbox', (entries) => {
      for (const { conversation } of entries) {
        const live = client.conversation(conversation.id)
        if (live.state === 'closed' || live.state === 'gone') live.open().catch(() => {})
      }
    })
  }

  #got(what: Omit<Got, 'e' | 'socket'>): void {
    this.#history.write({ e: 'got', socket: this.#socket, ...what })
  }

  /** Signs in, and again whenever somebody signed it out. */
  async #live(): Promise<void> {
    const login = { login: this.#person.username, password: PASSWORD }
    while (!this.#isStopped) {
      if (this.#client.me === null) {
        const signedIn = await this.#client.login(login).catch(() => null)
        if (signedIn && !this.#isStopped) this.#client.connect()
      }
      await sleep(250)
    }
  }
}

/** The platform's WebSocket, with what Node adds to it. */
const openSocket = (url: string, options: { protocols: string[]; headers: Record<string, string> }): SocketLike =>
  new (WebSocket as unknown as new (url: string, opened: typeof options) => SocketLike)(url, options)
