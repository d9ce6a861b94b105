import { COMMAND_TYPES } from '../src/protocol/commands.ts'
import { type Answer, type Client, Listener } from './client.ts'
import type { Request, Said } from './inputs.ts'
import type { People } from './people.ts'
import { faultOf, isBusy, leakIn } from './verdict.ts'

export type Input = Request | Said
export type Finding = { input: Input | null; what: string }
/** What became of some inputs that were sent together. */
export type Outcome = { refused: Input[]; wrote: boolean; findings: Finding[]; slowestMs: number; busy: number }

const SAFE = ['GET', 'HEAD', 'OPTIONS']
const SAFE_COMMANDS: string[] = COMMAND_TYPES.filter((type) => /^(?:typing|changes|presence)\./.test(type))
/** The sockets at which frames are answered one by one, if only where they are refused. */
const QUIET_MS = 100
const NOTHING = '{"type":"nothing"}'
/** What the documents have a client say, and that writes nothing. */
const HARMLESS = ['ping', 'get_online_friends', 'authenticate', 'join_conversation', 'leave_conversation']

type Reply = { id: string | number | null; ok: boolean; error?: { code: string } }
type Socket = { listener: Listener; token: string }

/** Sends inputs to the server as one person, and tells what is wrong with the answers. */
export class Sender {
  readonly #client: Client
  readonly #people: People
  readonly #hangMs: number
  readonly #sockets = new Map<string, Socket>()

  constructor(options: { client: Client; people: People; hangMs: number }) {
    this.#client = options.client
    this.#people = options.people
    this.#hangMs = options.hangMs
  }

  /** All of one kind, and frames all of one socket. */
  send(inputs: Input[]): Promise<Outcome> {
    const requests = inputs.filter((input) => input.kind === 'request')
    return requests.length > 0 ? this.#request(requests) : this.#say(inputs.filter((input) => input.kind === 'said'))
  }

  close(): void {
    for (const { listener } of this.#sockets.values()) listener.close()
  }

  async #request(requests: Request[]): Promise<Outcome> {
    const answers = await Promise.all(requests.map((request) => this.#ask(request)))
    const outcome: Outcome = { refused: [], wrote: false, findings: [], slowestMs: 0, busy: 0 }
    answers.forEach((answer, i) => {
      const request = requests[i]
      if (!request) return
      const what = faultOf(request, answer, this.#hangMs)
      if (what !== null) outcome.findings.push({ input: request, what })
      // An old refresh token ends its session, and so writes though it is refused.
      if (answer.text.includes('"refresh.reused"')) outcome.wrote = true
      else if (answer.status >= 400) outcome.refused.push(request)
      else if (!SAFE.includes(request.method)) outcome.wrote = true
      if (isBusy(answer)) outcome.busy += 1
      outcome.slowestMs = Math.max(outcome.slowestMs, answer.ms)
    })
    return outcome
  }

  #ask({ route, method, url, bearer, type, body }: Request): Promise<Answer> {
    const headers: Record<string, string> = {}
    if (bearer === 'own') headers['authorization'] = `Bearer ${this.#people.tokenFor(route.name)}`
    else if (bearer !== 'none') headers['authorization'] = bearer.authorization
    if (type !== null) headers['content-type'] = type
    return this.#client.ask({ method, url, headers, body })
  }

  async #say(frames: Said[]): Promise<Outcome> {
    const outcome: Outcome = { refused: [], wrote: false, findings: [], slowestMs: 0, busy: 0 }
    const name = frames[0]?.frame.socket ?? 'native'
    const { listener } = await this.#socket(name)
    const from = performance.now()
    listener.heard.length = 0
    const said = frames.map(({ data }) => String(data)).join('\n')
    if (name === 'native') {
      await this.#converse(listener, frames, outcome)
      // The documents answer to few frames: with the others it is the fuzzer that waits.
      outcome.slowestMs = performance.now() - from
    } else if (name === 'sealed') await this.#talkToDeaf(listener, frames, outcome)
    else await this.#talk(listener, frames, outcome)
    for (const text of listener.heard) {
      const leak = leakIn(text, said)
      if (leak !== null) outcome.findings.push({ input: null, what: `a frame says ${JSON.stringify(leak)}` })
    }
    if (!(await this.#isThere(name, listener)))
      outcome.findings.push({ input: null, what: `${name}: ${endOf(listener)}` })
    return outcome
  }

  /** Every frame has one reply. */
  async #converse(listener: Listener, frames: Said[], outcome: Outcome): Promise<void> {
    for (const { data } of frames) listener.say(data)
    const expected = frames.filter(({ data }) => data !== 'ping').length
    const replies = (): Reply[] =>
      listener.heard.filter((text) => text.startsWith('{"type":"reply"')).map((text) => JSON.parse(text))
    const areAll = await listener.until(() => listener.closed !== null || replies().length >= expected, this.#hangMs)
    const got = replies()
    if (!areAll || (listener.closed === null && got.length !== expected)) {
      outcome.findings.push({ input: null, what: `${got.length} replies to ${expected} frames` })
    }
    for (const { error } of got) {
      if (error?.code === 'server.unavailable') outcome.busy += 1
      if (error?.code === 'server.fault') outcome.findings.push({ input: null, what: 'a reply of server.fault' })
    }
    const isTaken = got.some(({ ok }) => ok)
    if (!isTaken) {
      outcome.refused = frames
      return
    }
    outcome.wrote = !frames.every(({ frame }) => SAFE_COMMANDS.includes(frame.type))
    // Replies need not come in the order of the frames, and a frame that is too broken to have an id is told by none.
    outcome.refused = frames.filter(({ data }) => {
      const id = idOf(data)
      const answers = got.filter((reply) => id !== null && reply.id === id)
      return answers.length > 0 && answers.every(({ ok }) => !ok)
    })
  }

  /** The documents answer refusals and little else. What follows each frame is refused for certain, so two errors mean that both were. */
  async #talk(listener: Listener, frames: Said[], outcome: Outcome): Promise<void> {
    for (const frame of frames) {
      if (listener.closed) return
      listener.heard.length = 0
      listener.say(frame.data)
      listener.say(NOTHING)
      const errors = (atLeast: number) => (): boolean =>
        listener.closed !== null ||
        listener.heard.filter((text) => text.startsWith('{"type":"error"')).length >= atLeast
      if (!(await listener.until(errors(1), this.#hangMs))) {
        outcome.findings.push({ input: frame, what: 'no answer to what followed it' })
      } else if (await listener.until(errors(2), QUIET_MS)) outcome.refused.push(frame)
      else outcome.wrote ||= !HARMLESS.includes(frame.frame.type)
    }
  }

  /** Nothing is answered, and nothing may come of it. */
  async #talkToDeaf(listener: Listener, frames: Said[], outcome: Outcome): Promise<void> {
    for (const { data } of frames) listener.say(data)
    await listener.until(() => listener.closed !== null, QUIET_MS)
    outcome.refused = frames
  }

  /** Whether the socket still serves; one whose session ended meanwhile is opened anew. */
  async #isThere(name: string, listener: Listener): Promise<boolean> {
    if (listener.closed === null) {
      if (name === 'sealed') return true
      listener.heard.length = 0
      listener.say(name === 'native' ? PROOF.native : PROOF.others)
      const isAnswered = await listener.until(
        () => listener.closed !== null || listener.heard.some((text) => /^\{"type":"(?:reply|error)"/.test(text)),
        this.#hangMs,
      )
      if (isAnswered && listener.closed === null) return true
    }
    this.#sockets.delete(name)
    const me = await this.#client.try('GET', '/v1/me', { token: this.#people.token })
    return listener.closed !== null && me.status === 401
  }

  async #socket(name: string): Promise<Socket> {
    const known = this.#sockets.get(name)
    const { token } = this.#people
    const path = PATHS[name]?.(token) ?? '/v1/socket'
    if (known?.token === token && known.listener.closed === null) return known
    known?.listener.close()
    const listener = await Listener.open(this.#client.base, path, name === 'native' ? token : undefined)
    if (name === 'native') await listener.until(() => listener.heard.length > 0, this.#hangMs)
    if (name === 'rooms') {
      listener.say(JSON.stringify({ type: 'authenticate', token }))
      await listener.until(() => listener.heard.length > 0, this.#hangMs)
    }
    const socket = { listener, token }
    this.#sockets.set(name, socket)
    return socket
  }
}

/** The id that a frame's reply repeats, where it can be read. */
const idOf = (data: Said['data']): string | number | null => {
  try {
    const value: unknown = JSON.parse(String(data))
    if (typeof value !== 'object' || value === null || !('id' in value)) return null
    return typeof value.id === 'string' || typeof value.id === 'number' ? value.id : null
  } catch {
    return null
  }
}

const PATHS: Record<string, (token: string) => string> = {
  direct: (token) => `/messages/ws?token=${token}`,
  sealed: (token) => `/ws?token=${token}`,
  friends: (token) => `/ws/${token}`,
  events: (token) => `/ws/${token}`,
  rooms: () => '/ws/chat',
}

/** Something harmless that is answered at once. */
const PROOF = {
  native: '{"id":"there?","type":"presence.get","userIds":[]}',
  others: NOTHING,
}

const endOf = ({ closed }: Listener): string =>
  closed === null ? 'the socket does not answer any more' : `the socket was closed with ${closed.code} ${closed.reason}`
