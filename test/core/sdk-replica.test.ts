import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  applyChanges,
  applyEvent,
  applyOlder,
  expectOlder,
  hear,
  isBehind,
  isTooFarBehind,
  joinPages,
  mergeMessage,
  newReplica,
  type Replica,
  snapshot,
} from '../../src/sdk/replica.ts'
import type { Changes } from '../../src/protocol/conversation.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import { type Happening, LogModel } from '../support/log-model.ts'

/** What a client meets in the course of time, in any order. An answer is written at one moment and arrives at another. */
type Step =
  | ({ step: 'happen' } & Happening)
  | { step: 'deliver'; which: number }
  | { step: 'hear' | 'merge' }
  | { step: 'pull' | 'answer pull' | 'take pull' }
  | { step: 'older' | 'answer older' | 'take older' }

const PAGE = 4

const happening: fc.Arbitrary<Happening> = fc.record({
  does: fc.oneof(
    { weight: 5, arbitrary: fc.constant('send' as const) },
    { weight: 5, arbitrary: fc.constantFrom('edit' as const, 'delete', 'react', 'pin', 'read') },
    { weight: 2, arbitrary: fc.constantFrom('come' as const, 'go', 'promote', 'rename') },
    { weight: 1, arbitrary: fc.constant('outgrow' as const) },
  ),
  who: fc.nat(4),
  what: fc.nat(40),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: happening.map((each) => ({ step: 'happen' as const, ...each })) },
  { weight: 6, arbitrary: fc.nat(12).map((which) => ({ step: 'deliver' as const, which })) },
  { weight: 1, arbitrary: fc.constantFrom('hear' as const, 'merge').map((name) => ({ step: name })) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom('pull' as const, 'answer pull', 'take pull', 'older', 'answer older', 'take older')
      .map((name) => ({ step: name })),
  },
)

/** Opens a copy whose parts are read at different moments, with things happening in between. */
const open = (log: LogModel, between: Happening[][]): Replica => {
  const pause = (i: number) => between[i]?.forEach((each) => log.happen(each))
  const members = log.memberList()
  pause(0)
  const page = log.page(PAGE)
  pause(1)
  return newReplica({ conversation: log.conversation, members, page })
}

const isDense = ({ from, messages }: Replica): boolean => messages.every(({ seq }, i) => seq === from + i)

/** Pulls until nothing is missing, as a client does once it is connected and quiet. */
const settle = (log: LogModel, replica: Replica): Replica => {
  let settled = hear(replica, log.rev)
  for (let tries = 0; isBehind(settled); tries += 1) {
    expect(tries).toBeLessThan(50)
    settled = applyChanges(settled, log.changes(settled.rev, 100), settled.head)
  }
  return settled
}

const fresh = (log: LogModel): Replica =>
  newReplica({ conversation: log.conversation, members: log.memberList(), page: log.page(1_000) })

describe('a live copy', () => {
  test('[SYNC5] agrees with a fresh reading, whatever was doubled, overtaken or lost on the way', () => {
    fc.assert(
      fc.property(
        fc.array(happening, { maxLength: 30, size: 'max' }),
        fc.array(fc.array(happening, { maxLength: 4, size: 'max' }), { minLength: 2, maxLength: 2 }),
        fc.array(step, { maxLength: 80, size: 'max' }),
        (before, between, steps) => {
          const log = new LogModel()
          for (const each of before) log.happen(each)
          const opened = log.events.length
          let replica = open(log, between)
          let pull: { since: number; asked: number; pages: Changes[] } | null = null
          let older: { before: number; page: HistoryPage | null } | null = null

          for (const each of steps) {
            switch (each.step) {
              case 'happen':
                log.happen(each)
                break
              case 'deliver': {
                // Mostly the newest, which leaves gaps; at times an old one once more.
                const event = log.events[log.events.length - 1 - each.which]
                if (event && log.events.length - each.which > opened) replica = applyEvent(replica, event)
                break
              }
              case 'merge': {
                const message = log.newest()
                if (message) replica = mergeMessage(replica, message)
                break
              }
              case 'hear':
                replica = hear(replica, log.rev)
                break
              case 'pull':
                pull ??= { since: replica.rev, asked: replica.head, pages: [] }
                break
              case 'answer pull':
                if (pull && pull.pages.at(-1)?.more !== false) {
                  pull.pages.push(log.changes(pull.pages.at(-1)?.rev ?? pull.since, PAGE))
                }
                break
              case 'take pull':
                if (pull && pull.pages.at(-1)?.more === false) {
                  replica = applyChanges(replica, pull.pages.reduce(joinPages), pull.asked)
                  pull = null
                }
                break
              case 'older':
                if (older || replica.from === 1) break
                older = { before: replica.from, page: null }
                replica = expectOlder(replica)
                break
              case 'answer older':
                if (older) older.page ??= log.page(PAGE, older.before)
                break
              case 'take older':
                if (older?.page) {
                  replica = applyOlder(replica, older.page)
                  older = null
                }
                break
            }
            expect(isDense(replica)).toBe(true)
          }
          if (older) replica = applyOlder(replica, older.page ?? log.page(PAGE, older.before))
          replica = settle(log, replica)

          expect(snapshot(replica)).toEqual(snapshot(fresh(log), replica.from))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('[SYNC5] needs no pull when every event comes in order', () => {
    const log = new LogModel()
    let replica = fresh(log)
    const opened = log.events.length
    for (let i = 0; i < 50; i += 1)
      log.happen({ does: i % 3 === 0 ? 'send' : i % 3 === 1 ? 'react' : 'read', who: i, what: i })

    for (const event of log.events.slice(opened)) {
      replica = applyEvent(replica, event)
      expect(isBehind(replica)).toBe(false)
    }

    expect(snapshot(replica)).toEqual(snapshot(fresh(log)))
  })

  test('[SYNC5] drains what waited as soon as the missing event comes', () => {
    const log = new LogModel()
    const start = fresh(log)
    for (let i = 0; i < 4; i += 1) log.happen({ does: 'send', who: 0, what: 0 })
    const [first, ...rest] = log.events.slice(-4)

    const waiting = rest.toReversed().reduce(applyEvent, start)
    const complete = first ? applyEvent(waiting, first) : waiting

    expect(waiting.messages).toEqual([])
    expect(isBehind(waiting)).toBe(true)
    expect(isBehind(complete)).toBe(false)
    expect(complete.messages.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
  })

  test('[SYNC6] does not wait for ever for a revision that the server does not know', () => {
    const log = new LogModel()
    const replica = hear(fresh(log), log.rev + 5)

    const pulled = applyChanges(replica, log.changes(replica.rev, 100), replica.head)

    expect(isBehind(pulled)).toBe(false)
  })

  test('[SYNC6] is read anew rather than mended beyond 500 revisions', () => {
    const replica = fresh(new LogModel())

    expect(isTooFarBehind(hear(replica, replica.rev + 500))).toBe(false)
    expect(isTooFarBehind(hear(replica, replica.rev + 501))).toBe(true)
  })

  test('[READ3] forgets the marks of all when a group has outgrown sharing them', () => {
    const log = new LogModel()
    log.happen({ does: 'send', who: 0, what: 0 })
    log.happen({ does: 'read', who: 1, what: 0 })
    const replica = fresh(log)
    expect(replica.members.map(({ readSeq }) => readSeq)).toContain(1)

    const opened = log.events.length
    log.happen({ does: 'outgrow', who: 0, what: 0 })

    const outgrown = log.events.slice(opened).reduce(applyEvent, replica)
    expect(outgrown.members.every(({ readSeq }) => readSeq === null)).toBe(true)
    expect(snapshot(outgrown)).toEqual(snapshot(fresh(log)))
  })
})
