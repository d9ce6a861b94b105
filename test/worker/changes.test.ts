import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { Changes } from '../../src/protocol/conversation.ts'
import { conversationOf } from '../../src/objects/stubs.ts'
import { guardIsDown } from '../support/guard.ts'
import { metered } from '../support/meter.ts'
import { entryFor, pair, say } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask } from '../support/rest.ts'

const changesSince = async (who: SignedIn, conversationId: number, since: number): Promise<Changes> =>
  (await ask<Changes>('GET', `/v1/conversations/${conversationId}/changes?since=${since}`, { token: who.accessToken }))
    .body

test('the changes since any revision are those messages that were made or changed later, whatever else took revisions', async () => {
  const { alice, bob, conversationId } = await pair()
  const [alices, bobs] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  for (let n = 1; n <= 12; n += 1) {
    const { id, seq } = await say(alices, conversationId, `number ${n}`)
    if (n % 2 === 0) await bobs.request({ type: 'read.mark', conversationId, seq })
    if (n % 3 === 0) await bobs.request({ type: 'reaction.add', messageId: id, emoji: '👍' })
    if (n % 5 === 0)
      await alices.request({ type: 'message.edit', messageId: id, content: { kind: 'text', text: 'other words' } })
  }
  const { rev } = await entryFor(alice, conversationId)
  const { messages: all } = await changesSince(alice, conversationId, 0)

  const told: number[][] = []
  for (let since = 0; since <= rev; since += 1) {
    const { messages } = await changesSince(alice, conversationId, since)
    told.push(messages.map((message) => message.seq))
  }

  const expected = Array.from({ length: rev + 1 }, (_, since) =>
    all.filter((message) => message.rev > since).map((message) => message.seq),
  )
  expect(all).toHaveLength(12)
  expect(told).toEqual(expected)
})

test('telling what changed lately reads as many rows of a long history as of a short one', async () => {
  const { alice, conversationId } = await pair()
  const socket = await RawSocket.arrive(alice)
  for (let n = 1; n <= 10; n += 1) await say(socket, conversationId, `number ${n}`)
  const rowsReadNow = async (): Promise<number> => {
    const { rev } = await entryFor(alice, conversationId)
    const { rowsRead } = await metered(async () => {
      expect((await changesSince(alice, conversationId, rev - 5)).messages).toHaveLength(5)
    })
    return rowsRead
  }

  const ofTen = await rowsReadNow()
  // With the alarm standing it would begin by telling all these rows, which would be counted too.
  await guardIsDown(conversationId)
  await runInDurableObject(conversationOf(env, conversationId), (_, { storage }) =>
    storage.sql.exec(`
      WITH RECURSIVE
        last AS (SELECT * FROM messages ORDER BY seq DESC LIMIT 1),
        next(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM next WHERE n < 10000)
      INSERT INTO messages (seq, rev, sender_id, client_id, created_at, body)
      SELECT seq + n, rev + n, sender_id, 'written' || n, created_at, body FROM next, last`),
  )
  // It knows how far its log is from when it started.
  await evictDurableObject(conversationOf(env, conversationId))

  expect((await entryFor(alice, conversationId)).seq).toBe(10_010)
  expect(await rowsReadNow()).toBe(ofTen)
})
