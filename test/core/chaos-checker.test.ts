import { describe, expect, test } from 'vitest'
import { Checker } from '../../chaos/checker.ts'
import { type Violation, VIOLATION_KINDS, type ViolationKind } from '../../chaos/evidence.ts'
import type { Copy, Doing, Entry, Message, Reading } from '../../chaos/history.ts'

const ALICE = 1
const BOB = 2
const CAROL = 3
const C = 7
const ID = C * 2 ** 26

const check = (entries: Iterable<Entry>): Violation[] => {
  const checker = new Checker()
  for (const entry of entries) checker.take(entry)
  return checker.finish()
}

/** A history in which nothing is wrong, in parts that a test can spoil. */
class HistoryBuilder {
  readonly entries: Entry[] = []
  #op = 0

  done(doing: Doing, how: { who: number; result?: object; end?: 'ok' | 'fail' | 'unknown'; lane?: string }): this {
    this.#op += 1
    const { who, result = {}, end = 'ok', lane = null } = how
    const session = `session of ${who}`
    this.entries.push({ e: 'invoke', op: this.#op, who, device: `${who}a`, session, lane, ...doing })
    if (end === 'ok') this.entries.push({ e: 'ok', op: this.#op, ...result })
    else if (end === 'fail') this.entries.push({ e: 'fail', op: this.#op, code: 'message.not_found' })
    else this.entries.push({ e: 'unknown', op: this.#op, why: 'no answer' })
    return this
  }

  send(who: number, seq: number, more: { clientId?: string; rev?: number; repeated?: boolean } = {}): this {
    const { clientId = `c${seq}`, rev = seq, repeated = false } = more
    const result = { id: ID + seq, seq, rev, repeated }
    return this.done(
      { do: 'send', c: C, clientId, text: `text of ${clientId}` },
      { who, result, lane: `socket ${who}` },
    )
  }

  receive(socket: number, message: Message, rev = message.seq): this {
    const { seq, id, sender, clientId, text } = message
    const seen = { seq, id, sender, clientId, text }
    this.entries.push({ e: 'got', socket, c: C, rev, what: 'message.created', message: seen })
    return this
  }

  change(socket: number, message: Message, rev = message.seq): this {
    const { seq, id, sender, clientId, text } = message
    const seen = { seq, id, sender, clientId, text }
    this.entries.push({ e: 'got', socket, c: C, rev, what: 'message.updated', message: seen })
    return this
  }

  tell(...entries: Entry[]): this {
    this.entries.push(...entries)
    return this
  }
}

const stored = (seq: number, more: Partial<Message> = {}): Message => ({
  seq,
  id: ID + seq,
  rev: seq,
  sender: seq === 3 ? BOB : ALICE,
  clientId: `c${seq}`,
  text: `text of c${seq}`,
  reactions: '',
  ...more,
})

/** Four messages: the first as it was sent, the second edited, the third from Bob with Alice's thumb, the fourth deleted. */
const log = (): Message[] => [
  stored(1),
  stored(2, { text: 'edited', rev: 5 }),
  stored(3, { reactions: `👍:${ALICE}`, rev: 6 }),
  stored(4, { text: null, rev: 7 }),
]

const reading = (who: number, more: Partial<Reading> = {}): Reading => ({
  e: 'reading',
  who,
  c: C,
  epoch: 'e1',
  rev: 9,
  seq: 4,
  readSeq: 0,
  unread: who === ALICE ? 1 : 2,
  inboxUnread: who === ALICE ? 1 : 2,
  memberIds: [ALICE, BOB],
  messages: log(),
  ...more,
})

const copy = (more: Partial<Copy> = {}): Copy => ({
  e: 'copy',
  who: BOB,
  device: '2a',
  c: C,
  epoch: 'e1',
  rev: 9,
  from: 1,
  messages: log().map(({ seq, rev, text, reactions }) => ({ seq, rev, text, reactions })),
  unread: 2,
  ...more,
})

const start = (): HistoryBuilder =>
  new HistoryBuilder().tell(
    { e: 'conversation', c: C, memberIds: [ALICE, BOB] },
    { e: 'open', socket: 1, who: ALICE, device: '1a', session: `session of ${ALICE}` },
    { e: 'open', socket: 2, who: BOB, device: '2a', session: `session of ${BOB}` },
    { e: 'open', socket: 3, who: BOB, device: 'document000', session: `session of ${BOB}` },
  )

const talk = (): HistoryBuilder =>
  start()
    .send(ALICE, 1)
    .receive(2, stored(1))
    .send(ALICE, 2)
    .receive(2, stored(2))
    .send(BOB, 3)
    .send(ALICE, 4)
    .send(ALICE, 4, { repeated: true })
    .done({ do: 'edit', c: C, id: ID + 2, text: 'edited' }, { who: ALICE, result: { rev: 5 } })
    .done({ do: 'react', c: C, id: ID + 3, emoji: '👍' }, { who: ALICE, result: { rev: 6 } })
    .done({ do: 'delete', c: C, id: ID + 4 }, { who: ALICE, result: { rev: 7 } })

const end = (
  told: HistoryBuilder,
  change: { readings?: Partial<Reading>; second?: Partial<Reading>; copy?: Partial<Copy> } = {},
) =>
  told.tell(
    reading(ALICE, change.readings),
    reading(BOB, { ...change.readings, ...(change.readings ? countedBy(change.readings) : {}), ...change.second }),
    { e: 'live', who: BOB, device: '2a' },
    copy(change.copy),
  )

/** What Bob counts where the log is another. */
const countedBy = ({ messages, unread }: Partial<Reading>): Partial<Reading> => {
  if (!messages || unread !== undefined) return {}
  const count = messages.filter(({ sender, text }) => sender !== BOB && text !== null).length
  return { unread: count, inboxUnread: count }
}

const kinds = (told: HistoryBuilder): ViolationKind[] => [...new Set(check(told.entries).map(({ kind }) => kind))]

const without = (seq: number): Message[] => log().filter((message) => message.seq !== seq)
const withChanged = (seq: number, change: Partial<Message>): Message[] =>
  log().map((message) => (message.seq === seq ? { ...message, ...change } : message))

/** Bob's socket is told that the conversation is there, or is not. */
const begin: Entry = { e: 'begin', socket: 2, c: C }

/** Bob is removed by Alice, who says something before he is back. */
const removed = (): HistoryBuilder => talk().done({ do: 'remove', c: C, userId: BOB }, { who: ALICE }).tell(begin)

const added = (told: HistoryBuilder): HistoryBuilder =>
  told.done({ do: 'add', c: C, userId: BOB }, { who: ALICE, result: { rev: 9 } }).tell(begin)

const left = (rev: number): Entry => ({
  e: 'got',
  socket: 1,
  c: C,
  rev,
  what: 'member.changed',
  member: { userId: BOB, left: true },
})

const heard = (seq: number): Entry => ({ e: 'heard', socket: 3, id: ID + seq })

const revoked = (): HistoryBuilder => talk().done({ do: 'revoke', ended: `session of ${BOB}` }, { who: BOB })

const fifth = stored(5, { sender: ALICE })
const fiveMessages = {
  readings: { messages: [...log(), fifth], seq: 5, rev: 9 },
  copy: { messages: [...log(), fifth] },
}

/** Alice opens the group, and again as if she had heard no answer. */
const openedAs = (...ids: number[]): HistoryBuilder =>
  ids.reduce(
    (told, id) => told.done({ do: 'open', clientId: 'g1', memberIds: [BOB] }, { who: ALICE, result: { id } }),
    talk(),
  )

/** Three messages that nobody changed: of Alice, of this one, of Alice. */
const said = (second: number): HistoryBuilder => start().send(ALICE, 1).send(second, 2).send(ALICE, 3)
const third = stored(3, { sender: ALICE })
const three = [stored(1), stored(2), third]

describe('a history in which nothing is wrong', () => {
  test('passes', () => {
    expect(check(end(talk()).entries)).toEqual([])
  })

  test('may have attempts of which nobody knows what became, either way', () => {
    const told = talk()
      .done({ do: 'send', c: C, clientId: 'lost', text: 'lost' }, { who: BOB, end: 'unknown' })
      .done({ do: 'edit', c: C, id: ID + 1, text: 'perhaps' }, { who: ALICE, end: 'unknown' })
      .done({ do: 'delete', c: C, id: ID + 2 }, { who: ALICE, end: 'unknown' })
      .done({ do: 'unreact', c: C, id: ID + 3, emoji: '👍' }, { who: ALICE, end: 'unknown' })

    expect(check(end(told).entries)).toEqual([])
  })

  test('may be heard over a documented API as well', () => {
    expect(check(end(talk().tell(heard(1), heard(2))).entries)).toEqual([])
  })

  test('may have somebody leave and come back', () => {
    const told = added(
      removed().tell(left(8)).done({ do: 'send', c: C, clientId: 'x', text: 'x' }, { who: BOB, end: 'fail' }),
    )

    expect(check(end(told).entries)).toEqual([])
  })

  test('may have messages change that came as new, that are of before, or that were said in an absence', () => {
    const known = talk().change(2, stored(1), 5).change(1, stored(1), 5)
    const back = added(removed().tell(left(8))).change(2, stored(4), 9)

    expect(check(end(known).entries)).toEqual([])
    expect(check(end(back).entries)).toEqual([])
  })

  test('may have a socket of a documented API hear nothing of what its own user said', () => {
    const told = said(BOB).tell(heard(1), heard(3))
    const messages = [stored(1), stored(2, { sender: BOB }), third]

    expect(kinds(end(told, { readings: { messages, seq: 3 } }))).not.toContain('delivery.missing')
  })

  test('may have a group opened again that is there', () => {
    expect(check(end(openedAs(C, C)).entries)).toEqual([])
  })

  test('may have a session end', () => {
    const told = revoked().done({ do: 'send', c: C, clientId: 'x', text: 'x' }, { who: BOB, end: 'fail' })

    expect(check(end(told).entries)).toEqual([])
  })
})

describe('a planted fault is found:', () => {
  const planted: [what: string, kind: ViolationKind, history: () => HistoryBuilder][] = [
    [
      'who was removed and came back misses a message of after that',
      'delivery.missing',
      () => {
        const more = [5, 6, 7].map((seq) => stored(seq, { sender: ALICE }))
        const told = more.reduce((so, { seq }) => so.send(ALICE, seq), added(removed().tell(left(8))))
        for (const message of more) if (message.seq !== 6) told.receive(2, message, message.seq + 9)
        return end(told, { readings: { messages: [...log(), ...more], seq: 7, rev: 16 } })
      },
    ],
    [
      'a message does not come that somebody tried in vain to change',
      'delivery.missing',
      () => {
        const told = said(ALICE).done({ do: 'edit', c: C, id: ID + 2, text: 'no' }, { who: BOB, end: 'fail' })
        told.receive(2, stored(1)).receive(2, third)
        return end(told, { readings: { messages: [stored(1), stored(2), third], seq: 3 } })
      },
    ],
    ['an acknowledged message is gone', 'ack.lost', () => end(talk().send(ALICE, 5))],
    [
      'a message is there twice',
      'message.doubled',
      () => end(talk(), { readings: { messages: [...log(), stored(5, { clientId: 'c1' })], seq: 5 } }),
    ],
    [
      'there is a message that nobody sent',
      'message.unsent',
      () => end(talk(), { readings: { messages: [...log(), stored(5, { clientId: 'ghost' })], seq: 5 } }),
    ],
    [
      'a message that was refused is there',
      'message.unsent',
      () =>
        end(talk().done({ do: 'send', c: C, clientId: 'c5', text: 'text of c5' }, { who: ALICE, end: 'fail' }), {
          readings: { messages: [...log(), fifth], seq: 5 },
        }),
    ],
    ['a number is missing', 'seq.hole', () => end(talk(), { readings: { messages: without(2) } })],
    ['the head counts more than there is', 'seq.hole', () => end(talk(), { readings: { seq: 5 } })],
    [
      'an id is not that of its place',
      'id.wrong',
      () => end(talk(), { readings: { messages: withChanged(1, { id: ID + 9 }) } }),
    ],
    [
      'a repeat was answered with another message',
      'repeat.differs',
      () => end(talk().send(ALICE, 4, { clientId: 'c1', repeated: true })),
    ],
    ['a group that was opened again is another one', 'repeat.differs', () => end(openedAs(C, C + 1))],
    [
      'somebody finds a conversation that nobody opened',
      'conversation.unasked',
      () => end(talk()).tell(reading(ALICE, { c: C + 1, seq: 0, unread: 0, inboxUnread: 0, messages: [] })),
    ],
    [
      'somebody saw another message at a place',
      'order.differs',
      () =>
        end(
          talk()
            .send(ALICE, 3, { clientId: 'other' })
            .receive(2, stored(3, { clientId: 'other', sender: ALICE })),
        ),
    ],
    [
      'revisions went back on a socket',
      'order.backward',
      () => end(talk().receive(2, stored(4)).receive(2, stored(3))),
    ],
    [
      'messages came by a socket of a documented API in another order',
      'order.backward',
      () => end(talk().tell(heard(2), heard(1))),
    ],
    [
      'a message came twice by one socket of a documented API',
      'delivery.doubled',
      () => end(talk().tell(heard(1)).tell(heard(1))),
    ],
    ['a message that was heard over a documented API is gone', 'received.lost', () => end(talk().tell(heard(9)))],
    [
      'a message that had not come as new came as a change',
      'delivery.unannounced',
      () => end(talk().change(2, stored(4, { text: 'edited' }))),
    ],
    [
      'a socket was told of what came before and after a message, and not of it',
      'delivery.missing',
      () => end(said(ALICE).receive(2, stored(1)).receive(2, third), { readings: { messages: three, seq: 3 } }),
    ],
    [
      'so was a socket of a documented API',
      'delivery.missing',
      () => end(said(ALICE).tell(heard(1), heard(3)), { readings: { messages: three, seq: 3 } }),
    ],
    ['a message came twice by one socket', 'delivery.doubled', () => end(talk().receive(2, stored(2)))],
    [
      'a change came twice by one socket',
      'delivery.doubled',
      () => end(talk().change(2, stored(3), 8).change(2, stored(3), 8)),
    ],
    [
      'a reaction came twice by one socket',
      'delivery.doubled',
      () => {
        const reaction = { e: 'got', socket: 2, c: C, rev: 8, what: 'reaction.changed' } as const
        return end(talk().tell(reaction, reaction))
      },
    ],
    [
      'messages of one sender changed places',
      'sender.reordered',
      () => {
        const told = start().send(ALICE, 2).send(ALICE, 1).send(BOB, 3).send(ALICE, 4)
        return end(told, { readings: { messages: [stored(1), stored(2), stored(3), stored(4)] } })
      },
    ],
    [
      'an edit is lost',
      'edit.lost',
      () => end(talk(), { readings: { messages: withChanged(2, { text: 'text of c2' }) } }),
    ],
    [
      'an earlier edit overwrote a later one',
      'edit.lost',
      () => end(talk().done({ do: 'edit', c: C, id: ID + 2, text: 'later' }, { who: ALICE, result: { rev: 8 } })),
    ],
    [
      'a text is there that nobody wrote',
      'text.unwritten',
      () => end(talk(), { readings: { messages: withChanged(1, { text: 'text of' }) } }),
    ],
    [
      'a deletion is lost',
      'delete.lost',
      () => end(talk(), { readings: { messages: withChanged(4, { text: 'text of c4' }) } }),
    ],
    [
      'a message is deleted that nobody deleted',
      'delete.unasked',
      () => end(talk(), { readings: { messages: withChanged(1, { text: null }) } }),
    ],
    [
      'a reaction is lost',
      'reaction.lost',
      () => end(talk(), { readings: { messages: withChanged(3, { reactions: '' }) } }),
    ],
    [
      'a reaction that was taken back is there',
      'reaction.unasked',
      () => end(talk().done({ do: 'unreact', c: C, id: ID + 3, emoji: '👍' }, { who: ALICE, result: { rev: 8 } })),
    ],
    ['an unread count is wrong', 'unread.wrong', () => end(talk(), { second: { unread: 3, inboxUnread: 3 } })],
    [
      'the inbox counts otherwise than the conversation',
      'unread.wrong',
      () => end(talk(), { second: { inboxUnread: 0 } }),
    ],
    ['a client counts otherwise than the server', 'unread.wrong', () => end(talk(), { copy: { unread: 0 } })],
    [
      'a read mark went back',
      'read.lost',
      () => end(talk().done({ do: 'read', c: C, seq: 3 }, { who: BOB, result: { seq: 3 } })),
    ],
    [
      'a client holds another text',
      'copy.differs',
      () => end(talk(), { copy: { messages: withChanged(2, { text: 'text of c2' }) } }),
    ],
    ['a client lacks a message', 'copy.differs', () => end(talk(), { copy: { messages: without(3) } })],
    ['a client stands at an older revision', 'copy.differs', () => end(talk(), { copy: { rev: 6 } })],
    ['a client holds nothing', 'copy.missing', () => talk().tell(reading(BOB), { e: 'live', who: BOB, device: '2a' })],
    [
      'two members read different logs',
      'reading.differs',
      () => end(talk(), { second: { messages: withChanged(1, { rev: 8 }) } }),
    ],
    ['nobody can read the conversation', 'reading.missing', () => talk()],
    ['one member cannot read the conversation', 'reading.missing', () => talk().tell(reading(ALICE))],
    [
      'a message that somebody received is gone',
      'received.lost',
      () =>
        end(
          talk()
            .done({ do: 'send', c: C, clientId: 'c5', text: 'text of c5' }, { who: ALICE, end: 'unknown' })
            .receive(2, fifth),
        ),
    ],
    [
      'a message was received that nobody had sent yet',
      'message.unsent',
      () => end(start().receive(2, stored(1)).send(ALICE, 1)),
    ],
    [
      'somebody received what was said after their removal',
      'removed.heard',
      () => end(added(removed().send(ALICE, 5).receive(2, fifth)), fiveMessages),
    ],
    [
      'so did a client of a documented API',
      'removed.heard',
      () => end(added(removed().send(ALICE, 5).tell(heard(5))), fiveMessages),
    ],
    [
      'somebody received a revision above that of their removal',
      'removed.heard',
      () => {
        const told = removed().tell({ e: 'got', socket: 2, c: C, rev: 9, what: 'reaction.changed' }, left(8))
        return end(added(told))
      },
    ],
    [
      'somebody who was removed could send',
      'removed.acked',
      () =>
        end(added(removed().send(BOB, 5)), { readings: { messages: [...log(), stored(5, { sender: BOB })], seq: 5 } }),
    ],
    ['somebody who was removed is still a member', 'members.wrong', () => end(removed())],
    [
      'somebody is no member and nobody removed them',
      'members.wrong',
      () => end(talk(), { readings: { memberIds: [ALICE] } }),
    ],
    [
      'somebody is a member whom nobody brought in',
      'members.wrong',
      () => end(talk(), { readings: { memberIds: [ALICE, BOB, CAROL] } }),
    ],
    [
      'somebody finds a conversation that they are not in',
      'members.wrong',
      () => end(talk()).tell(reading(CAROL, { unread: 3, inboxUnread: 3 })),
    ],
    [
      'a session that had ended could send',
      'revoked.acked',
      () => end(revoked().send(BOB, 5), { readings: { messages: [...log(), stored(5, { sender: BOB })], seq: 5 } }),
    ],
    [
      'a session that had ended received what was said later',
      'revoked.heard',
      () => end(revoked().send(ALICE, 5).receive(2, fifth), fiveMessages),
    ],
    [
      'so did a client of a documented API whose session had ended',
      'revoked.heard',
      () => end(revoked().send(ALICE, 5).tell(heard(5)), fiveMessages),
    ],
    ['the log was replaced by another', 'epoch.changed', () => end(talk().tell({ e: 'epoch', c: C, epoch: 'e0' }))],
    ['the server had a fault', 'server.fault', () => end(talk().tell({ e: 'crash', what: '500' }))],
  ]

  test.each(planted)('%s (%s)', (_what, kind, history) => {
    expect(kinds(history())).toContain(kind)
  })

  test('and each kind of fault is planted', () => {
    expect(new Set(planted.map(([, kind]) => kind))).toEqual(new Set(VIOLATION_KINDS))
  })

  test('also where somebody else was removed', () => {
    const told = talk().done({ do: 'remove', c: C, userId: CAROL }, { who: ALICE })

    expect(check(end(told).entries)).toEqual([])
  })
})
