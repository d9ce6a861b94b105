import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { CauserieError, CauserieNetworkError, type CauserieClient, memoryStorage } from '../../src/sdk/index.ts'
import { snapshot } from '../../src/sdk/replica.ts'
import type { Message } from '../../src/protocol/message.ts'
import { anotherDevice, newClient, newPerson, online } from '../support/client.ts'

type Person = Awaited<ReturnType<typeof somebody>>

const ACTS = [
  'send',
  'send',
  'send',
  'edit',
  'delete',
  'react',
  'unreact',
  'pin',
  'read',
  'rename',
  'typing',
  'remove',
  'add',
] as const
const FAULTS = ['crash conversation', 'crash hub', 'evict conversation', 'cut'] as const
/** A few in each run of the tests; thousands in a row of `npm run reliability`. */
const RUNS = Number(env.MODEL_RUNS)
/**
 * What is called while it is being evicted answers when the eviction gives up, after half a minute. Many runs at once have that time; a few
 * let everything come to rest before an eviction.
 */
const IS_SHORT = RUNS < 40
const SEED = env.MODEL_SEED === '' ? undefined : Number(env.MODEL_SEED)
/** So many trios are under way at once: a run is waiting, most of its time. */
const TRIOS = Math.min(RUNS, 40)
const PATIENCE = { timeout: 60_000, interval: 200 }

const step = fc.record({
  who: fc.nat(2),
  does: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...ACTS) },
    { weight: 1, arbitrary: fc.constantFrom(...FAULTS) },
  ),
  what: fc.nat(1000),
  /** Whether the next step waits for this one. */
  waits: fc.boolean(),
  /** What loses its memory after it, and whether it is asked to or dies. */
  loses: fc.constantFrom('conversation', 'own hub', 'other hub'),
  dies: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never
/** What was done, for who asks how much was tried. */
const newTally = () => ({ runs: 0, operations: 0, acknowledged: 0, evictions: 0, crashes: 0 })
type Tally = ReturnType<typeof newTally>

declare module 'vitest' {
  interface TaskMeta {
    model?: Tally
  }
}

test.for([
  { loses: true, title: 'after any commands, each followed by an eviction or a crash,' },
  { loses: false, title: 'after any commands, with a crash now and then,' },
])(
  '[SYNC9] $title a client that applied live events and one that reads anew hold equal state',
  { timeout: 60_000 + RUNS * (IS_SHORT ? 60_000 : 15_000) },
  async ({ loses }, { task }) => {
    const tally = newTally()
    task.meta.model = tally

    const trios = Array.from({ length: TRIOS }, async (_, i) => {
      const people = [await somebody(), await somebody(), await somebody()]
      const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 50, size: 'max' }), (steps) =>
        run({ people, steps, loses, tally }),
      )
      const numRuns = Math.ceil((RUNS - i) / TRIOS)
      const seed = SEED === undefined ? {} : { seed: SEED + i }
      await fc.assert(property, { numRuns, endOnFailure: true, includeErrorInReport: true, ...seed })
    })
    const ends = await Promise.allSettled(trios)
    const diverged = ends.flatMap((end) => (end.status === 'rejected' ? [(end.reason as Error).message] : []))

    expect(diverged, diverged.join('\n\n')).toEqual([])
    // Otherwise the runs proved little.
    expect(tally.acknowledged).toBeGreaterThan(RUNS)
  },
)

const run = async (input: { people: Person[]; steps: Step[]; loses: boolean; tally: Tally }): Promise<void> => {
  const { people, steps, loses, tally } = input
  const [alice, bob, carol] = people as [Person, Person, Person]
  const { conversation } = await alice.client.conversations.createGroup({
    title: 'Picnic',
    memberIds: [bob.id, carol.id],
  })
  const { id } = conversation
  await alice.client.conversations.setRole(id, { userId: bob.id, role: 'admin' })
  await Promise.all(people.map(({ client }) => client.conversation(id).open()))

  const acknowledged: Message[] = []
  const under: Promise<void>[] = []
  for (const each of steps) {
    const isCalm = IS_SHORT && (each.does === 'evict conversation' || (loses && !each.dies))
    if (isCalm) await Promise.all(under)
    // Somebody who was removed does nothing more; a send would wait for ever.
    const isOut = people[each.who]?.client.inbox.get(id) === undefined
    const act = isOut
      ? Promise.resolve()
      : refusable(perform({ people, conversationId: id, tally, acknowledged }, each))
    const waits = each.waits || isCalm
    if (waits) await act
    if (isCalm) await Promise.all(people.map(({ client }) => client.whenOnline()))
    const loss = loses ? lose({ people, conversationId: id, tally }, each) : Promise.resolve()
    if (waits) await loss
    else under.push(act, loss)
    tally.operations += 1
  }
  await Promise.all(under)

  await Promise.all(people.map((person) => agree(person, id)))
  const anew = await alice.anew()
  await anew.conversation(id).open()
  const { messages } = anew.conversation(id)
  for (const { seq, clientId } of acknowledged) expect(messages[seq - 1]).toMatchObject({ seq, clientId })
  anew.disconnect()
  tally.acknowledged += acknowledged.length
  tally.runs += 1
  // An inbox that only grows makes each greeting longer than the one before.
  await alice.client.conversations.remove(id)
}

/** Holds the copy of somebody who was there all the time against one of a device that reads it now. */
const agree = async (person: Person, conversationId: number): Promise<void> => {
  const fresh = await person.anew()
  await refusable(fresh.conversation(conversationId).open())
  const anew = fresh.conversation(conversationId)
  const live = person.client.conversation(conversationId)
  const who = `the copy of ${person.username}`
  await vi.waitFor(() => expect(person.client.status.state).toBe('online'), PATIENCE)
  // Who was removed dropped the copy, and opens it again after coming back.
  if (live.state === 'gone') await refusable(live.open())
  // Read marks may still come to both. Comparing all there is is dear, so it waits until it may agree.
  await vi.waitFor(() => expect(live.replica?.rev, who).toBe(anew.replica?.rev), PATIENCE)
  await vi.waitFor(() => expect(seen(live.replica), who).toEqual(seen(anew.replica)), PATIENCE)
  await vi.waitFor(
    () => expect(person.client.inbox.get(conversationId)).toEqual(fresh.inbox.get(conversationId)),
    PATIENCE,
  )
  expect(live.messages.map(({ seq }) => seq)).toEqual(live.messages.map((_, i) => i + 1))
  expect(new Set(live.messages.map(({ clientId }) => clientId)).size).toBe(live.messages.length)
  fresh.disconnect()
}

const seen = (replica: Parameters<typeof snapshot>[0] | null) => replica && snapshot(replica, 1)

/** Somebody with a second device, of which each life begins with no copy of anything. */
const somebody = async () => {
  const person = await newPerson()
  const storage = memoryStorage()
  const { client } = await anotherDevice(person.username, { storage })
  client.disconnect()
  const anew = async (): Promise<CauserieClient> => {
    const { client } = newClient({ storage })
    await client.restore()
    await online(client)
    return client
  }
  return { ...person, anew }
}

/** Refusals and broken connections are part of the game; anything else is not. */
const refusable = async (act: Promise<unknown>): Promise<void> => {
  try {
    await act
  } catch (error) {
    if (!(error instanceof CauserieError || error instanceof CauserieNetworkError)) throw error
  }
}

type Scene = { people: Person[]; conversationId: number; tally: Tally }

const lose = ({ people, conversationId, tally }: Scene, { who, what, loses, dies }: Step): Promise<void> => {
  const end = dies ? crash : evict
  switch (loses) {
    case 'conversation':
      return end(env.CONVERSATION.getByName(String(conversationId)), tally)
    case 'own hub':
      return end(hubOf(people, who), tally)
    case 'other hub':
      return end(hubOf(people, otherThan(who, what)), tally)
  }
}

const crash = async (stub: DurableObjectStub, tally: Tally): Promise<void> => {
  tally.crashes += 1
  await runInDurableObject(stub, (_, state) => state.abort('crash')).catch(() => {})
}

/** What does not run at the moment has nothing to lose. */
const evict = (stub: DurableObjectStub, tally: Tally): Promise<void> =>
  evictDurableObject(stub).then(
    () => void (tally.evictions += 1),
    () => {},
  )

const hubOf = (people: Person[], who: number): DurableObjectStub => env.USER_HUB.getByName(String(people[who]?.id))

const otherThan = (who: number, what: number): number => (who + 1 + (what % 2)) % 3

const perform = async (
  { people, conversationId, tally, acknowledged }: Scene & { acknowledged: Message[] },
  { who, does, what }: Step,
): Promise<void> => {
  const person = people[who] as Person
  const { client } = person
  const live = client.conversation(conversationId)
  const message = live.messages[what % Math.max(1, live.messages.length)]
  switch (does) {
    case 'send':
      return void acknowledged.push(await live.send(`words ${what}`))
    case 'edit':
      return message && refusable(live.edit(message.id, `other words ${what}`))
    case 'delete':
      return message && refusable(live.delete(message.id))
    case 'react':
      return message && refusable(live.react(message.id, what % 2 ? '👍' : '🎉'))
    case 'unreact':
      return message && refusable(live.unreact(message.id, what % 2 ? '👍' : '🎉'))
    case 'pin':
      return message && refusable(live.pin(message.id))
    case 'read':
      return live.markRead(message?.seq ?? 0)
    case 'rename':
      return refusable(client.conversations.rename(conversationId, `Picnic ${what}`))
    case 'typing':
      return live.startTyping()
    // Only the last of the three comes and goes, so that the others have somebody to agree with.
    case 'remove':
      return refusable(client.conversations.removeMember(conversationId, (people[2] as Person).id))
    case 'add':
      return refusable(client.conversations.addMembers(conversationId, [(people[2] as Person).id]))
    case 'crash conversation':
      return crash(env.CONVERSATION.getByName(String(conversationId)), tally)
    case 'evict conversation':
      return evict(env.CONVERSATION.getByName(String(conversationId)), tally)
    case 'crash hub':
      return crash(hubOf(people, otherThan(who, what)), tally)
    case 'cut':
      client.disconnect()
      return client.connect()
  }
}
