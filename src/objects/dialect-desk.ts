import { askedBy } from '../dialects/client-frames.ts'
import {
  type Asked,
  DIALECT_NAMES,
  type DialectName,
  mergeFrames,
  type AskedResult,
  type Viewer,
} from '../dialects/dialect.ts'
import { DIALECTS } from '../dialects/index.ts'
import { openDirect } from '../directory/conversations.ts'
import { askDirectory } from './ask-directory.ts'
import type { Order } from '../core/orders.ts'
import { logFault } from '../directory/faults.ts'
import type { Command } from '../protocol/commands.ts'
import type { InboxEntry } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import { type PresenceReply, ServerEvent } from '../protocol/events.ts'
import { MAX_SEQ } from '../protocol/ids.ts'
import type { Message } from '../protocol/message.ts'
import { CLOSE } from '../protocol/socket.ts'
import type { Answer } from './batch.ts'
import { checkFrame } from './frames.ts'
import type { LiveSocket, LiveSockets } from './live-sockets.ts'
import { conversationOf } from './stubs.ts'

/** What the desk needs of its hub. */
type Deps = {
  userId: number
  env: Env
  sockets: LiveSockets
  entry: (conversationId: number) => InboxEntry | null
  ids: () => number[]
  friends: () => number[]
  /** Takes one from the user's budget; answers the refusal where nothing is left. */
  spend: () => Refusal | null
  /** Performs what the user asks, within the budget and in the order of the calls. */
  perform: (order: Command | Order, socket: LiveSocket) => Promise<Answer>
}

/** Serves the sockets that speak one of the documented dialects: hears their frames, and puts events into their words. */
export class DialectDesk {
  readonly #deps: Deps
  /** The direct conversations by the other one of each: known, or being opened. */
  readonly #directs = new Map<number, number | Promise<number | Refusal>>()

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /**
   * A native frame in the words of the socket's dialects; nothing where they have none. A fault of theirs is that socket's end: it
   * must not keep the frame from the other sockets.
   */
  speak(socket: LiveSocket, frame: string): string[] {
    const event = ServerEvent.safeParse(JSON.parse(frame))
    if (!event.success) return []
    const viewer: Viewer = {
      userId: this.#deps.userId,
      entry: this.#deps.entry,
      friends: new Set(this.#deps.friends()),
      left: new Set(socket.left),
      sent: (clientId) => clientId.startsWith(`${socket.id}-`),
    }
    try {
      return mergeFrames(socket.dialects.map((name) => DIALECTS[name].encode(event.data, viewer))).map(encode)
    } catch (error) {
      this.#fail(socket, error)
      return []
    }
  }

  /** Does what a frame asks, and answers in the dialect's words. */
  async hear(socket: LiveSocket, data: string | ArrayBuffer): Promise<string[]> {
    const [name] = socket.dialects
    if (!name) return []
    const dialect = DIALECTS[name]
    const checked = checkFrame(data)
    const asked: Asked =
      typeof checked === 'string'
        ? askedBy(dialect, checked, () => `${socket.id}-${crypto.randomUUID()}`)
        : { kind: 'refused', refusal: checked }
    try {
      return dialect.answer(asked, await this.#perform(socket, asked)).map(encode)
    } catch (error) {
      this.#fail(socket, error)
      return []
    }
  }

  #fail(socket: LiveSocket, error: unknown): void {
    logFault('dialect.failed', error, { userId: this.#deps.userId, dialect: socket.dialects.join(' ') })
    this.#deps.sockets.close(socket, CLOSE.fault, 'server.fault')
  }

  async #perform(socket: LiveSocket, asked: Asked): Promise<AskedResult> {
    switch (asked.kind) {
      case 'command':
        return resultOf(await this.#deps.perform(asked.command, socket))
      case 'direct': {
        // What is known must not be awaited, or a sender's messages could change places.
        const direct = this.directWith(asked.userId)
        const conversationId = typeof direct === 'number' ? direct : await direct
        if (typeof conversationId !== 'number') return conversationId
        return resultOf(await this.#deps.perform(asked.command(conversationId), socket))
      }
      case 'passed on': {
        const found = await this.#deps.perform({ type: 'message.get', messageId: asked.messageId }, socket)
        // Where that cannot be told now, it is not to be said twice.
        if (!found.ok && found.code !== 'message.not_found') return found
        const isOwn = found.ok && (JSON.parse(found.json) as Message).senderId === this.#deps.userId
        return isOwn ? { ok: true } : resultOf(await this.#deps.perform(asked.command, socket))
      }
      case 'read-all':
        return resultOf(
          await this.#deps.perform(
            // A mark above the last message is brought down to it.
            { type: 'read.mark', conversationId: asked.conversationId, seq: MAX_SEQ },
            socket,
          ),
        )
      case 'online-friends':
        return this.#onlineFriends(socket)
      case 'room': {
        const refusal = this.#deps.spend()
        if (refusal) return refusal
        if (!this.#deps.entry(asked.conversationId)) return refuse('conversation.not_found')
        this.#deps.sockets.want(socket, asked.conversationId, asked.joined)
        return { ok: true }
      }
      case 'reply':
        return this.#deps.spend() ?? { ok: true }
      case 'refused':
        return this.#deps.spend() ?? asked.refusal
    }
  }

  /** The direct conversation with somebody, opened if need be. */
  directWith(otherId: number): number | Promise<number | Refusal> {
    // Every direct conversation has this user in it, and none of them is meant.
    if (otherId === this.#deps.userId) return Promise.resolve(refuse('conversation.with_self'))
    const known = this.#directs.get(otherId)
    if (known instanceof Promise) return known
    if (known !== undefined && this.#deps.entry(known)) return known
    // Looking for it costs something too, and nothing of a refusal may stay.
    const refusal = this.#deps.spend()
    if (refusal) return Promise.resolve(refusal)
    const direct = this.#findDirect(otherId) ?? this.#openDirect(otherId)
    this.#directs.set(otherId, direct)
    return direct
  }

  #findDirect(otherId: number): number | undefined {
    return this.#deps.ids().find((id) => {
      const entry = this.#deps.entry(id)
      return entry?.conversation.kind === 'direct' && entry.memberIds.includes(otherId)
    })
  }

  async #openDirect(otherId: number): Promise<number | Refusal> {
    const { userId, env } = this.#deps
    const reach = { conversationOf: (id: number) => conversationOf(env, id), now: Date.now }
    try {
      const opened = await askDirectory(env, (db) => openDirect({ db, ...reach }, { userId, otherId }))
      return isRefusal(opened) ? opened : opened.entry.conversation.id
    } finally {
      // From here on it is found in the inbox.
      this.#directs.delete(otherId)
    }
  }

  async #onlineFriends(socket: LiveSocket): Promise<AskedResult> {
    const answer = await this.#deps.perform({ type: 'presence.get', userIds: this.#deps.friends() }, socket)
    if (!answer.ok) return answer
    const { items } = JSON.parse(answer.json) as PresenceReply
    return { ok: true, online: items.filter((presence) => presence.online).map((presence) => presence.userId) }
  }
}

/** The dialects that the worker named for a new socket. */
export const dialectsOf = (header: string | null): DialectName[] =>
  DIALECT_NAMES.filter((name) => header?.split(' ').includes(name)).toSorted(
    // The first one named hears; all of them speak.
    (a, b) => (header ?? '').indexOf(a) - (header ?? '').indexOf(b),
  )

const encode = (frame: object): string => JSON.stringify(frame)
const resultOf = (answer: Answer): AskedResult => (answer.ok ? { ok: true } : answer)
