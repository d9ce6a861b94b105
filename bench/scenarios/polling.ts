import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../../scripts/free-port.ts'
import { PING, PING_INTERVAL_MS, PONG } from '../../src/protocol/wire.ts'
import { ByteCounter } from '../load/byte-counter.ts'
import { openConversation, openSocket } from '../load/causerie.ts'
import { Series } from '../load/series.ts'
import { LoadSocket } from '../load/socket.ts'
import type { Measurement } from '../measurement.ts'
import { request } from '../rest.ts'
import type { Bar, Causerie, Context, Person, Scenario } from '../scenario.ts'

const HOUR_S = 3_600
/** What was said before the hour began. */
const EARLIER = 20
const TIMES = 100
const SOCKETS = 20
const ANSWER_TIMEOUT_MS = 30_000

/** What an hour of a quiet conversation comes to, from a measured number of each thing that happens in it. */
type Cost = { requests: number; bytes: number; cpuUs: number }

const run = async (context: Context): Promise<Measurement[]> => {
  const causerie = await context.startCauserie({ people: 2 })
  const [reader, other] = causerie.people as [Person, Person]
  await causerie.restart(() => makeAdministrators(causerie))
  const upstream = Number(new URL(causerie.url).port)
  const counter = await ByteCounter.listen({ port: await freePort(), upstream })
  try {
    const id = await openConversation(causerie.url, [reader, other])
    await converse(causerie, other, id)
    const { rev } = await request<{ rev: number }>(`${causerie.url}/v1/conversations/${id}`, { token: reader.token })
    const { url } = counter
    const ways: Record<string, (measure: Measure) => Promise<Cost>> = {
      [POLLING]: (measure) =>
        polling(measure, () => request(`${url}/api/admin/chat/conversations/${id}/messages`, { token: reader.token })),
      [SOCKET]: (measure) => connecting(measure, () => openAsDocumented(url, reader)),
      [LEAN_POLLING]: (measure) =>
        polling(measure, () => request(`${url}/v1/conversations/${id}/changes?since=${rev}`, { token: reader.token })),
      [OWN_SOCKET]: async (measure) => {
        const connected = await connecting(measure, () => openSocket(url, reader))
        const pinged = await pinging(measure, await openSocket(url, reader))
        return { requests: 1, bytes: connected.bytes + pinged.bytes, cpuUs: connected.cpuUs + pinged.cpuUs }
      },
    }
    const series = new Series()
    for (let round = 0; round <= context.rounds; round += 1) {
      for (const [subject, way] of Object.entries(ways)) {
        const { requests, bytes, cpuUs } = await way(measureWith(causerie, counter))
        if (round === 0) continue
        series.add({ scenario: SCENARIO, subject, metric: 'requests', unit: 'count' }, requests)
        series.add({ scenario: SCENARIO, subject, metric: 'bytes', unit: 'bytes' }, bytes)
        series.add({ scenario: SCENARIO, subject, metric: 'CPU', unit: 'ms' }, cpuUs / 1000)
        context.log(
          `${subject}, round ${round}: ${requests} requests, ${(bytes / 1000).toFixed(1)} kB and ${(cpuUs / 1000).toFixed(1)} ms of CPU in an hour`,
        )
      }
    }
    return series.measurements
  } finally {
    counter.close()
    await causerie.stop()
  }
}

const SCENARIO = 'an hour of a quiet conversation'
const POLLING = 'polling every second, as document 003 has it'
const SOCKET = 'the socket of document 003'
const LEAN_POLLING = 'polling every second for changes only'
const OWN_SOCKET = 'the native socket, with its pings'

/** The routes of document 003 are for administrators. */
const makeAdministrators = ({ folder }: Causerie): void => {
  const directory = join(folder, 'state', 'v3', 'd1')
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.sqlite') || name.endsWith('metadata.sqlite')) continue
    const database = new DatabaseSync(join(directory, name))
    database.exec('UPDATE users SET is_admin = 1')
    database.close()
  }
}

const converse = async ({ url }: Causerie, { token }: Person, conversationId: number): Promise<void> => {
  for (let n = 0; n < EARLIER; n += 1) {
    const json = { clientId: `earlier-${n}`, content: { kind: 'text', text: `What was said earlier, ${n}` } }
    await request(`${url}/v1/conversations/${conversationId}/messages`, { method: 'POST', token, json })
  }
}

type Measure = (times: number, work: () => Promise<unknown>) => Promise<Pick<Cost, 'bytes' | 'cpuUs'>>

/** Measures what one of many takes. */
const measureWith =
  (causerie: Causerie, counter: ByteCounter): Measure =>
  async (times, work) => {
    const [bytes, cpuMs] = [counter.bytes, causerie.cpuMs()]
    for (let n = 0; n < times; n += 1) await work()
    return { bytes: (counter.bytes - bytes) / times, cpuUs: ((causerie.cpuMs() - cpuMs) * 1000) / times }
  }

const polling = async (measure: Measure, poll: () => Promise<unknown>): Promise<Cost> => {
  const each = await measure(TIMES, poll)
  return { requests: HOUR_S, bytes: each.bytes * HOUR_S, cpuUs: each.cpuUs * HOUR_S }
}

/** One connection that holds for the hour, with its end. */
const connecting = async (measure: Measure, open: () => Promise<LoadSocket>): Promise<Cost> => {
  const each = await measure(SOCKETS, async () => (await open()).close())
  return { requests: 1, ...each }
}

const pinging = async (measure: Measure, socket: LoadSocket): Promise<Pick<Cost, 'bytes' | 'cpuUs'>> => {
  const pings = (HOUR_S * 1000) / PING_INTERVAL_MS
  const each = await measure(TIMES, () => exchange(socket, PING, PONG))
  await socket.close()
  return { bytes: each.bytes * pings, cpuUs: each.cpuUs * pings }
}

const openAsDocumented = async (url: string, { token }: Person): Promise<LoadSocket> => {
  const socket = await LoadSocket.open(`${url.replace('http', 'ws')}/ws/chat`)
  await exchange(socket, JSON.stringify({ event: 'authenticate', data: { token } }), 'authenticated')
  return socket
}

/** Sends a frame and waits for one that says this. */
const exchange = async (socket: LoadSocket, frame: string, answer: string): Promise<void> => {
  const answered = new Promise<string>((resolve) => {
    socket.onFrame = (data) => {
      if (data.includes(answer)) resolve('answered')
    }
  })
  socket.send(frame)
  const late = sleep(ANSWER_TIMEOUT_MS, 'late', { ref: false })
  if ((await Promise.race([answered, late])) === 'late') throw new Error(`No ${answer} came.`)
}

const bars: Bar[] = ['requests', 'bytes', 'CPU'].flatMap((metric) =>
  [
    [SOCKET, POLLING],
    [OWN_SOCKET, LEAN_POLLING],
  ].map(([subject = '', to = '']) => ({
    claim: `${metric} of ${subject}, times ${to}`,
    atMost: 0.01,
    of: (figures) =>
      figures.ratio({ scenario: SCENARIO, subject, metric }, { scenario: SCENARIO, subject: to, metric }),
  })),
)

export const pollingScenario: Scenario = { name: 'polling', bars, run }
