import { describe, expect, test, vi } from 'vitest'
import { messageIdOf } from '../../src/protocol/ids.ts'
import type { Message } from '../../src/protocol/message.ts'
import { CauserieError, CauserieNetworkError } from '../../src/sdk/errors.ts'
import { Outbox, type PendingMessage } from '../../src/sdk/outbox.ts'
import { type KeyValueStore, memoryStorage } from '../../src/sdk/storage.ts'

const AT = '2026-01-01T00:00:00.000Z'
const ME = 5

const messageOf = ({ conversationId, clientId, content }: PendingMessage, seq: number): Message => ({
  id: messageIdOf(conversationId, seq),
  conversationId,
  seq,
  rev: seq,
  senderId: ME,
  clientId,
  createdAt: AT,
  editedAt: null,
  deletedAt: null,
  content,
  replyTo: null,
  attachments: [],
  mentions: [],
  reactions: [],
  pinnedAt: null,
})

const written = (clientId: string, conversationId = 1) => ({
  clientId,
  conversationId,
  content: { kind: 'text' as const, text: clientId },
  createdAt: AT,
})

/** An outbox whose sends the test answers by hand. */
const newOutbox = (options: { storage?: KeyValueStore; online?: boolean } = {}) => {
  const { storage = memoryStorage() } = options
  const link = { online: options.online ?? true }
  const calls: { item: PendingMessage; resolve: (message: Message) => void; reject: (error: Error) => void }[] = []
  const pauses: number[] = []
  const outbox = new Outbox({
    storage,
    isOnline: () => link.online,
    send: (item) => new Promise((resolve, reject) => calls.push({ item, resolve, reject })),
    onChange: () => {},
    onDelivered: () => {},
    random: () => 1,
    pause: async (ms) => void pauses.push(ms),
  })
  const sent = () => calls.map(({ item }) => item.clientId)
  const answer = async (i: number) => {
    await vi.waitFor(() => expect(calls.length).toBeGreaterThan(i))
    const call = calls[i]
    call?.resolve(messageOf(call.item, i + 1))
  }
  const refuse = async (i: number, error: Error) => {
    await vi.waitFor(() => expect(calls.length).toBeGreaterThan(i))
    calls[i]?.reject(error)
  }
  return { outbox, storage, link, calls, pauses, sent, answer, refuse }
}

const storedIn = async (storage: KeyValueStore): Promise<string[]> =>
  JSON.parse((await storage.get(`outbox.${ME}`)) ?? '[]').map(({ clientId }: PendingMessage) => clientId)

describe('the outbox', () => {
  test('[OUT1] sends the messages of a conversation one after the other, and those of two side by side', async () => {
    const { outbox, sent, answer } = newOutbox()
    await outbox.start(ME)

    const first = outbox.add(written('a1', 1))
    void outbox.add(written('a2', 1))
    void outbox.add(written('b1', 2))
    expect(sent()).toEqual(['a1', 'b1'])
    expect(outbox.of(1).map(({ state }) => state)).toEqual(['sending', 'queued'])

    await answer(0)
    await expect(first).resolves.toMatchObject({ clientId: 'a1', seq: 1 })
    await vi.waitFor(() => expect(sent()).toEqual(['a1', 'b1', 'a2']))
    expect(outbox.of(1).map(({ clientId }) => clientId)).toEqual(['a2'])
  })

  test('[OUT2] what was not answered when the connection broke goes again with the same clientId, in the same order', async () => {
    const { outbox, link, sent, answer, refuse } = newOutbox()
    await outbox.start(ME)
    const acked = [outbox.add(written('one')), outbox.add(written('two'))]

    link.online = false
    await refuse(0, new CauserieNetworkError('gone'))
    await vi.waitFor(() => expect(outbox.of(1).map(({ state }) => state)).toEqual(['queued', 'queued']))
    expect(sent()).toEqual(['one'])
    link.online = true
    outbox.resume()
    await answer(1)
    await answer(2)

    expect((await Promise.all(acked)).map(({ clientId }) => clientId)).toEqual(['one', 'two'])
    expect(sent()).toEqual(['one', 'one', 'two'])
  })

  test('[OUT3] what waits is still there after a reload, and is given up only when it is acknowledged', async () => {
    const before = newOutbox({ online: false })
    await before.outbox.start(ME)
    void before.outbox.add(written('one'))
    void before.outbox.add(written('two', 2))
    await vi.waitFor(async () => expect(await storedIn(before.storage)).toEqual(['one', 'two']))

    const after = newOutbox({ storage: before.storage })
    await after.outbox.start(ME)
    expect(after.sent()).toEqual(['one', 'two'])
    await after.answer(0)

    await vi.waitFor(async () => expect(await storedIn(after.storage)).toEqual(['two']))
    expect(after.outbox.of(1)).toEqual([])
  })

  test('[OUT3] what one account wrote is not sent by the next', async () => {
    const { outbox, storage } = newOutbox({ online: false })
    await outbox.start(ME)
    void outbox.add(written('mine'))
    await vi.waitFor(async () => expect(await storedIn(storage)).toEqual(['mine']))

    const other = newOutbox({ storage })
    await other.outbox.start(ME + 1)

    expect(other.sent()).toEqual([])
    expect(await storedIn(storage)).toEqual(['mine'])
  })

  test('[OUT3] what is written while the storage is being read is kept once', async () => {
    const storage = memoryStorage()
    const reading = Promise.withResolvers<void>()
    let reads = 0
    const slow = {
      ...storage,
      get: async (key: string) => {
        reads += 1
        if (reads === 1) await reading.promise
        return storage.get(key)
      },
    }
    const { outbox } = newOutbox({ storage: slow, online: false })

    const started = outbox.start(ME)
    void outbox.add(written('early'))
    await vi.waitFor(async () => expect(await storedIn(storage)).toEqual(['early']))
    reading.resolve()
    await started
    void outbox.add(written('late'))

    await vi.waitFor(async () => expect(await storedIn(storage)).toContain('late'))
    expect(await storedIn(storage)).toEqual(['early', 'late'])
    expect(outbox.of(1).map(({ clientId }) => clientId)).toEqual(['early', 'late'])
  })

  test('[OUT4] a refused message fails, stays, and holds up none of those behind it', async () => {
    const { outbox, storage, sent, answer, refuse } = newOutbox()
    await outbox.start(ME)
    const bad = outbox.add(written('bad'))
    const good = outbox.add(written('good'))

    await refuse(0, new CauserieError('member.not_allowed', 'no'))
    await expect(bad).rejects.toMatchObject({ code: 'member.not_allowed' })
    await answer(1)
    await expect(good).resolves.toMatchObject({ clientId: 'good' })

    expect(outbox.of(1)).toMatchObject([{ clientId: 'bad', state: 'failed', error: 'member.not_allowed' }])
    await vi.waitFor(async () => expect(await storedIn(storage)).toEqual(['bad']))
    const reloaded = newOutbox({ storage })
    await reloaded.outbox.start(ME)
    expect(reloaded.outbox.of(1)).toMatchObject([{ clientId: 'bad', state: 'failed', error: 'member.not_allowed' }])
    expect(reloaded.sent()).toEqual([])

    outbox.retry('bad')
    await answer(2)
    await vi.waitFor(() => expect(outbox.of(1)).toEqual([]))
    expect(sent()).toEqual(['bad', 'good', 'bad'])
  })

  test('[OUT4] a discarded message is gone for good; one that is on its way cannot be discarded', async () => {
    const { outbox, storage, sent, answer } = newOutbox()
    await outbox.start(ME)
    const sending = outbox.add(written('sending'))
    const waiting = outbox.add(written('waiting'))

    expect(outbox.discard('sending')).toBe(false)
    expect(outbox.discard('waiting')).toBe(true)

    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    await answer(0)
    await expect(sending).resolves.toMatchObject({ clientId: 'sending' })
    expect(sent()).toEqual(['sending'])
    await vi.waitFor(async () => expect(await storedIn(storage)).toEqual([]))
  })

  test.each(['rate.limited', 'server.unavailable'] as const)(
    '[OUT5] %s means later: it is sent again after the pause that was asked for',
    async (code) => {
      const { outbox, pauses, sent, answer, refuse } = newOutbox()
      await outbox.start(ME)
      const acked = outbox.add(written('patient'))
      void outbox.add(written('next'))

      await refuse(0, new CauserieError(code, 'later', { retryAfter: 7 }))
      await answer(1)

      await expect(acked).resolves.toMatchObject({ clientId: 'patient' })
      expect(pauses).toEqual([7_000])
      await vi.waitFor(() => expect(sent()).toEqual(['patient', 'patient', 'next']))
    },
  )

  test('[OUT6] event and reply may come in any order: either settles the message, and the other does nothing', async () => {
    const { outbox, calls, sent, answer } = newOutbox()
    await outbox.start(ME)
    const acked = outbox.add(written('mine'))
    const next = outbox.add(written('next'))
    const [call] = calls

    const message = messageOf(written('mine') as PendingMessage, 1)
    outbox.settle(message)
    expect(outbox.of(1).map(({ clientId }) => clientId)).toEqual(['next'])
    await expect(acked).resolves.toEqual(message)
    call?.resolve(message)
    await answer(1)
    await expect(next).resolves.toMatchObject({ clientId: 'next' })

    outbox.settle(messageOf(written('next') as PendingMessage, 2))
    expect(sent()).toEqual(['mine', 'next'])
    expect(outbox.of(1)).toEqual([])
  })

  test('[OUT7] two pages of one browser share the storage without losing what the other wrote', async () => {
    const storage = memoryStorage()
    const [left, right] = [newOutbox({ storage }), newOutbox({ storage })]
    await left.outbox.start(ME)
    await right.outbox.start(ME)

    void left.outbox.add(written('left'))
    await vi.waitFor(async () => expect(await storedIn(storage)).toEqual(['left']))
    void right.outbox.add(written('right'))
    await vi.waitFor(async () => expect(await storedIn(storage)).toEqual(['left', 'right']))
    await left.answer(0)

    await vi.waitFor(async () => expect(await storedIn(storage)).toEqual(['right']))
  })

  test('[OUT8] signing out forgets what waits; a session that was ended keeps it for the return', async () => {
    for (const erase of [true, false]) {
      const { outbox, storage } = newOutbox({ online: false })
      await outbox.start(ME)
      const acked = outbox.add(written('late'))
      await vi.waitFor(async () => expect(await storedIn(storage)).toEqual(['late']))

      await outbox.stop(new CauserieError('session.revoked', 'over'), { erase })

      await expect(acked).rejects.toMatchObject({ code: 'session.revoked' })
      expect(outbox.of(1)).toEqual([])
      expect(await storedIn(storage)).toEqual(erase ? [] : ['late'])
    }
  })
})
