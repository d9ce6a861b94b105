import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Deadlines } from '../../src/objects/deadlines.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

test('a wait ends in its time, or up to a beat sooner, and one that was taken back does not', () => {
  const deadlines = new Deadlines()
  const over: string[] = []
  deadlines.set(1_000, () => over.push('first'))
  vi.advanceTimersByTime(100)
  const takeBack = deadlines.set(1_000, () => over.push('taken back'))
  deadlines.set(1_000, () => over.push('second'))

  vi.advanceTimersByTime(600)
  takeBack()
  expect(over).toEqual([])
  vi.advanceTimersByTime(300)
  expect(over).toEqual(['first', 'second'])
})

test('however many waits there are, there is one timer, which is left to fire and is not set again once nobody waits', () => {
  const deadlines = new Deadlines()
  const cleared = vi.spyOn(globalThis, 'clearTimeout')
  for (let i = 0; i < 1_000; i += 1) deadlines.set(12_000, () => {})()
  deadlines.set(400, () => {})

  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(500)
  expect(vi.getTimerCount()).toBe(0)
  expect(cleared).not.toHaveBeenCalled()
})

test('what is set while another wait ends has its whole time', () => {
  const deadlines = new Deadlines()
  const over: string[] = []
  deadlines.set(250, () => deadlines.set(500, () => over.push('later')))

  vi.advanceTimersByTime(250)
  vi.advanceTimersByTime(499)
  expect(over).toEqual([])
  vi.advanceTimersByTime(1)
  expect(over).toEqual(['later'])
})

test('a wait that is taken back by one that ends with it does not end', () => {
  const deadlines = new Deadlines()
  const over: string[] = []
  let takeBack = () => {}
  deadlines.set(250, () => takeBack())
  takeBack = deadlines.set(250, () => over.push('taken back'))

  vi.advanceTimersByTime(1_000)
  expect(over).toEqual([])
})
