import { newGuests, newGuest, randomNetwork } from './guest.ts'
import { percentile, type Row } from './row.ts'

const PEOPLE = 260
/** Two ways use the same names, and five guesses for one are all that is heard. */
const TRIES = 2
/** The first tries warm up the server and the connection. */
const WARMING = 20
const MOST_T = 4.5
const MOST_MS = 10

type Way = { name: string; ask: (login: string) => { path: string; init: RequestInit } }
type Seen = { ms: number; shape: string }

/** Whether an answer, or the time that it takes, tells who has an account. */
export const enumeration: Row = {
  id: 'S10',
  demands: `known and unknown accounts: equal answers, |t| < ${MOST_T} and medians < ${MOST_MS} ms apart, ${PEOPLE * TRIES - WARMING} tries of each`,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const people = await newGuests(server.url, PEOPLE)
    const reader = await newGuest(server.url)
    const known = people.map(({ name }) => name)
    // As long as those that are known, so that nothing but being known tells them apart.
    const unknown = known.map((name) => name.replace('person', 'nobody'))
    const lines: string[] = []
    let isGood = true
    for (const way of WAYS(reader.token)) {
      const pairs = Array.from({ length: TRIES }, () =>
        known.map((name, i) => [name, unknown[i] ?? ''] as const),
      ).flat()
      const seen: { known: Seen[]; unknown: Seen[] } = { known: [], unknown: [] }
      for (const [index, pair] of pairs.entries()) {
        // Which comes first is drawn, or the second would always find warm what the first one warmed.
        const kinds = Math.random() < 0.5 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)
        for (const kind of kinds) {
          const { path, init } = way.ask(pair[kind === 'known' ? 0 : 1])
          const one = await timed(server.url + path, init)
          if (index >= WARMING) seen[kind].push(one)
        }
      }
      const shapes = new Set([...seen.known, ...seen.unknown].map(({ shape }) => shape))
      const [a, b] = [seen.known.map(({ ms }) => ms), seen.unknown.map(({ ms }) => ms)]
      const t = welch(a, b)
      const apart = percentile(a, 0.5) - percentile(b, 0.5)
      isGood &&= shapes.size === 1 && Math.abs(t) < MOST_T && Math.abs(apart) < MOST_MS
      lines.push(
        `${way.name}: ${shapes.size === 1 ? `one answer (${[...shapes][0]?.slice(0, 3)})` : `${shapes.size} different answers`}, ` +
          `t = ${t.toFixed(2)}, medians ${percentile(a, 0.5).toFixed(1)} and ${percentile(b, 0.5).toFixed(1)} ms, n = ${a.length} each` +
          (shapes.size === 1 ? '' : [...shapes].map((shape) => `\n       ${shape}`).join('')),
      )
    }
    await server.kill()
    return { isGood, figure: lines.join('\n     ') }
  },
}

const post = (path: string, json: object): { path: string; init: RequestInit } => {
  const headers = { 'content-type': 'application/json', 'cf-connecting-ip': randomNetwork() }
  return { path, init: { method: 'POST', headers, body: JSON.stringify(json) } }
}

/**
 * Registering is not among them: it must say that a name is taken. Neither is looking for a username, which is public. An address is
 * not, and whoever looks for one must find nothing.
 */
const WAYS = (token: string): Way[] => [
  { name: 'log-in by name', ask: (login) => post('/v1/auth/login', { login, password: 'not the password' }) },
  {
    name: 'log-in by address',
    ask: (login) => post('/v1/auth/login', { login: `${login}@example.org`, password: 'not the password' }),
  },
  { name: 'log-in of document 004', ask: (username) => post('/login', { username, password: 'not the password' }) },
  {
    name: 'search by address',
    ask: (login) => ({
      path: `/v1/users?query=${encodeURIComponent(`${login}@example.org`)}`,
      init: { headers: { authorization: `Bearer ${token}` } },
    }),
  },
]

const timed = async (url: string, init: RequestInit): Promise<Seen> => {
  const from = performance.now()
  const response = await fetch(url, init)
  const body = await response.text()
  const ms = performance.now() - from
  // A date and an id of the request differ each time, whoever asks.
  const headers = [...response.headers].filter(([name]) => name !== 'date' && name !== 'x-request-id')
  return { ms, shape: `${response.status} ${JSON.stringify(headers)} ${body}` }
}

/** How far apart two means are, in units of what chance would make of them. */
const welch = (a: number[], b: number[]): number => {
  const [one, other] = [momentsOf(a), momentsOf(b)]
  return (one.mean - other.mean) / Math.sqrt(one.variance / a.length + other.variance / b.length)
}

const momentsOf = (values: number[]): { mean: number; variance: number } => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1)
  return { mean, variance }
}
