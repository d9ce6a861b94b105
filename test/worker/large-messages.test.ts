import { abortAllDurableObjects, runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { conversationOf } from '../../src/objects/stubs.ts'
import { Deadlines } from '../../src/objects/deadlines.ts'
import { UpwardQueue } from '../../src/objects/upward-queue.ts'
import type { Changes } from '../../src/protocol/conversation.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import { large, upTo } from '../support/large.ts'
import { openGroup, pair, say } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, type Reply, signUp } from '../support/rest.ts'

const sendLarge = async (socket: RawSocket, conversationId: number, count: number, from = 0): Promise<number[]> => {
  const sends = Array.from({ length: count }, (_, i) =>
    socket.request<{ message: { seq: number } }>(large(conversationId, from + i)),
  )
  return (await Promise.all(sends)).map(({ message }) => message.seq)
}

test('[SYNC2] changes and history of large messages come in pages that a socket can carry, and with nothing left out', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await sendLarge(alices, conversationId, 20)

  const changed: number[] = []
  for (let since = 0, more = true; more;) {
    const page = await bobs.request<Changes>({ type: 'changes.get', conversationId, since })
    expect(JSON.stringify(page).length).toBeLessThan(1024 * 1024)
    changed.push(...page.messages.map(({ seq }) => seq))
    ;({ rev: since, more } = page)
  }
  expect(changed).toEqual(upTo(20))

  for (const [direction, start] of [
    ['before', 21],
    ['after', 0],
  ] as const) {
    const read: number[] = []
    for (let cursor: string | null = String(start); cursor !== null;) {
      const { body }: Reply<HistoryPage> = await ask(
        'GET',
        `/v1/conversations/${conversationId}/messages?limit=100&${direction}=${cursor}`,
        { token: bob.accessToken },
      )
      expect(JSON.stringify(body).length).toBeLessThan(1024 * 1024)
      const seqs = body.items.map(({ seq }) => seq)
      read.push(...(direction === 'after' ? seqs.toReversed() : seqs))
      cursor = body.nextCursor
    }
    expect(direction === 'after' ? read : read.toReversed(), direction).toEqual(upTo(20))
  }
})

test('[MSG3] orders whose answers do not fit into one call are answered all the same, in order', async () => {
  const { alice, conversationId } = await pair()
  await sendLarge(await RawSocket.arrive(alice), conversationId, 20)
  const queue = new UpwardQueue(new Deadlines(), async (_, orders) => {
    const { answers } = await conversationOf(env, conversationId).submit({ userId: alice.user.id, orders })
    return answers
  })
  const answered: number[] = []

  const all = upTo(60).map(async (i) => {
    const answer = await queue.submit(conversationId, { type: 'changes.get', conversationId, since: 0, limit: 100 })
    answered.push(i)
    return answer.ok
  })

  expect(await Promise.all(all)).toEqual(upTo(60).map(() => true))
  expect(answered).toEqual(upTo(60))
})

test('[SYNC4] a burst of more than one call can carry is caught up with after a crash, and what comes next arrives', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const conversationId = await openGroup(alice, bob, carol)
  const first = await RawSocket.arrive(alice)
  // More at once would be too much of one user.
  for (let sent = 0; sent < 130; sent += 26) await sendLarge(first, conversationId, 26, sent)
  await abortAllDurableObjects()

  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  await runDurableObjectAlarm(conversationOf(env, conversationId))
  const sent = await say(alices, conversationId, 'and on it goes')

  expect(await bobs.waitForType('message.created')).toMatchObject({ message: { id: sent.id } })
})
