import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { CauserieError } from '../../src/sdk/errors.ts'
import { Connection, type SocketLike } from '../../src/sdk/socket.ts'

const HELLO = {
  type: 'hello',
  protocol: 'causerie.v1',
  userId: 1,
  sessionId: 's',
  serverTime: '',
  conversations: [],
  gone: [],
  online: [],
}

/** The other end of one socket. */
class Peer implements SocketLike {
  readonly heard: string[] = []
  closed = false
  answersPings = true
  #onMessage: (event: { data: unknown }) => void = () => {}
  #onClose: (event: { code: number }) => void = () => {}

  addEventListener(type: 'message' | 'close', listener: (event: never) => void): void {
    if (type === 'message') this.#onMessage = listener as (event: { data: unknown }) => void
    else this.#onClose = listener as (event: { code: number }) => void
  }

  send(data: string): void {
    this.heard.push(data)
    if (data === 'ping' && this.answersPings) this.#onMessage({ data: 'pong' })
  }

  close(): void {
    this.closed = true
  }

  say(frame: object): void {
    this.#onMessage({ data: JSON.stringify(frame) })
  }

  drop(code: number): void {
    this.#onClose({ code })
  }
}

const connectionOf = (options: { open?: () => Promise<SocketLike> } = {}) => {
  const peers: Peer[] = []
  const states: string[] = []
  const revoked: string[] = []
  const connection = new Connection({
    open:
      options.open ??
      (async () => {
        const peer = new Peer()
        peers.push(peer)
        return peer
      }),
    onEvent: () => {},
    onState: ({ state }) => states.push(state),
    onRevoked: (code) => revoked.push(code),
    now: Date.now,
    random: () => 0.5,
  })
  const newest = () => {
    const peer = peers.at(-1)
    if (!peer) throw new Error('nobody connected')
    return peer
  }
  const greet = async () => {
    await vi.advanceTimersByTimeAsync(0)
    newest().say(HELLO)
  }
  return { connection, peers, states, revoked, newest, greet }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('[CON1] it is online with hello, and answers find their commands in any order', async () => {
  const { connection, states, newest, greet } = connectionOf()
  connection.start()
  await greet()

  const first = connection.request({ type: 'typing.start', conversationId: 7 })
  const second = connection.request({ type: 'message.delete', messageId: 1 })
  newest().say({ type: 'reply', id: 2, ok: false, error: { code: 'message.not_found', message: 'no' } })
  newest().say({ type: 'reply', id: 1, ok: true, result: {} })

  expect(states).toEqual(['connecting', 'online'])
  await expect(first).resolves.toEqual({})
  await expect(second).rejects.toMatchObject({ code: 'message.not_found' })
})

test('[CON2] tries come after waits that double up to five seconds, of thirty in the end, and a good connection starts them over', async () => {
  const waits: number[] = []
  let isUp = false
  const peer = new Peer()
  const { connection } = connectionOf({
    open: async () => {
      waits.push(Date.now())
      if (!isUp) throw new Error('down')
      return peer
    },
  })
  connection.start()
  await vi.advanceTimersByTimeAsync(130_000)
  const gaps = waits.slice(1).map((at, i) => at - (waits[i] ?? 0))
  expect(gaps.slice(0, 7)).toEqual([250, 500, 1_000, 2_000, 2_500, 2_500, 2_500])
  expect(gaps.slice(19, 22)).toEqual([2_500, 15_000, 15_000])

  isUp = true
  await vi.advanceTimersByTimeAsync(15_000)
  peer.say(HELLO)
  await vi.advanceTimersByTimeAsync(11_000)
  peer.drop(1006)

  expect(connection.state).toEqual({ state: 'waiting', retryAt: Date.now() + 250 })
})

test('[CON2] a server that greets and hangs up at once is not hammered', async () => {
  const { connection, peers, newest, greet } = connectionOf()
  connection.start()
  for (let i = 0; i < 6; i += 1) {
    await greet()
    newest().drop(4500)
    await vi.advanceTimersByTimeAsync(250 * 2 ** i)
  }

  expect(peers).toHaveLength(7)
})

test('[CON2] where every connection is greeted and soon lost, no wait is longer than five seconds', async () => {
  const { connection, peers, newest, greet } = connectionOf()
  connection.start()

  for (let tries = 1; tries <= 40; tries += 1) {
    await greet()
    newest().drop(1006)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(peers).toHaveLength(tries + 1)
  }
})

test('[CON2] a refusal that says when to come back is heeded', async () => {
  let tries = 0
  const { connection } = connectionOf({
    open: async () => {
      tries += 1
      throw new CauserieError('rate.limited', 'slow down', { retryAfter: 60 })
    },
  })
  connection.start()

  await vi.advanceTimersByTimeAsync(59_000)
  expect(tries).toBe(1)
  await vi.advanceTimersByTimeAsync(2_000)
  expect(tries).toBe(2)
})

test('[CON3] waking up tries at once', async () => {
  const { connection, peers, newest, greet } = connectionOf()
  connection.start()
  await greet()
  newest().drop(1006)
  expect(connection.state.state).toBe('waiting')

  connection.wake()
  await greet()

  expect(peers).toHaveLength(2)
  expect(connection.isOnline).toBe(true)
})

test('[CON3] after waking up a try that came to nothing by then is given up soon, and one that is greeted is not', async () => {
  const { connection, peers, greet } = connectionOf()
  connection.start()
  await vi.advanceTimersByTimeAsync(1_000)

  connection.wake()
  await vi.advanceTimersByTimeAsync(8_600)
  expect(peers).toHaveLength(2)
  connection.wake()
  await greet()
  await vi.advanceTimersByTimeAsync(10_000)

  expect(peers).toHaveLength(2)
  expect(connection.isOnline).toBe(true)
})

test('[CON4] a socket that answers no ping is dropped without waiting for its close', async () => {
  const { connection, peers, newest, greet } = connectionOf()
  connection.start()
  await greet()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(newest().heard).toEqual(['ping', 'ping', 'ping'])
  const asked = connection.request({ type: 'typing.start', conversationId: 7 })
  const rejected = expect(asked).rejects.toMatchObject({ name: 'CauserieNetworkError' })

  newest().answersPings = false
  connection.wake()
  await vi.advanceTimersByTimeAsync(4_300)

  await rejected
  expect(peers).toHaveLength(2)
  expect(peers[0]?.closed).toBe(true)
})

test('[CON4] a command without a reply fails; a second one, with no other reply in between, means a dead connection', async () => {
  const { connection, peers, newest, greet } = connectionOf()
  connection.start()
  await greet()
  const unanswered = async () => {
    const asked = connection.request({ type: 'typing.start', conversationId: 7 })
    const rejected = expect(asked).rejects.toMatchObject({ name: 'CauserieNetworkError' })
    await vi.advanceTimersByTimeAsync(20_500)
    await rejected
  }

  await unanswered()
  expect(connection.isOnline).toBe(true)
  const answered = connection.request({ type: 'typing.start', conversationId: 8 })
  newest().say({ type: 'reply', id: 2, ok: true, result: {} })
  await answered
  await unanswered()
  expect(peers).toHaveLength(1)

  await unanswered()
  await vi.advanceTimersByTimeAsync(500)
  expect(peers).toHaveLength(2)
})

test('[CON4] so does a server that does not say hello', async () => {
  const { connection, peers } = connectionOf()
  connection.start()

  await vi.advanceTimersByTimeAsync(15_500)

  expect(peers).toHaveLength(2)
})

test('[CON5] close codes carry policy: a bad ticket is replaced, a revoked session is not, a refused origin stays away', async () => {
  for (const [code, state] of [
    [1006, 'waiting'],
    [1012, 'waiting'],
    [4401, 'waiting'],
    [4403, 'offline'],
    [4404, 'offline'],
    [4429, 'offline'],
    [4500, 'waiting'],
  ] as const) {
    const { connection, revoked, newest, greet } = connectionOf()
    connection.start()
    await greet()

    newest().drop(code)

    expect([code, connection.state.state]).toEqual([code, state])
    expect(revoked).toEqual(code === 4403 ? ['session.revoked'] : [])
    connection.stop()
  }
})

test('[CON6] nothing is sent that the server could not answer', async () => {
  const { connection, newest, greet } = connectionOf()
  await expect(connection.request({ type: 'typing.stop', conversationId: 7 })).rejects.toMatchObject({
    name: 'CauserieNetworkError',
  })
  connection.start()
  await greet()

  const content = { kind: 'text' as const, text: 'é'.repeat(128 * 1024) }
  const tooLarge = connection.request({ type: 'message.edit', messageId: 1, content })

  await expect(tooLarge).rejects.toMatchObject({ code: 'frame.too_large' })
  expect(newest().heard).toEqual(['ping'])
})

test('[CON7] what was stopped stays stopped: a socket that opens too late is closed', async () => {
  const peer = new Peer()
  let opened: (socket: SocketLike) => void = () => {}
  const { connection, states } = connectionOf({ open: () => new Promise((resolve) => (opened = resolve)) })
  connection.start()
  connection.stop()

  opened(peer)
  await vi.advanceTimersByTimeAsync(60_000)

  expect(peer.closed).toBe(true)
  expect(states).toEqual(['connecting', 'offline'])
})
