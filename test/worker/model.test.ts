import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CauserieError, CauserieNetworkError } from '../../src/sdk/index.ts'
import { snapshot } from '../../src/sdk/replica.ts'
import { anotherDevice, newPerson } from '../support/client.ts'

type Person = Awaited<ReturnType<typeof newPerson>>

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
/** A few in each run of the tests; thousands in a row of `npm run reliability`. */
const RUNS = Number(env.MODEL_RUNS)
const FAULTS = ['crash conversation', 'crash hub', 'evict conversation', 'cut'] as const

const step = fc.record({
  who: fc.nat(2),
  does: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...ACTS) },
    { weight: 1, arbitrary: fc.constantFrom(...FAULTS) },
  ),
  what: fc.nat(1000),
  /** Whether the next step waits for this one. */
  waits: fc.boolean(),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

/** Refusals and broken connections are part of the game; anything else is not. */
const refusable = async (act: Promise<unknown>): Promise<void> => {
  try {
    await act
  } catch (error) {
    if (!(error instanceof CauserieError || error instanceof CauserieNetworkError)) throw error
  }
}

const crash = (stub: DurableObjectStub): Promise<void> =>
  runInDurableObject(stub, (_, state) => state.abort('crash')).catch(() => {})

const perform = async (people: Person[], conversationId: number, { who, does, what }: Step): Promise<void> => {
  const person = people[who] as Person
  const { client } = person
  const live = client.conversation(conversationId)
  const message = live.messages[what % Math.max(1, live.messages.length)]
  const other = people[(who + 1 + (what % 2)) % 3] as Person
  switch (does) {
    case 'send':
      return void (await live.send(`words ${what}`))
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
      return crash(env.CONVERSATION.getByName(String(conversationId)))
    case 'evict conversation':
      return evictDurableObject(env.CONVERSATION.getByName(String(conversationId))).catch(() => {})
    case 'crash hub':
      return crash(env.USER_HUB.getByName(String(other.id)))
    case 'cut':
      client.disconnect()
      return client.connect()
  }
}

test(
  '[SYNC9] after any commands and crashes, a client that applied live events and one that reads anew hold equal state',
  async () => {
    const people = [await newPerson(), await newPerson(), await newPerson()]
    const [alice, bob, carol] = people as [Person, Person, Person]
    let sent = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
        const { conversation } = await alice.client.conversations.createGroup({
          title: 'Picnic',
          memberIds: [bob.id, carol.id],
        })
        const { id } = conversation
        await alice.client.conversations.setRole(id, { userId: bob.id, role: 'admin' })
        await Promise.all(people.map(({ client }) => client.conversation(id).open()))

        const under: Promise<void>[] = []
        for (const each of steps) {
          // Somebody who was removed does nothing more; a send would wait for ever.
          const isOut = people[each.who]?.client.inbox.get(id) === undefined
          const act = isOut ? Promise.resolve() : refusable(perform(people, id, each))
          if (each.waits) await act
          else under.push(act)
          if (each.does === 'send') sent += 1
        }
        await Promise.all(under)

        for (const person of people) {
          const fresh = await anotherDevice(person.username)
          await refusable(fresh.client.conversation(id).open())
          const anew = fresh.client.conversation(id)
          const live = person.client.conversation(id)
          await expect.poll(() => person.client.status.state, { timeout: 20_000 }).toBe('online')
          // Who was removed dropped the copy, and opens it again after coming back.
          if (live.state === 'gone') await refusable(live.open())
          await expect
            .poll(() => seen(live.replica), { timeout: 20_000, message: `the copy of ${person.username}` })
            .toEqual(seen(anew.replica))
          await expect.poll(() => person.client.inbox.get(id), { timeout: 10_000 }).toEqual(fresh.client.inbox.get(id))
          expect(live.messages.map(({ seq }) => seq)).toEqual(live.messages.map((_, i) => i + 1))
          expect(new Set(live.messages.map(({ clientId }) => clientId)).size).toBe(live.messages.length)
          fresh.client.disconnect()
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    )
    // Otherwise the runs proved little.
    expect(sent).toBeGreaterThan(10)
  },
  RUNS * 15_000,
)

const seen = (replica: Parameters<typeof snapshot>[0] | null) => replica && snapshot(replica, 1)
