import { setTimeout as sleep } from 'node:timers/promises'
import { constants, deflateRawSync } from 'node:zlib'
import { frameOf, upgradeRequest } from '../harness/websocket.ts'
import { type Client, Listener } from './client.ts'
import { fragmentsOf, RawConnection, type Said } from './raw-socket.ts'
import { leakIn } from './verdict.ts'

/** What no library would send: frames and requests made by hand, byte by byte. */

const MIB = 2 ** 20
const PATIENCE_MS = 30_000

/** What may become of it: any reply, one that refuses, a close with one of these codes, a pong, or nothing at all. */
type May = 'reply' | 'refusal' | 'pong' | 'silence' | number
type Case = [what: string, bytes: () => Uint8Array, ...may: May[]]

const COMMAND = '{"id":1,"type":"presence.get","userIds":[]}'
/** The same as who has agreed on `permessage-deflate` would send it: RFC 7692 §7.2.1. */
const COMPRESSED = deflateRawSync(COMMAND, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
const number = (value: string): string => `{"id":1,"type":"changes.get","conversationId":${value},"since":0}`

/** Not of this protocol, not UTF-8, too large, or closed as it should not be. 1006 stands for an end without a word. */
const BROKEN = [1002, 1006]

const FRAMES: Case[] = [
  ['a binary frame', () => frameOf(COMMAND, { opcode: 2 }), 'reply'],
  ['an empty binary frame', () => frameOf('', { opcode: 2 }), 'reply'],
  ['an empty text', () => frameOf(''), 'reply'],
  ['a frame of 33 MiB', () => frameOf(Buffer.alloc(33 * MIB, 'x')), 1009, 1006],
  ['a frame of 31 MiB', () => frameOf(Buffer.alloc(31 * MIB, 'x')), 'reply', 1009, 1006],
  ['a length of 2^63 - 1', () => Buffer.from([0x81, 0xff, 0x7f, ...Array(7).fill(0xff), 1, 2, 3, 4]), 1009, ...BROKEN],
  ['a length of 2^64 - 1', () => Buffer.from([0x81, 0xff, ...Array(8).fill(0xff), 1, 2, 3, 4]), 1009, ...BROKEN],
  ['a length longer than it need be', () => frameOf(COMMAND, { lengthAs: 64 }), 'reply', ...BROKEN],
  ['forty fragments', () => fragmentsOf(COMMAND, 40), 'reply'],
  ['ten thousand fragments', () => fragmentsOf('x'.repeat(10_000), 10_000), 'reply'],
  ['a megabyte in ten thousand fragments', () => fragmentsOf('x'.repeat(MIB), 10_000), 'reply', 1009],
  ['a letter cut in two', () => fragmentsOf('{"id":1,"type":"é"}', 40), 'reply'],
  ['fragments of nothing', () => Buffer.concat(Array(1_000).fill(frameOf('', { opcode: 0, fin: false }))), ...BROKEN],
  ['an end of no beginning', () => frameOf(COMMAND, { opcode: 0 }), ...BROKEN],
  ['a beginning within another', () => Buffer.concat(Array(2).fill(frameOf('{', { fin: false }))), ...BROKEN],
  [
    'a ping between fragments',
    () => Buffer.concat([frameOf('{', { fin: false }), frameOf('x', { opcode: 9 }), frameOf('}', { opcode: 0 })]),
    'reply',
    'pong',
  ],
  ['a ping too long', () => frameOf('x'.repeat(126), { opcode: 9 }), 'pong', ...BROKEN],
  ['half a ping', () => frameOf('x', { opcode: 9, fin: false }), 'pong', ...BROKEN],
  ['a thousand pings', () => Buffer.concat(Array(1_000).fill(frameOf('x', { opcode: 9 }))), 'pong'],
  ['a thousand frames at once', () => Buffer.concat(Array(1_000).fill(frameOf(COMMAND))), 'reply'],
  ['a pong that nobody asked for', () => frameOf('x', { opcode: 10 }), 'silence'],
  ['a frame without a mask', () => frameOf(COMMAND, { mask: 'none' }), 'reply', ...BROKEN],
  // Taken, it was inflated: then a small frame could become a large one.
  ['a compressed frame', () => frameOf(COMPRESSED, { rsv: 4 }), 'refusal', 1007, ...BROKEN],
  ['a frame with a reserved bit', () => frameOf(COMMAND, { rsv: 1 }), 'reply', 1007, ...BROKEN],
  ['a frame of no known kind', () => frameOf(COMMAND, { opcode: 3 }), ...BROKEN],
  ['a control frame of no known kind', () => frameOf('', { opcode: 11 }), 'silence', ...BROKEN],
  // The local runtime puts U+FFFD in the place of such bytes before anybody sees them.
  ['bytes that are no UTF-8', () => frameOf(new Uint8Array([0x7b, 0xff, 0xfe, 0x7d])), 'reply', 1007, ...BROKEN],
  ['a surrogate in UTF-8', () => frameOf(new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])), 'reply', 1007, ...BROKEN],
  ['an overlong slash', () => frameOf(new Uint8Array([0x22, 0xc0, 0xaf, 0x22])), 'reply', 1007, ...BROKEN],
  ['a close of one byte', () => frameOf('x', { opcode: 8 }), 1005, 1000, ...BROKEN],
  ...[0, 999, 1004, 1005, 1006, 1015, 2999, 4999, 5000, 65535].map((code): Case => {
    const payload = Buffer.from([code >> 8, code & 255])
    return [`a close with ${code}`, () => frameOf(payload, { opcode: 8 }), code, 1005, 1000, ...BROKEN]
  }),
  ['a close for no UTF-8 reason', () => frameOf(new Uint8Array([3, 232, 0xff]), { opcode: 8 }), 1000, 1007, ...BROKEN],
  ['two closes', () => Buffer.concat(Array(2).fill(frameOf('', { opcode: 8 }))), 1005, 1000, 1006],
  ['NUL', () => frameOf('\0'), 'reply'],
  ['a lone surrogate, escaped', () => frameOf('{"id":"\\ud800","type":"presence.get","userIds":[]}'), 'reply'],
  ['a prototype', () => frameOf('{"__proto__":{"id":1},"type":"presence.get","userIds":[]}'), 'reply'],
  ['1e999', () => frameOf(number('1e999')), 'reply'],
  ['2^53 + 1', () => frameOf(number('9007199254740993')), 'reply'],
  ['a number of a hundred thousand digits', () => frameOf(number('9'.repeat(100_000))), 'reply'],
  ['lists a hundred thousand deep', () => frameOf('['.repeat(100_000) + ']'.repeat(100_000)), 'reply'],
  ['objects forty thousand deep', () => frameOf('{"a":'.repeat(40_000) + '1' + '}'.repeat(40_000)), 'reply'],
  ['lists never closed', () => frameOf('['.repeat(250_000)), 'reply'],
  ['half a frame, and no more', () => frameOf(COMMAND).subarray(0, 20), 'silence'],
]

/** How the runtime says that it does not know a method, or a version. */
const RUNTIMES_OWN = [501, 505]
const HUGE_HEADER = 'x'.repeat(100_000)
const post = (headers: string[], body: string): string =>
  `POST /v1/auth/login HTTP/1.1\r\n${['host: 127.0.0.1', 'content-type: application/json', ...headers].join('\r\n')}\r\n\r\n${body}`

/**
 * Requests that are none, or nearly. They must be refused or heard, and do no harm. Some the local runtime refuses itself, with a
 * status of 500; those never come to the server.
 */
const REQUESTS: [what: string, bytes: string, isRuntimes?: true][] = [
  ['no request', 'hello\r\n\r\n'],
  ['bytes', '\0\x01\x02\xff\r\n\r\n'],
  ['another protocol', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc'],
  ['HTTP/0.9', 'GET /\r\n\r\n'],
  ['HTTP/2 by prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a later version', 'GET /health HTTP/9.9\r\nhost: x\r\n\r\n'],
  ['no host', 'GET /health HTTP/1.1\r\n\r\n'],
  ['two hosts', 'GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n', true],
  ['a host that is none', 'GET /health HTTP/1.1\r\nhost: a b/c?#@\r\n\r\n', true],
  ['a whole address', 'GET http://elsewhere.example/health HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['another scheme', 'GET file:///etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a path that climbs', 'GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a path of slashes', 'GET //v1///me HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a path with NUL', 'GET /v1/me\0 HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a path in no encoding', 'GET /v1/users/\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a long path', `GET /${'a'.repeat(60_000)} HTTP/1.1\r\nhost: x\r\n\r\n`],
  ['an unknown method', 'BREW /health HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['a method in small letters', 'get /health HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['TRACE', 'TRACE /health HTTP/1.1\r\nhost: x\r\n\r\n'],
  ['CONNECT', 'CONNECT elsewhere.example:443 HTTP/1.1\r\nhost: x\r\n\r\n', true],
  ['OPTIONS *', 'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n', true],
  ['a header of 100 KB', `GET /health HTTP/1.1\r\nhost: x\r\nx: ${HUGE_HEADER}\r\n\r\n`],
  ['two thousand headers', `GET /health HTTP/1.1\r\nhost: x\r\n${'x: y\r\n'.repeat(2_000)}\r\n`, true],
  ['a header with NUL', 'GET /health HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n'],
  ['a header over two lines', 'GET /health HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n'],
  ['a header without a name', 'GET /health HTTP/1.1\r\nhost: x\r\n: y\r\n\r\n'],
  ['a length below nothing', post(['content-length: -1'], '{}')],
  ['a length that is none', post(['content-length: x'], '{}')],
  ['two lengths', post(['content-length: 2', 'content-length: 20'], '{}')],
  ['a length beyond all', post(['content-length: 99999999999999999999'], '{}')],
  ['a length and pieces', post(['content-length: 2', 'transfer-encoding: chunked'], '0\r\n\r\n')],
  ['a piece of no length', post(['transfer-encoding: chunked'], 'x\r\n{}\r\n0\r\n\r\n')],
  ['a piece too long', post(['transfer-encoding: chunked'], 'ffffffffffffffff\r\n{}\r\n0\r\n\r\n')],
  [
    '300 KB in pieces',
    post(['transfer-encoding: chunked'], `${`1000\r\n${'x'.repeat(4_096)}\r\n`.repeat(75)}0\r\n\r\n`),
  ],
  ['less than was said', post(['content-length: 100'], '{"login":')],
  ['a second request behind the first', post(['content-length: 2'], '{}GET /health HTTP/1.1\r\nhost: x\r\n\r\n')],
  ['an expectation', post(['content-length: 2', 'expect: 100-continue'], '{}')],
  ['another upgrade', 'GET /v1/socket HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n'],
]

const oddHandshakes = (token: string): [what: string, bytes: string, isRuntimes?: true][] => [
  ['an old version', upgradeRequest('/v1/socket', { 'sec-websocket-version': '8' })],
  ['no key', upgradeRequest('/v1/socket', { 'sec-websocket-key': '' })],
  ['a key that is none', upgradeRequest('/v1/socket', { 'sec-websocket-key': 'é'.repeat(100) })],
  ['no token', upgradeRequest('/v1/socket')],
  ['a token that is none', upgradeRequest('/v1/socket', { authorization: `Bearer ${token}x` })],
  [
    'another origin',
    upgradeRequest('/v1/socket', { origin: 'https://elsewhere.example', authorization: `Bearer ${token}` }),
  ],
  ['an origin that is none', upgradeRequest('/v1/socket', { origin: 'null', authorization: `Bearer ${token}` })],
  ...['', 'x', '1.x', `1.${'A'.repeat(43)}`, `99999999.${'A'.repeat(43)}`, '\u0001', 'a b'].flatMap(
    (ticket): [string, string][] => [
      [
        `the ticket ${ticket}`,
        upgradeRequest('/v1/socket', { 'sec-websocket-protocol': `causerie.v1, ticket.${ticket}` }),
      ],
      [`the ticket ${ticket} in the query`, upgradeRequest(`/v1/socket?ticket=${encodeURIComponent(ticket)}`)],
    ],
  ),
  ...['1.1', '_', '1.1.1_', 'zzzzzzzzzzzzzz.1.1', '1.1.1'.repeat(10_000), '%00', '-1.0.0'].map(
    (have): [string, string] => [
      `having ${have.slice(0, 20)}`,
      upgradeRequest(`/v1/socket?have=${have}`, { authorization: `Bearer ${token}` }),
    ],
  ),
  ...['/messages/ws', '/ws'].flatMap((path): [string, string][] => [
    [`${path} without a token`, upgradeRequest(path)],
    [`${path} with two`, upgradeRequest(`${path}?token=x&token=${token}`)],
    [`${path} with a bad one`, upgradeRequest(`${path}?token=%00`)],
  ]),
  ...['x', '%00', '%2e%2e', 'a'.repeat(20_000), 'null', '%ff'].map((bad): [string, string] => [
    `/ws/${bad.slice(0, 20)}`,
    upgradeRequest(`/ws/${bad}`),
  ]),
]

export type Found = { sent: number; findings: string[] }

/** Sends all of it, and looks after each whether a socket that does nothing is still served. */
export const sendOddBytes = async (client: Client, token: string): Promise<Found> => {
  const found: Found = { sent: 0, findings: [] }
  const sockets = Object.keys(socketsOf(token))
  await Promise.all([
    ...sockets.map((name) => sendOddFrames(client, token, { name, found })),
    sendOddRequests(client, token, found),
  ])
  return found
}

/** Sends what is no frame, or nearly, to one kind of socket, as a client that would like to compress: nobody may agree to that. */
export const sendOddFrames = async (
  client: Client,
  token: string,
  { name, found, patienceMs = PATIENCE_MS }: { name: string; found: Found; patienceMs?: number },
): Promise<void> => {
  const opening = upgradeRequest(socketsOf(token)[name] ?? '', {
    'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits',
    ...(name === 'native' && { authorization: `Bearer ${token}` }),
  })
  const witness = await Witness.arrive(client, token, found)
  for (const [what, bytes, ...may] of FRAMES) {
    // The documents answer in words of their own, or not at all.
    const maySayNothing =
      may.includes('silence') || (name !== 'native' && (may.includes('reply') || may.includes('refusal')))
    const said = await sayOn(client, opening, { bytes: bytes(), patienceMs: maySayNothing ? 150 : patienceMs })
    const became = becameOf(said)
    const isAllowed =
      may.includes(became) || (became === 'refusal' && may.includes('reply')) || (became === 'silence' && maySayNothing)
    if (!said.head.startsWith('HTTP/1.1 101') || /^sec-websocket-extensions:/im.test(said.head))
      found.findings.push(`${name}: an upgrade that offers to compress came to ${JSON.stringify(said.head)}`)
    if (!isAllowed) found.findings.push(`${name}: ${what} came to ${became} (${said.texts[0]?.slice(0, 200) ?? ''})`)
    noteLeaks(found, `${name}: ${what}`, said)
    await witness.look(`${name}: ${what}`, patienceMs)
  }
  witness.leave()
}

const sendOddRequests = async (client: Client, token: string, found: Found): Promise<void> => {
  const witness = await Witness.arrive(client, token, found)
  for (const [what, bytes, isRuntimes = false] of [...REQUESTS, ...oddHandshakes(token)]) {
    const said = await sayRaw(client, bytes)
    const status = Number(/^HTTP\/1\.1 (\d+)/.exec(said.head)?.[1] ?? 0)
    if (status >= 500 && !isRuntimes && !RUNTIMES_OWN.includes(status))
      found.findings.push(`${what} came to status ${status}`)
    if (said.close === 1011 || said.close === 4500) found.findings.push(`${what} came to close ${said.close}`)
    noteLeaks(found, what, said)
    await witness.look(what)
  }
  witness.leave()
}

/** A socket that does no harm and must go on being served. */
class Witness {
  readonly #listener: Listener
  readonly #found: Found

  private constructor(listener: Listener, found: Found) {
    this.#listener = listener
    this.#found = found
  }

  static async arrive(client: Client, token: string, found: Found): Promise<Witness> {
    return new Witness(await Listener.open(client.base, '/v1/socket', token), found)
  }

  async look(after: string, patienceMs = PATIENCE_MS): Promise<void> {
    const { heard } = this.#listener
    this.#found.sent += 1
    heard.length = 0
    this.#listener.say('{"id":"witness","type":"presence.get","userIds":[]}')
    const isServed = await this.#listener.until(() => heard.some((text) => text.includes('"witness"')), patienceMs)
    if (!isServed || this.#listener.closed) this.#found.findings.push(`after ${after} other sockets are not served`)
  }

  leave(): void {
    this.#listener.close()
  }
}

const socketsOf = (token: string): Record<string, string> => ({
  native: '/v1/socket',
  direct: `/messages/ws?token=${token}`,
  sealed: `/ws?token=${token}`,
  friends: `/ws/${token}`,
  rooms: '/ws/chat',
})

/** Opens a socket, says this, and waits for what comes of it. */
const sayOn = async (
  client: Client,
  opening: string,
  { bytes, patienceMs }: { bytes: Uint8Array; patienceMs: number },
): Promise<Said> => {
  const connection = await RawConnection.open(client.port)
  connection.say(opening)
  await until(() => connection.said.head.includes('101') || connection.said.isEnded, PATIENCE_MS)
  // The documents have no greeting.
  const isGreeted = () => connection.said.texts.some((text) => text.startsWith('{"type":"hello"'))
  if (opening.startsWith('GET /v1/socket')) await until(() => isGreeted() || connection.said.isEnded, PATIENCE_MS)
  await quiet(connection)
  const greeting = connection.said.texts.length
  connection.say(bytes)
  await until(() => hasAnswered(connection.said, greeting), patienceMs)
  await quiet(connection)
  const said = { ...connection.said, texts: connection.said.texts.slice(greeting) }
  connection.destroy()
  return said
}

const sayRaw = async (client: Client, bytes: string): Promise<Said> => {
  const connection = await RawConnection.open(client.port)
  connection.say(Buffer.from(bytes, 'latin1'))
  await until(() => connection.said.head !== '' || connection.said.isEnded, 300)
  await quiet(connection)
  const { said } = connection
  connection.destroy()
  return said
}

const hasAnswered = ({ texts, pongs, close, isEnded }: Said, greeting: number): boolean =>
  texts.length > greeting || pongs > 0 || close !== null || isEnded

/** Waits until nothing more comes. */
const quiet = async (connection: RawConnection): Promise<void> => {
  let seen = ''
  for (;;) {
    await sleep(15)
    const now = JSON.stringify(connection.said)
    if (now === seen) return
    seen = now
  }
}

const becameOf = ({ texts, pongs, close, isEnded, isReset }: Said): May => {
  if (close !== null) return close
  if (isEnded || isReset) return 1006
  if (texts.length > 0) return texts.some((text) => text.includes('"ok":true')) ? 'reply' : 'refusal'
  return pongs > 0 ? 'pong' : 'silence'
}

const noteLeaks = (found: Found, what: string, { head, texts }: Said): void => {
  const leak = leakIn([head, ...texts].join('\n'), '')
  if (leak !== null) found.findings.push(`${what}: the answer says ${JSON.stringify(leak)}`)
}

const until = async (holds: () => boolean, timeoutMs: number): Promise<void> => {
  for (const end = performance.now() + timeoutMs; !holds() && performance.now() < end;) await sleep(2)
}
