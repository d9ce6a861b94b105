import { openSync, writeSync } from 'node:fs'

/** What somebody tried to do. `c` is the conversation. */
export type Doing =
  | { do: 'send'; c: number; clientId: string; text: string }
  | { do: 'edit'; c: number; id: number; text: string }
  | { do: 'delete'; c: number; id: number }
  | { do: 'react' | 'unreact'; c: number; id: number; emoji: string }
  | { do: 'read'; c: number; seq: number }
  | { do: 'remove' | 'add'; c: number; userId: number }
  | { do: 'revoke'; ended: string }
  /** A group with these beside whoever opens it. */
  | { do: 'open'; clientId: string; memberIds: number[] }

/**
 * `session` is what the attempt was signed with. Sends of one `lane` were made in the order in which they must be stored; null where no
 * order was promised.
 */
export type Invoke = Doing & {
  e: 'invoke'
  op: number
  who: number
  device: string
  session: string
  lane: string | null
}

export type Message = {
  seq: number
  id: number
  rev: number
  sender: number
  clientId: string
  /** Null once deleted. */
  text: string | null
  /** `emoji:userId,userId` in the order of the emoji, joined by blanks. */
  reactions: string
}

/** What a client holds of a message. */
export type Held = Pick<Message, 'seq' | 'rev' | 'text' | 'reactions'>

/** An event that came by a socket and has a place in the log. */
export type Got = {
  e: 'got'
  socket: number
  c: number
  rev: number
  what: string
  message?: Pick<Message, 'seq' | 'id' | 'sender' | 'clientId' | 'text'>
  member?: { userId: number; left: boolean }
}

/** A conversation as one member reads it by REST, freshly signed in, when all is over. */
export type Reading = {
  e: 'reading'
  who: number
  c: number
  epoch: string
  rev: number
  /** The highest `seq`, as the inbox entry says it. */
  seq: number
  readSeq: number
  unread: number
  /** The same count as the inbox of the user shows it. */
  inboxUnread: number
  memberIds: number[]
  messages: Message[]
}

/** What a client that stayed to the end holds. `from` is the lowest `seq` in it. */
export type Copy = {
  e: 'copy'
  who: number
  device: string
  c: number
  epoch: string
  rev: number
  from: number
  messages: Held[]
  /** Null where this client does not count. */
  unread: number | null
}

export type Entry =
  | { e: 'conversation'; c: number; memberIds: number[] }
  | Invoke
  /** `id` is that of the message, or of the conversation that was opened. */
  | { e: 'ok'; op: number; id?: number; seq?: number; rev?: number; repeated?: boolean }
  /** Refused: it had no effect. */
  | { e: 'fail'; op: number; code: string }
  /** Nobody knows whether it had an effect. */
  | { e: 'unknown'; op: number; why: string }
  | { e: 'open'; socket: number; who: number; device: string; session: string }
  | Got
  /** A message that came by a socket of one of the documented APIs, which know no revisions. */
  | { e: 'heard'; socket: number; id: number }
  /** The socket was told that the conversation is there now, or is not: what follows need not go on from what came before. */
  | { e: 'begin'; socket: number; c: number }
  | { e: 'epoch'; c: number; epoch: string }
  | { e: 'close'; socket: number; code: number }
  | { e: 'fault'; what: string }
  /** The server said that something is wrong with itself. */
  | { e: 'crash'; what: string }
  | { e: 'live'; who: number; device: string }
  | Copy
  | Reading

const FLUSH_AT = 256 * 1024

/** Writes what happens, in the order in which it is seen to happen, a line of JSON each. */
export class History {
  readonly path: string
  readonly #file: number
  #waiting: string[] = []
  #size = 0
  #lastOp = 0
  #lastSocket = 0

  constructor(path: string) {
    this.path = path
    this.#file = openSync(path, 'w')
  }

  newOp(): number {
    this.#lastOp += 1
    return this.#lastOp
  }

  newSocket(): number {
    this.#lastSocket += 1
    return this.#lastSocket
  }

  write(entry: Entry): void {
    const line = JSON.stringify(entry)
    this.#waiting.push(line)
    this.#size += line.length
    if (this.#size > FLUSH_AT) this.flush()
  }

  flush(): void {
    if (this.#waiting.length > 0) writeSync(this.#file, `${this.#waiting.join('\n')}\n`)
    this.#waiting = []
    this.#size = 0
  }
}
