import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { openConversation, openSocket } from '../load/causerie.ts'
import { processorTimeEach } from '../load/processor-time.ts'
import { startsWith } from '../load/room.ts'
import { Series } from '../load/series.ts'
import type { Measurement } from '../measurement.ts'
import { request } from '../rest.ts'
import type { Bar, Causerie, Context, Person, Scenario } from '../scenario.ts'

const SHORT = 1_000
const LONG = 1_000_000
/** So many are on their way to the server while a conversation is written. */
const WINDOW = 100
const PER_TURN = 60
const AT_ONCE = 4
/** What somebody missed who was away for a while. */
const MISSED = 50

type Conversation = { id: number; reader: Person; length: number; subject: string; rev: number }

const DEEDS = {
  newest: 'the newest 100 messages',
  middle: '100 messages around the middle',
  changes: `the last ${MISSED} changes`,
  changesBySocket: `the last ${MISSED} changes, by a socket that is there`,
  hello: 'a socket with its hello',
}
type Deed = keyof typeof DEEDS

const run = async (context: Context): Promise<Measurement[]> => {
  const causerie = await context.startCauserie({ people: 4 })
  try {
    const [alice, bob, carol, dave] = causerie.people as [Person, Person, Person, Person]
    const [short, long] = [await converse(causerie, [alice, bob]), await converse(causerie, [carol, dave])]
    const length = context.quick ? 10 * SHORT : LONG
    await causerie.restart(() => lengthen(causerie, long, length))
    const conversations = [
      await stateOf(causerie, { id: short, reader: bob, length: SHORT, subject: OF_SHORT }),
      await stateOf(causerie, { id: long, reader: dave, length, subject: OF_LONG }),
    ]
    context.log(`${conversations.map(({ rev }) => rev.toLocaleString('en')).join(' and ')} revisions are there`)
    const series = new Series()
    const times = context.quick ? 20 : PER_TURN
    for (let round = 0; round <= context.rounds; round += 1) {
      for (const deed of Object.keys(DEEDS) as Deed[]) {
        for (const conversation of conversations) {
          const spent =
            deed === 'changesBySocket'
              ? await changesBySocket(causerie, conversation, times)
              : await processorTimeEach(causerie, { times, atOnce: AT_ONCE }, () =>
                  perform(deed, causerie.url, conversation),
                )
          if (round === 0) continue
          series.add({ scenario: DEEDS[deed], subject: conversation.subject, metric: CPU, unit: 'µs' }, spent)
          context.log(`${DEEDS[deed]}, of ${conversation.subject}, round ${round}: ${spent.toFixed(0)} µs of CPU`)
        }
      }
    }
    return series.measurements
  } finally {
    await causerie.stop()
  }
}

const CPU = 'CPU'
const OF_SHORT = '1,000'
const OF_LONG = '1,000,000'

/** Has the first of two say a thousand things, as clients do; the other one is away. */
const converse = async ({ url }: Causerie, people: [Person, Person]): Promise<number> => {
  const id = await openConversation(url, people)
  const socket = await openSocket(url, people[0])
  let [sent, answered] = [0, 0]
  await new Promise<void>((resolve, reject) => {
    const send = (): void => {
      for (; sent < SHORT && sent < answered + WINDOW; sent += 1) socket.send(frame(id, sent))
    }
    socket.onFrame = (data) => {
      if (!startsWith(data, REPLY)) return
      if (data.subarray(0, 60).includes('"ok":false')) reject(new Error(`A message was refused: ${data.toString()}`))
      answered += 1
    }
    socket.onRest = () => {
      send()
      if (answered === SHORT) resolve()
      else if (socket.isClosed) reject(new Error(`The socket was closed after ${answered} messages.`))
    }
    send()
  })
  await socket.close()
  return id
}

/**
 * Goes on with a conversation in its file, in rows like the last one that the server wrote, while the server is down: a million messages sent
 * as clients send them would take longer than all the rest.
 */
const lengthen = ({ folder }: Causerie, id: number, length: number): void => {
  const objects = join(folder, 'state', 'v3', 'do', 'causerie-Conversation')
  for (const name of readdirSync(objects)) {
    if (!name.endsWith('.sqlite') || name === 'metadata.sqlite') continue
    const database = new DatabaseSync(join(objects, name))
    if (database.prepare('SELECT id FROM conversation WHERE id = ?').get(id)) {
      database.exec(`
        WITH RECURSIVE
          last AS (SELECT * FROM messages ORDER BY seq DESC LIMIT 1),
          next(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM next WHERE n < ${length - SHORT})
        INSERT INTO messages (seq, rev, sender_id, client_id, created_at, body)
        SELECT seq + n, rev + n, sender_id, 'written-' || (seq + n), created_at, body FROM next, last
      `)
    }
    database.close()
  }
}

const stateOf = async ({ url }: Causerie, conversation: Omit<Conversation, 'rev'>): Promise<Conversation> => {
  const { id, reader, length } = conversation
  const path = `${url}/v1/conversations/${id}`
  const { rev, seq } = await request<{ rev: number; seq: number }>(path, { token: reader.token })
  if (seq !== length) throw new Error(`The conversation has ${seq} messages, not ${length}.`)
  return { ...conversation, rev }
}

const REPLY = Buffer.from('{"type":"reply"')

const frame = (conversationId: number, n: number): string =>
  JSON.stringify({
    id: n,
    type: 'message.send',
    conversationId,
    clientId: `written-${n}`,
    content: { kind: 'text', text: `#${n} what somebody said to somebody, long ago or just now` },
  })

const perform = async (deed: Deed, url: string, { id, length, reader, rev }: Conversation): Promise<void> => {
  if (deed === 'hello') return (await openSocket(url, reader)).cut()
  const { token } = reader
  const base = `${url}/v1/conversations/${id}`
  if (deed === 'changes') {
    const { messages } = await request<{ messages: unknown[] }>(`${base}/changes?since=${rev - MISSED}`, { token })
    return expectSo(messages.length, MISSED)
  }
  const query = deed === 'newest' ? 'limit=100' : `before=${length / 2 + 50}&limit=100`
  const { items } = await request<{ items: unknown[] }>(`${base}/messages?${query}`, { token })
  expectSo(items.length, 100)
}

/** As clients ask who have a socket already. What proves who one is costs nothing here, so what the history costs shows more. */
const changesBySocket = async (causerie: Causerie, conversation: Conversation, times: number): Promise<number> => {
  const { id: conversationId, reader, rev } = conversation
  const socket = await openSocket(causerie.url, reader)
  let heard: (reply: Buffer) => void = () => {}
  socket.onFrame = (data) => {
    if (startsWith(data, REPLY)) heard(Buffer.from(data))
  }
  const spent = await processorTimeEach(causerie, { times, atOnce: 1 }, async (n) => {
    const answered = new Promise<Buffer>((resolve) => (heard = resolve))
    socket.send(JSON.stringify({ id: n, type: 'changes.get', conversationId, since: rev - MISSED, limit: 100 }))
    const reply = JSON.parse((await answered).toString()) as { result?: { messages: unknown[] } }
    expectSo(reply.result?.messages.length ?? 0, MISSED)
  })
  await socket.close()
  return spent
}

const expectSo = (count: number, expected: number): void => {
  if (count !== expected) throw new Error(`${count} messages came, not ${expected}.`)
}

const bars: Bar[] = Object.values(DEEDS).map((scenario) => ({
  claim: `CPU for ${scenario} of a million, times that of a thousand`,
  atMost: 1.5,
  of: (figures) =>
    figures.ratio({ scenario, subject: OF_LONG, metric: CPU }, { scenario, subject: OF_SHORT, metric: CPU }),
}))

const title = 'CPU of the server, µs, by how many messages the conversation has'
const plots = [{ file: 'history', metric: CPU, title }]

export const history: Scenario = { name: 'history', baseline: OF_LONG, bars, plots, run }
