import { expect, test, vi } from 'vitest'
import type { Presence } from '../../src/protocol/user.ts'
import { CauserieNetworkError } from '../../src/sdk/errors.ts'
import { PresenceList } from '../../src/sdk/presence.ts'

const BOB = 7
const AT = '2026-01-01T00:00:00.000Z'

const bobIs = (online: boolean): Presence => ({ userId: BOB, online, lastSeenAt: AT })

/** A list whose questions the test answers by hand. */
const listOf = () => {
  const asked: { userIds: number[]; answer: PromiseWithResolvers<{ items: Presence[] }> }[] = []
  const told: boolean[] = []
  const clock = { now: 0 }
  const presence = new PresenceList({
    ask: (userIds) => {
      const answer = Promise.withResolvers<{ items: Presence[] }>()
      asked.push({ userIds, answer })
      return answer.promise
    },
    onChange: ({ online }) => told.push(online),
    now: () => clock.now,
  })
  return { presence, asked, told, clock }
}

test('[SDK5] who is held as offline and does something is asked for, and seen', async () => {
  const { presence, asked, told } = listOf()
  presence.note(bobIs(false))

  presence.stir(BOB)
  presence.stir(BOB)
  asked[0]?.answer.resolve({ items: [bobIs(true)] })

  await vi.waitFor(() => expect(presence.isOnline(BOB)).toBe(true))
  presence.stir(BOB)
  expect(asked.map(({ userIds }) => userIds)).toEqual([[BOB]])
  expect(told).toEqual([false, true])
})

test('[SDK5] of whom nothing is known, and who stays offline whatever they do, nobody asks at every message', async () => {
  const { presence, asked, clock } = listOf()
  presence.stir(BOB)
  expect(asked).toEqual([])
  presence.note(bobIs(false))

  presence.stir(BOB)
  asked[0]?.answer.resolve({ items: [bobIs(false)] })
  await asked[0]?.answer.promise
  clock.now += 9_000
  presence.stir(BOB)
  expect(asked).toHaveLength(1)
  clock.now += 2_000
  presence.stir(BOB)
  asked[1]?.answer.reject(new CauserieNetworkError('away'))

  expect(asked).toHaveLength(2)
  expect(presence.isOnline(BOB)).toBe(false)
})

test('[SDK5] an answer that news has overtaken does not undo it', async () => {
  const { presence, asked } = listOf()

  const fetched = presence.fetch([BOB])
  presence.note(bobIs(true))
  asked[0]?.answer.resolve({ items: [bobIs(false)] })

  expect(await fetched).toEqual([bobIs(false)])
  expect(presence.isOnline(BOB)).toBe(true)
})
