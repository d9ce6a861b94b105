import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { accept, acceptCatchUp, fitsCatchUp, newRevOrder, type RevOrder } from '../../src/core/rev-order.ts'

/** As in a page of changes, only shorter. */
const PAGE = 3

type Frame = { rev: number; type: 'created' | 'updated'; seq: number }
type Page = { after: number; upTo: number; more: boolean; revs: number[]; frames: string[] }

/** A conversation in which people write and edit: each change takes a revision, and of those of a message the last one is known. */
class Log {
  readonly #messages: { madeAt: number; rev: number }[] = []
  head = 0

  get count(): number {
    return this.#messages.length
  }

  send(): Frame {
    this.head += 1
    this.#messages.push({ madeAt: this.head, rev: this.head })
    return { rev: this.head, type: 'created', seq: this.count }
  }

  edit(which: number): Frame {
    const at = which % this.count
    const message = this.#messages[at]
    if (!message) return this.send()
    this.head += 1
    message.rev = this.head
    return { rev: this.head, type: 'updated', seq: at + 1 }
  }

  page(after: number): Page {
    const places = this.#messages
      .flatMap(({ madeAt, rev }, at): Frame[] => [
        { rev: madeAt, type: 'created', seq: at + 1 },
        ...(rev === madeAt ? [] : [{ rev, type: 'updated' as const, seq: at + 1 }]),
      ])
      .filter(({ rev }) => rev > after)
      .toSorted((a, b) => a.rev - b.rev)
    const frames = places.slice(0, PAGE)
    const more = places.length > PAGE
    return {
      after,
      upTo: more ? (frames.at(-1)?.rev ?? 0) : this.head,
      more,
      revs: frames.map(({ rev }) => rev),
      frames: frames.map((frame) => JSON.stringify(frame)),
    }
  }
}

/** A hub and one socket that was there when the conversation stood at `baseline`. */
class Hub {
  order: RevOrder
  readonly told: Frame[] = []

  constructor(baseline: number) {
    this.order = newRevOrder(baseline)
  }

  take(frames: Frame[]): void {
    this.#tell(
      accept(this.order, { revs: frames.map(({ rev }) => rev), frames: frames.map((frame) => JSON.stringify(frame)) }),
    )
  }

  /** Whether nothing was missing before it. */
  takePage(page: Page): boolean {
    const fits = fitsCatchUp(this.order, page)
    if (fits) this.#tell(acceptCatchUp(this.order, page))
    return fits
  }

  /** Asks for one page. */
  ask(log: Log): void {
    if (this.order.known !== null) this.takePage(log.page(this.order.known))
  }

  /** What a hub keeps while it is hibernated. */
  sleep(): void {
    this.order = newRevOrder(this.order.known)
  }

  #tell(frames: string[]): void {
    this.told.push(...frames.map((frame) => JSON.parse(frame) as Frame))
  }
}

const number = fc.nat({ max: 1_000 })
const op = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('edit' as const), which: number }) },
  /** A frame comes: any that is under way, perhaps not for the last time. */
  { weight: 8, arbitrary: fc.record({ do: fc.constant('deliver' as const), which: number, again: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), which: number }) },
  /** The conversation died, and tells again what came since some revision. */
  { weight: 1, arbitrary: fc.record({ do: fc.constant('tell again' as const), since: number }) },
  /** A page that the conversation sent comes, perhaps late, perhaps not for the last time; where there are more, the next one is made. */
  { weight: 4, arbitrary: fc.record({ do: fc.constant('page' as const), which: number, again: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ask' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('sleep' as const) }) },
)

test('[SYNC12] [SYNC14] whatever is lost, doubled or late, a socket is told of each message as new, once, and in order', () => {
  fc.assert(
    fc.property(fc.nat({ max: 8 }), fc.array(op, { maxLength: 120 }), (before, ops) => {
      const log = new Log()
      for (let i = 0; i < before; i += 1) log.send()
      const known = log.count
      const hub = new Hub(log.head)
      const flying: Frame[] = []
      const pages: Page[] = []
      for (const each of ops) {
        if (each.do === 'send') flying.push(log.send())
        else if (each.do === 'edit') flying.push(log.edit(each.which))
        else if (each.do === 'deliver' && flying.length > 0) {
          const at = each.which % flying.length
          hub.take(flying.slice(at, at + 2))
          if (!each.again) flying.splice(at, 2)
        } else if (each.do === 'lose' && flying.length > 0) flying.splice(each.which % flying.length, 1)
        else if (each.do === 'tell again') {
          pages.push(log.page(each.since % (log.head + 1)))
        } else if (each.do === 'page' && pages.length > 0) {
          const at = each.which % pages.length
          const page = pages[at]
          if (!page) continue
          if (!hub.takePage(page)) hub.ask(log)
          if (!each.again) pages.splice(at, 1)
          if (page.more) pages.push(log.page(page.upTo))
        } else if (each.do === 'ask') hub.ask(log)
        else if (each.do === 'sleep') hub.sleep()
      }
      while (hub.order.known !== log.head) hub.ask(log)

      const revs = hub.told.map(({ rev }) => rev)
      expect(revs).toEqual(revs.toSorted((a, b) => a - b))
      expect(new Set(revs).size).toBe(revs.length)
      const asNew = hub.told.filter(({ type }) => type === 'created').map(({ seq }) => seq)
      expect(asNew.toSorted((a, b) => a - b)).toEqual(
        Array.from({ length: log.count - known }, (_, i) => known + 1 + i),
      )
      hub.told.forEach(({ type, seq }, at) => {
        if (type === 'updated' && seq > known)
          expect(hub.told.slice(0, at)).toContainEqual(expect.objectContaining({ type: 'created', seq }))
      })
    }),
    { numRuns: 20_000 },
  )
})
