import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { HubStore } from '../../src/objects/hub-store.ts'
import { InboxBook } from '../../src/objects/inbox-book.ts'
import { hubOf } from '../../src/objects/stubs.ts'
import type { InboxEntry } from '../../src/protocol/conversation.ts'
import { entryFor, pair } from '../support/people.ts'

const HOUR_MS = 60 * 60 * 1000

/** The inbox of a hub that just woke and does not know how far its sockets are, over the real storage; `entry` is as in it, but of another log. */
const withBook = async (work: (book: (sockets?: Sockets) => InboxBook, entry: InboxEntry) => void): Promise<void> => {
  const { bob, conversationId } = await pair()
  const entry = { ...(await entryFor(bob, conversationId)), epoch: 'another' }
  await runInDurableObject(hubOf(env, bob.user.id), (_, { storage }) => {
    const store = new HubStore(storage)
    work((sockets = NONE) => new InboxBook({ store, userId: bob.user.id, sockets }), entry)
  })
}

type Sockets = ConstructorParameters<typeof InboxBook>[0]['sockets']
const NONE: Sockets = { size: 0, heard: () => null, noteHeard: () => null }
/** Sockets that can keep no note of anything. */
const FORGETFUL: Sockets = {
  size: 1,
  heard: () => null,
  noteHeard: (conversationId, rev) => (rev === null ? null : { conversationId, rev }),
}

const revsOf = (due: string[]) => due.map((frame) => (JSON.parse(frame) as { rev: number }).rev)

const said = ({ conversation, epoch, seq }: InboxEntry, rev: number) => {
  const conversationId = conversation.id
  const message = { conversationId, id: 7, seq: seq + 1, rev, senderId: 1, content: { kind: 'text', text: 'hey' } }
  return {
    conversationId,
    epoch,
    revs: [rev],
    frames: [JSON.stringify({ type: 'message.created', conversationId, rev, message })],
  }
}

test('[INB1] an entry that a frame overtook is not kept as the line of a quiet conversation', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    wake().join(entry, { asleep: false, now: Date.now() })
    wake().receive(said(entry, entry.rev + 1))
    const book = wake()

    book.receive(said(entry, entry.rev + 2))
    book.learn(entry, { nap: null, now: Date.now() + 2 * HOUR_MS })

    expect([book.peek(id), wake().peek(id)]).toEqual([null, null])
    const fresh = { ...entry, rev: entry.rev + 2, seq: entry.seq + 2 }
    book.learn(fresh, { nap: null, now: Date.now() + 2 * HOUR_MS })
    expect([book.peek(id), wake().peek(id)]).toEqual([fresh, fresh])
  }))

test('[INB1] a try without an answer may have changed what no frame tells, so its conversation is asked', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const book = wake()
    book.join(entry, { asleep: false, now: Date.now() })
    expect(book.peek(id)).not.toBeNull()

    book.doubt(id)

    expect([book.peek(id), wake().peek(id)]).toEqual([null, null])
  }))

test('[SYNC13] what comes while a hub wakes from the nap in which its user was added is not dropped', () =>
  withBook((wake, entry) => {
    const book = wake({ ...NONE, size: 1 })
    const nap = book.join(entry, { asleep: true, now: Date.now() })

    const due = book.receive(said(entry, entry.rev + 2))
    book.learn({ ...entry, rev: entry.rev + 1 }, { nap, now: Date.now() })
    due.push(...book.receive(said(entry, entry.rev + 3)))

    expect(revsOf(due)).toEqual([entry.rev + 2, entry.rev + 3])
  }))

test('[SYNC13] what was said between the first frame of a hub that wakes and what its conversation then says is missing, not passed over', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const book = wake({ ...NONE, size: 1 })
    const nap = book.join(entry, { asleep: true, now: Date.now() })
    const now = { ...entry, rev: entry.rev + 9 }

    const due = book.receive(said(entry, entry.rev + 2))
    book.learn(now, { nap, now: Date.now() })

    expect([book.lags(id, now.rev), book.peek(id)]).toEqual([true, now])
    due.push(...book.receive(said(entry, now.rev + 1)))
    expect(revsOf(due)).toEqual([entry.rev + 2])
  }))

test('[SYNC13] what a user heard of a conversation that could not be asked counts no more for who comes later', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const book = wake({ ...NONE, size: 1 })
    const nap = book.join(entry, { asleep: true, now: Date.now() })
    book.receive(said(entry, entry.rev + 2))

    book.startOver()
    // It was made before what came, which nobody who is here has heard.
    book.learn({ ...entry, rev: entry.rev + 1 }, { nap, now: Date.now() })
    expect(book.peek(id)).toBeNull()
    book.learn({ ...entry, rev: entry.rev + 9 }, { nap, now: Date.now() })

    expect(book.lags(id, entry.rev + 9)).toBe(false)
  }))

test('[SYNC13] how far the sockets have heard a conversation is known after a hibernation, however many spoke since', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const book = wake(FORGETFUL)
    book.join(entry, { asleep: false, now: Date.now() })
    expect(wake(FORGETFUL).lags(id, entry.rev + 1)).toBe(true)

    book.receive(said(entry, entry.rev + 1))
    const woken = wake(FORGETFUL)
    expect([woken.lags(id, entry.rev + 1), woken.lags(id, entry.rev + 2)]).toEqual([false, true])
    expect(revsOf(woken.receive(said(entry, entry.rev + 3)))).toEqual([])
    expect(revsOf(woken.receive(said(entry, entry.rev + 2)))).toEqual([entry.rev + 2, entry.rev + 3])
    // Of sockets that have closed it says nothing.
    expect(revsOf(wake().receive(said(entry, entry.rev + 9)))).toEqual([entry.rev + 9])

    const nap = woken.fallAsleep(id)
    const later = wake(FORGETFUL)
    later.learn({ ...entry, rev: entry.rev + 20 }, { nap, now: Date.now() })
    const rewoken = wake(FORGETFUL)
    expect([rewoken.lags(id, entry.rev + 20), rewoken.lags(id, entry.rev + 21)]).toEqual([false, true])
  }))

test('[CONV14] of a leaving and a joining the later one counts, whichever word comes last', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const book = wake()
    book.join(entry, { asleep: false, now: Date.now() })

    const at = (rev: number) => ({ ...entry, rev: entry.rev + rev })
    book.joinAgain(at(5))
    expect(book.leave(id, at(4))).toBe(false)
    expect([book.has(id), book.peek(id)]).toEqual([true, null])
    expect(wake().leave(id, at(4))).toBe(false)

    expect(book.leave(id, at(6))).toBe(true)
    // And the other way round: a joining from before that brings nobody back.
    expect([at(5), at(7), { ...at(5), epoch: 'a third' }].map((each) => wake().hasLeft(each))).toEqual([
      true,
      false,
      false,
    ])
    book.join(at(7), { asleep: false, now: Date.now() })
    expect(book.leave(id, null)).toBe(true)
    expect([wake().has(id), wake().hasLeft(at(5))]).toEqual([false, false])
  }))

test('[SYNC12] after a quiet time sockets that open hear nothing of before as new', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const later = { ...entry, rev: entry.rev + 1, seq: entry.seq + 1 }
    wake().join(entry, { asleep: false, now: Date.now() })
    wake().receive(said(entry, later.rev))
    wake().learn(later, { nap: null, now: Date.now() + 2 * HOUR_MS })

    expect(wake(FORGETFUL).lags(id, later.rev)).toBe(false)
    expect(revsOf(wake(FORGETFUL).receive(said(later, later.rev + 1)))).toEqual([later.rev + 1])
  }))

test('[COST2] who only ever writes, with no socket, makes their hub ask for nothing', () =>
  withBook((wake, entry) => {
    const book = wake()
    book.join(entry, { asleep: true, now: Date.now() })

    for (const rev of [1, 5, 9]) expect(book.receive(said(entry, entry.rev + rev))).toEqual([])

    expect(book.lags(entry.conversation.id, entry.rev + 9)).toBe(false)
  }))

test('[SYNC13] how far the sockets are is known when a joining is told twice, also by a row of before that was noted', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    wake().join(entry, { asleep: false, now: Date.now() })
    const book = wake()

    book.joinAgain({ ...entry, rev: entry.rev + 4 })

    expect([book.lags(id, entry.rev + 4), wake(FORGETFUL).lags(id, entry.rev + 1)]).toEqual([true, true])
  }))

test('[COST2] a hub that is asleep says so with a number that counts, however often it is called', () =>
  withBook((wake, entry) => {
    const book = wake()
    const nap = book.join(entry, { asleep: true, now: Date.now() })

    expect(book.fallAsleep(entry.conversation.id)).toBe(nap + 1)
    expect(wake().fallAsleep(entry.conversation.id)).toBe(nap + 2)
  }))

test('[SYNC13] frames that nobody looks at are not kept without end, however large they are', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const book = wake({ ...NONE, size: 1 })
    book.join(entry, { asleep: false, now: Date.now() })
    const large = (i: number) => ({ ...said(entry, entry.rev + i), frames: ['x'.repeat(30_000)] })

    for (const i of [1, 2]) expect(book.receive(large(i))).toHaveLength(1)
    expect(book.subscription(id)?.tail).toHaveLength(2)
    for (const i of [3, 4]) expect(book.receive(large(i))).toHaveLength(1)

    expect(book.subscription(id)).toMatchObject({ base: null, tail: [] })
  }))

test('[SYNC13] the answer to a waking that comes after the hub fell asleep again wakes nothing', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const book = wake()
    const nap = book.join(entry, { asleep: true, now: Date.now() })
    book.fallAsleep(id)

    book.learn(entry, { nap, now: Date.now() })
    expect([book.subscription(id)?.asleep, wake().subscription(id)?.asleep]).toEqual([true, true])

    book.learn(entry, { nap: nap + 1, now: Date.now() })
    expect([book.subscription(id)?.asleep, wake().subscription(id)?.asleep]).toEqual([false, false])
  }))

test('[INB1] an entry that a private mark overtook is of the past', () =>
  withBook((wake, entry) => {
    const { id } = entry.conversation
    const book = wake({ ...NONE, size: 1 })
    book.join(entry, { asleep: false, now: Date.now() })
    book.doubt(id)
    const mark = { type: 'read.changed', conversationId: id, rev: 7, userId: 1, seq: 4 }

    book.receive({ conversationId: id, epoch: entry.epoch, revs: [0], frames: [JSON.stringify(mark)] })
    book.learn(entry, { nap: null, now: Date.now() })
    expect(book.peek(id)).toBeNull()

    const fresh = { ...entry, seq: 4, readSeq: 4 }
    book.learn(fresh, { nap: null, now: Date.now() })
    expect(book.peek(id)).toEqual(fresh)
  }))
