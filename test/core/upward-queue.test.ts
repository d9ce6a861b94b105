import { afterEach, expect, test, vi } from 'vitest'
import type { Order } from '../../src/core/orders.ts'
import { Deadlines } from '../../src/objects/deadlines.ts'
import { UpwardQueue } from '../../src/objects/upward-queue.ts'
import { refuse } from '../../src/protocol/errors.ts'
import { large, upTo } from '../support/large.ts'

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

test('[BAD8] of what one user sends at once, so much waits in the hub and no more: the rest is told to come later', async () => {
  let release = () => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const queue = new UpwardQueue(new Deadlines(), async (_, orders) => {
    await held
    return orders.map(() => ({ ok: true, json: '{}' }))
  })
  const send = (conversationId: number, i: number) => queue.submit(conversationId, large(conversationId, i))

  const all = upTo(130).map((i) => send(1 + (i % 3), i))
  release()
  const answers = await Promise.all(all)

  const later = answers.filter(
    (answer) => !answer.ok && answer.code === 'server.unavailable' && answer.retryAfter === 1,
  )
  const done = answers.filter(({ ok }) => ok)
  expect(done.length + later.length).toBe(130)
  expect(done.length).toBeGreaterThan(40)
  expect(later.length).toBeGreaterThan(40)
  expect((await send(1, 131)).ok).toBe(true)
})

test('what waits when its session ends is not performed, and a post that throws stops nothing', async () => {
  vi.spyOn(console, 'error').mockReturnValue(undefined)
  let posts = 0
  const performed: string[] = []
  const queue = new UpwardQueue(new Deadlines(), async (_, orders) => {
    posts += 1
    await new Promise((resolve) => setTimeout(resolve, 10))
    if (posts === 2) throw new Error('a bug')
    performed.push(...orders.map(({ type }) => type))
    return orders.map(() => ({ ok: true, json: '{}' }))
  })
  let isOver = false
  const ask = (type: 'typing.start' | 'typing.stop', over = () => false) =>
    queue.submit(1, { type, conversationId: 1 }, over)

  const first = ask('typing.start')
  const late = ask('typing.stop', () => isOver)
  const second = ask('typing.start')
  isOver = true

  expect(await late).toMatchObject({ ok: false, code: 'session.revoked' })
  expect(await first).toMatchObject({ ok: true })
  expect(await second).toMatchObject({ ok: false, code: 'server.unavailable' })
  expect(await ask('typing.start')).toMatchObject({ ok: true })
  expect(performed).toEqual(['typing.start', 'typing.start'])
})

test('who waits long for a conversation is told to come later, and what still waited is not performed', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const posted: string[][] = []
  let answer = () => {}
  const queue = new UpwardQueue(new Deadlines(), (_, orders) => {
    posted.push(orders.map(({ type }) => type))
    return new Promise((resolve) => {
      answer = () => resolve(orders.map(() => ({ ok: true, json: '{}' })))
    })
  })
  const ask = (type: 'typing.start' | 'typing.stop') => queue.submit(1, { type, conversationId: 1 })
  const later = { ok: false, code: 'server.unavailable', retryAfter: 1 }

  const [first, second] = [ask('typing.start'), ask('typing.stop')]
  await vi.advanceTimersByTimeAsync(12_500)
  expect([await first, await second, await ask('typing.stop')]).toEqual([later, later, later])
  answer()
  await vi.advanceTimersByTimeAsync(100)
  const third = ask('typing.start')
  await vi.advanceTimersByTimeAsync(100)
  answer()

  expect(await third).toMatchObject({ ok: true })
  expect(posted).toEqual([['typing.start'], ['typing.start']])
  await vi.advanceTimersByTimeAsync(250)
  expect(vi.getTimerCount()).toBe(0)
})

test('what waits behind a post that is to be tried again is refused with it, so that the tries come in the old order', async () => {
  const performed: Order[] = []
  let isBusy = true
  const queue = new UpwardQueue(new Deadlines(), async (_, orders) => {
    await new Promise((resolve) => setTimeout(resolve, 10))
    if (isBusy) return orders.map(() => refuse('server.unavailable', { retryAfter: 1 }))
    performed.push(...orders)
    return orders.map(() => ({ ok: true, json: '{}' }))
  })
  const [one, two] = [large(1, 1), large(1, 2)]

  const answers = [queue.submit(1, one), queue.submit(1, two)]
  expect(await answers[0]).toMatchObject({ ok: false, code: 'server.unavailable' })
  isBusy = false
  expect(await answers[1]).toMatchObject({ ok: false, code: 'server.unavailable' })
  const again = [one, two].map((order) => queue.submit(1, order))

  expect((await Promise.all(again)).map(({ ok }) => ok)).toEqual([true, true])
  expect(performed).toEqual([one, two])
})

test('who comes while a call is slow waits no longer for the next one than for the first', async () => {
  vi.useFakeTimers()
  const queue = new UpwardQueue(new Deadlines(), async (_, orders) => {
    await new Promise((resolve) => setTimeout(resolve, 11_000))
    return orders.map(() => ({ ok: true, json: '{}' }))
  })
  const ask = (i: number) => queue.submit(1, large(1, i)).then((answer) => [answer.ok, Date.now() - from])
  const from = Date.now()

  const answers = [ask(1), ask(2)]
  await vi.advanceTimersByTimeAsync(60_000)

  expect(await Promise.all(answers)).toEqual([
    [true, 11_000],
    // To the beat.
    [false, 12_008],
  ])
})
