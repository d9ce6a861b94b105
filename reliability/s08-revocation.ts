import { setTimeout as sleep } from 'node:timers/promises'
import { PASSWORD } from '../chaos/person.ts'
import { ask } from '../harness/rest.ts'
import { type Guest, type NativeClient, newGuest, openClient, openGroup, signIn } from './guest.ts'
import { percentile, type Row } from './row.ts'

const TRIALS = 1_000
const PAIRS = 6
const WITHIN_MS = 1_000
/** How long somebody who lost a right goes on trying, and the others go on speaking, once either did so after the call. */
const AFTER_MS = 250
const NEVER_MS = 10_000

/** One who goes and one who stays, with a group and a direct conversation of theirs. */
type Pair = { victim: Guest; other: Guest; otherClient: NativeClient; group: number; direct: number }

type Kind = {
  name: string
  /** Where something is said that must not be heard, nor be taken, once `revoke` has answered. */
  place: (pair: Pair) => number
  /** Whether the socket closes; else the victim is told, or nobody is. */
  ends: 'closed' | 'told' | 'silently'
  /** The other may not speak there either then, so nothing is said that could be heard. */
  isMute?: true
  revoke: (base: string, pair: Pair, device: Guest) => Promise<boolean>
  /** Nothing more can be tried on these two: the victim is no more, or may not change the password again for a while. */
  endsPair?: boolean
  /** Makes it good again for the next trial. */
  mend: (base: string, pair: Pair) => Promise<void>
}

/**
 * `ms` is null where nobody is to be told; `before` is what was heard and taken while it was still right; `spoken` what the other said after
 * the call, and the server took.
 */
type Trial = { ms: number | null; before: number; spoken: number; heard: number; taken: number; refused: number }

/** Rights that end while their owner talks. */
export const revocation: Row = {
  id: 'S8',
  demands:
    `${TRIALS} rights that end: closed or told ≤ 1 s at p99 and always at last, nothing delivered and nothing taken after the call, ` +
    'while others go on speaking (but one who blocked, who may not either) and the owner goes on trying',
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const trials = new Map<string, Trial[]>(KINDS.map(({ name }) => [name, []]))
    let next = 0
    const tryOn = async (): Promise<void> => {
      let pair = await newPair(server.url)
      for (let i = next++; i < TRIALS; i = next++) {
        const kind = KINDS[i % KINDS.length] as Kind
        trials.get(kind.name)?.push(await tryOnce(server.url, kind, pair))
        await kind.mend(server.url, pair)
        if (kind.endsPair) {
          pair.otherClient.socket.cut()
          pair = await newPair(server.url)
        }
      }
      pair.otherClient.socket.cut()
    }
    await Promise.all(Array.from({ length: PAIRS }, tryOn))
    await server.kill()
    const all = [...trials.values()].flat()
    const sum = (of: (trial: Trial) => number): number => all.reduce((total, trial) => total + of(trial), 0)
    const timesOf = (some: Trial[]): number[] => some.map(({ ms }) => ms).filter((ms) => ms !== null)
    const byKind = KINDS.map(({ name }) => {
      const some = trials.get(name) ?? []
      const times = timesOf(some)
      const told = times.length === 0 ? '' : `, p99 ${percentile(times, 0.99).toFixed(0)} ms`
      const spoken = some.reduce((total, trial) => total + trial.spoken, 0)
      return `${some.length} × ${name}${told}, ${spoken} said by others`
    })
    const times = timesOf(all)
    const [p50, p99, slowest] = [percentile(times, 0.5), percentile(times, 0.99), Math.max(...times)]
    const unheard = KINDS.filter(({ isMute }) => !isMute)
      .flatMap(({ name }) => trials.get(name) ?? [])
      .filter(({ spoken }) => spoken === 0).length
    const figure =
      `${all.length} trials: closed or told after ${p50.toFixed(0)} ms (p50), ${p99.toFixed(0)} ms (p99), ` +
      `${slowest >= NEVER_MS ? 'one NEVER' : `${slowest.toFixed(0)} ms (slowest)`}; ` +
      `of ${sum(({ spoken }) => spoken)} messages that others said after the call and the server took ${sum(({ heard }) => heard)} delivered ` +
      `(${unheard} trials without any that should have some), ` +
      `of ${sum(({ refused, taken }) => refused + taken)} writes tried after it ${sum(({ taken }) => taken)} taken ` +
      `(${sum(({ before }) => before)} heard or taken before)\n     ${byKind.join('; ')}`
    const isGood =
      all.length === TRIALS &&
      p99 <= WITHIN_MS &&
      slowest < NEVER_MS &&
      sum(({ heard, taken }) => heard + taken) === 0 &&
      unheard === 0 &&
      all.every(({ refused }) => refused > 0)
    return { isGood, figure }
  },
}

const tryOnce = async (base: string, kind: Kind, pair: Pair): Promise<Trial> => {
  const device = await signIn(base, pair.victim.name, PASSWORD)
  const client = await openClient(base, device)
  const c = kind.place(pair)
  /** What is said from then on must not be heard. */
  const forbidden = new Set<string>()
  const framesAfter: string[] = []
  let heardBefore = 0
  let endedAt: number | null = null
  const end = (): void => void (endedAt ??= performance.now())
  client.hear = (frame) => {
    const { type, message, conversationId } = frame
    if (forbidden.size > 0) framesAfter.push(JSON.stringify(frame))
    if (message?.senderId === pair.other.id) heardBefore += 1
    if (kind.ends === 'told' && type === 'conversation.deleted' && conversationId === c) end()
  }
  void client.socket.closed.then(() => kind.ends === 'closed' && end())
  let said = 0
  let hasReturned = false
  let isOver = false
  const loop = async (once: (clientId: string) => Promise<unknown>): Promise<void> => {
    while (!isOver) {
      await Promise.race([
        once(`${kind.name.replaceAll(' ', '-')}-${device.sessionId}-${(said += 1)}`.slice(-64)),
        sleep(NEVER_MS, null, { ref: false }),
      ])
      await sleep(5)
    }
  }
  let spoken = 0
  let taken = 0
  let takenBefore = 0
  let refused = 0
  const write = async (send: (clientId: string) => Promise<boolean | null>, clientId: string): Promise<void> => {
    // Only what begins after the answer must not be taken.
    const isAfter = hasReturned
    const ok = await send(clientId)
    if (!isAfter && ok) takenBefore += 1
    // What is not answered was not refused: on a socket that is closed nothing can be tried.
    if (!isAfter || ok === null) return
    if (ok) taken += 1
    else refused += 1
  }
  const byRest = async (clientId: string): Promise<boolean | null> => {
    const json = { clientId, content: { kind: 'text', text: clientId } }
    const path = `/v1/conversations/${c}/messages`
    const answer = await ask(base, { method: 'POST', path, token: device.token, json })
    return answer.status === null ? null : answer.ok
  }
  const bySocket = async (clientId: string): Promise<boolean | null> =>
    endedAt !== null && kind.ends === 'closed' ? null : ((await client.say(c, clientId))?.ok ?? null)
  const speak = async (clientId: string): Promise<void> => {
    const isAfter = hasReturned
    if (isAfter) forbidden.add(clientId)
    const reply = await pair.otherClient.say(c, clientId)
    if (isAfter && reply?.ok) spoken += 1
  }
  const going = [loop(speak), loop((id) => write(byRest, id)), loop((id) => write(bySocket, id))]
  // A right that was never used shows nothing when it is gone.
  while (heardBefore === 0 || takenBefore === 0) await sleep(5)
  const isDone = await kind.revoke(base, pair, device)
  const returnedAt = performance.now()
  hasReturned = true
  if (!isDone) throw new Error(`${kind.name}: the call was refused`)
  const isWaiting = (): boolean =>
    refused === 0 || (!kind.isMute && spoken === 0) || (kind.ends !== 'silently' && endedAt === null)
  while (isWaiting() && performance.now() - returnedAt < NEVER_MS) await sleep(5)
  await sleep(AFTER_MS)
  isOver = true
  await Promise.all(going)
  client.socket.cut()
  // Anywhere in a frame: a line of the inbox tells what was said last, too.
  const heard = framesAfter.filter((frame) => [...forbidden].some((clientId) => frame.includes(clientId))).length
  // What was told before the call answered was told in time.
  const ms = endedAt === null ? Math.max(NEVER_MS, performance.now() - returnedAt) : Math.max(0, endedAt - returnedAt)
  const before = heardBefore + takenBefore
  return { ms: kind.ends === 'silently' ? null : ms, before, spoken, heard, taken, refused }
}

const newPair = async (base: string): Promise<Pair> => {
  const [victim, other] = [await newGuest(base), await newGuest(base)]
  const group = await openGroup(base, other, [victim])
  const json = { kind: 'direct', userId: victim.id }
  const request = { method: 'POST', path: '/v1/conversations', token: other.token, json }
  const opened = await ask<{ conversation: { id: number } }>(base, request)
  if (opened.status === null || !opened.ok) throw new Error('The direct conversation could not be opened.')
  const otherClient = await openClient(base, other)
  // Others' frames are not looked at.
  otherClient.hear = () => {}
  return { victim, other, otherClient, group, direct: opened.body.conversation.id }
}

const isOk = async (base: string, request: Parameters<typeof ask>[1]): Promise<boolean> => {
  const answer = await ask(base, request)
  return answer.status !== null && answer.ok
}

const inGroup = ({ group }: Pair): number => group
const nothing = (): Promise<void> => Promise.resolve()

const KINDS: Kind[] = [
  {
    name: 'signed out',
    place: inGroup,
    ends: 'closed',
    revoke: (base, _, { token }) => isOk(base, { method: 'POST', path: '/v1/auth/logout', token }),
    mend: nothing,
  },
  {
    name: 'password changed',
    place: inGroup,
    ends: 'closed',
    endsPair: true,
    revoke: async (base, pair) => {
      const { token } = await signIn(base, pair.victim.name, PASSWORD)
      const newPassword = `${PASSWORD} ${Math.random()}`
      const json = { currentPassword: PASSWORD, newPassword }
      return isOk(base, { method: 'PUT', path: '/v1/me/password', token, json })
    },
    mend: nothing,
  },
  {
    name: 'session ended from another',
    place: inGroup,
    ends: 'closed',
    revoke: async (base, { victim }, { sessionId }) => {
      const { token } = await signIn(base, victim.name, PASSWORD)
      return isOk(base, { method: 'DELETE', path: `/v1/auth/sessions/${sessionId}`, token })
    },
    mend: nothing,
  },
  {
    name: 'member removed',
    place: inGroup,
    ends: 'told',
    revoke: (base, { group, other, victim }) =>
      isOk(base, { method: 'DELETE', path: `/v1/conversations/${group}/members/${victim.id}`, token: other.token }),
    mend: async (base, { group, other, victim }) => {
      const path = `/v1/conversations/${group}/members`
      await isOk(base, { method: 'POST', path, token: other.token, json: { userIds: [victim.id] } })
    },
  },
  {
    name: 'blocked',
    place: ({ direct }) => direct,
    // Nobody is told who blocked them.
    ends: 'silently',
    isMute: true,
    revoke: (base, { other, victim }) =>
      isOk(base, { method: 'PUT', path: `/v1/blocks/${victim.id}`, token: other.token }),
    mend: async (base, { other, victim }) => {
      await isOk(base, { method: 'DELETE', path: `/v1/blocks/${victim.id}`, token: other.token })
    },
  },
  {
    name: 'account deleted',
    place: inGroup,
    ends: 'closed',
    endsPair: true,
    revoke: (base, _, { token }) =>
      isOk(base, { method: 'DELETE', path: '/v1/me', token, json: { password: PASSWORD } }),
    mend: nothing,
  },
]
