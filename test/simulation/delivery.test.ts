import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Random } from '../../harness/random.ts'
import type { Order } from '../../src/core/orders.ts'
import type { EntryAnswer } from '../../src/objects/batch.ts'
import { Guard } from '../../src/objects/guard.ts'
import type { InboxPage } from '../../src/protocol/conversation.ts'
import { type Made, problemsOf } from './judge.ts'
import { type Faults, Platform } from './platform.ts'

/**
 * The real conversation and the real hubs of its members, in simulated time, over a network that loses calls and answers, doubles and delays them,
 * with objects that die and are hibernated. One number makes a whole run, so a run that fails can be looked at again:
 * `SIMULATIONS=1 SIMULATION_SEED=57 npx vitest run --project simulation`.
 */
const RUNS = Number(process.env['SIMULATIONS'] ?? 150)
const FIRST_SEED = Number(process.env['SIMULATION_SEED'] ?? 1)

const USERS = [1, 2, 3]
const CONVERSATION = 7
const STEPS = 40

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], now: Date.UTC(2026, 0) })
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.clearAllTimers()
  vi.useRealTimers()
})

const classes = async () => ({
  conversation: (await import('../../src/objects/conversation.ts')).Conversation,
  hub: (await import('../../src/objects/user-hub.ts')).UserHub,
})

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms)

/** What else one run does, beside writing: each with its weight, or not at all. */
const faultsOf = (random: () => number) => {
  const some = (share: number) => (random() < 0.6 ? share : 0)
  const faults: Faults = {
    lostCalls: some(0.05),
    lostAnswers: some(0.05),
    doubledCalls: some(0.03),
    delays: some(0.3),
    hungCalls: random() < 0.3 ? 0.01 : 0,
    // Mostly shorter than a call may take, and now and then longer.
    longestDelay: random() < 0.8 ? 3_000 : 45_000,
    lateAlarms: some(0.3),
  }
  const weights = {
    crash: some(5),
    hibernate: some(7),
    disconnect: some(4),
    abort: some(2),
    members: some(7),
    quiet: some(2),
  }
  return { faults, weights }
}

const simulate = async (seed: number): Promise<string[]> => {
  const chance = new Random(seed)
  const random = () => chance.next()
  const platform = new Platform(await classes(), random)
  const { faults, weights } = faultsOf(random)
  const { db } = platform.object('conversation', CONVERSATION)
  const pick = <Item>(items: Item[]): Item => chance.pick(items)
  const until = async <Answer>(work: Promise<Answer>): Promise<Answer> => {
    await Promise.all([work.catch(() => {}), pass(3_000)])
    return work
  }
  const order = (userId: number, what: Order) => {
    platform.ask('hub', userId, 'order', what).catch(() => {})
  }
  const messages = (): Made[] =>
    db
      .prepare('SELECT seq, rev, deleted_at AS deletedAt FROM messages')
      .all()
      .map((row) => ({
        seq: Number(row['seq']),
        rev: Number(row['rev']),
        isDeleted: row['deletedAt'] !== null,
      }))
  const someMessage = () => CONVERSATION * 2 ** 26 + 1 + Math.floor(random() * Math.max(1, messages().length))

  await until(
    platform.ask('conversation', CONVERSATION, 'create', {
      conversationId: CONVERSATION,
      kind: 'group',
      title: null,
      userIds: USERS,
    }),
  )
  for (const userId of USERS) await until(platform.open(userId))
  platform.faults = faults

  let step = 0
  const write = (text: string) => ({ kind: 'text' as const, text })
  const deeds: [number, (userId: number) => unknown][] = [
    [
      40,
      (u) =>
        order(u, {
          type: 'message.send',
          conversationId: CONVERSATION,
          clientId: `c${step}`,
          content: write(`t${step}`),
        }),
    ],
    [10, (u) => order(u, { type: 'message.edit', messageId: someMessage(), content: write(`e${step}`) })],
    [5, (u) => order(u, { type: 'message.delete', messageId: someMessage() })],
    [7, (u) => order(u, { type: 'read.mark', conversationId: CONVERSATION, seq: messages().length })],
    [3, (u) => void platform.ask('hub', u, 'inbox', { limit: 100 }).catch(() => {})],
    [8, (u) => void platform.open(u).catch(() => {})],
    [weights.disconnect, () => disconnect(platform, pick)],
    [weights.crash, () => platform.object('conversation', CONVERSATION).die({ keepSockets: false })],
    [weights.abort, (u) => platform.object('hub', u).die({ keepSockets: false })],
    [weights.hibernate, (u) => hibernate(platform, u)],
    [weights.members, () => order(1, { type: 'member.remove', conversationId: CONVERSATION, userId: 3 })],
    [weights.members, () => order(1, { type: 'member.add', conversationId: CONVERSATION, userIds: [3] })],
    [weights.quiet, () => pass(3_700_000)],
  ]
  const total = deeds.reduce((sum, [weight]) => sum + weight, 0)
  for (; step < STEPS; step += 1) {
    let at = random() * total
    const [, deed] = deeds.find(([weight]) => (at -= weight) < 0) ?? pick(deeds)
    await deed(pick(USERS))
    await pass(random() < 0.5 ? random() * 20 : random() * 1_500)
  }

  platform.faults = null
  await pass(180_000)
  const rest = await problemsAtRest(platform, messages(), until)
  order(1, { type: 'message.send', conversationId: CONVERSATION, clientId: 'last', content: write('last') })
  await pass(60_000)
  return [...rest, ...(await problemsAtRest(platform, messages(), until))]
}

const disconnect = async (platform: Platform, pick: <Item>(items: Item[]) => Item): Promise<void> => {
  const open = platform.sockets.filter(({ socket }) => socket.isOpen)
  if (open.length === 0) return
  const { userId, socket } = pick(open)
  await platform.object('hub', userId).close(socket)
}

/** As the platform does it where nothing happened for ten seconds; now and then with sockets whose notes have no room for this conversation. */
const hibernate = async (platform: Platform, userId: number): Promise<void> => {
  await pass(12_000)
  const hub = platform.object('hub', userId)
  if (Date.now() - hub.activeAt < 10_000) return
  hub.die({ keepSockets: true })
  if (platform.random() < 0.5) return
  for (const socket of hub.sockets) {
    const attachment = socket.attachment as { heard: Map<number, number> }
    for (const [id, rev] of attachment.heard) {
      hub.db.prepare('UPDATE inbox SET heard = ? WHERE conversation_id = ?').run(rev, id)
    }
    attachment.heard = new Map()
  }
}

const problemsAtRest = async (
  platform: Platform,
  messages: Made[],
  until: <Answer>(work: Promise<Answer>) => Promise<Answer>,
): Promise<string[]> => {
  const problems: string[] = []
  const members = membersIn(platform)
  // First of all, for to read an inbox mends what it finds.
  for (const [i, { userId, socket }] of platform.sockets.entries()) {
    if (!socket.isOpen) continue
    const asked = { told: socket.told, conversationId: CONVERSATION, isMember: members.includes(userId), messages }
    problems.push(...problemsOf(asked).map((problem) => `socket ${i} of user ${userId}: ${problem}`))
  }
  for (const userId of USERS) {
    const page = await until(platform.ask<InboxPage>('hub', userId, 'inbox', { limit: 100 }))
    const line = page.items.find(({ conversation }) => conversation.id === CONVERSATION) ?? null
    const input = { userId, nap: null }
    const { entry } = await until(platform.ask<EntryAnswer>('conversation', CONVERSATION, 'entryFor', input))
    if (JSON.stringify(line) !== JSON.stringify(entry)) problems.push(`user ${userId}: the line of the inbox is wrong`)
  }
  return problems
}

const membersIn = (platform: Platform): number[] =>
  platform
    .object('conversation', CONVERSATION)
    .db.prepare('SELECT user_id AS id FROM members WHERE left_at IS NULL')
    .all()
    .map(({ id }) => Number(id))

test(`[SYNC9] in ${RUNS} simulated runs every socket is told everything once and in order, and every inbox is right`, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed += 1) {
    expect(await simulate(seed), `seed ${seed}`).toEqual([])
    vi.clearAllTimers()
  }
}, 600_000)

test('[SYNC9] that a conversation takes nothing up again after its death would be found', async () => {
  vi.spyOn(Guard.prototype, 'arm').mockReturnValue(undefined)
  let problems: string[] = []
  for (let seed = 1; seed < 50 && problems.length === 0; seed += 1) {
    problems = await simulate(seed)
    vi.clearAllTimers()
  }

  expect(problems.join()).toMatch(/ of user \d: .* did not come/)
}, 600_000)
