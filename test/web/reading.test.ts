import { expect, test } from 'vitest'
import { gather } from './company.ts'
import type { Person } from './person.ts'

/** Where the reader is in a long conversation, and what moves them. */

const { signUp, people } = gather()

const someLines = (count: number) => Array.from({ length: count }, (_, at) => `line ${at + 1} of some`)
const timelineOf = (person: Person) => person.page.locator('.timeline')
/** Whether the whole of it is within the part of the conversation that shows. */
const isInView = (person: Person, selector: string): Promise<boolean> =>
  timelineOf(person).evaluate((view, wanted) => {
    const [frame, box] = [view.getBoundingClientRect(), view.querySelector(wanted)?.getBoundingClientRect()]
    return box !== undefined && box.top >= frame.top && box.bottom <= frame.bottom && box.right <= frame.right
  }, selector)

/** A conversation in which Ana has said so many lines. */
const talk = async (count: number) => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  const lines = someLines(count)
  for (const line of lines) await ana.say(line)
  await ana.holds(lines)
  return { ana }
}
/** Scrolls, and has the conversation drawn anew at once, while the word of the scrolling comes with the next frame; answers how far that moved it. */
const driftAfter = (person: Person, by: number): Promise<number> =>
  timelineOf(person).evaluate(async (view, distance) => {
    view.scrollTop += distance
    const { scrollTop } = view
    view.querySelector<HTMLElement>('.message')?.click()
    await Promise.resolve()
    await Promise.resolve()
    return view.scrollTop - scrollTop
  }, by)

test('older messages load while scrolling up, and what is being read stays where it is', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  const lines = Array.from({ length: 75 }, (_, at) => `line ${at + 1} of many`)
  for (const line of lines) await ana.say(line)
  await ana.sees('line 75 of many')
  await expect.poll(() => ana.page.locator('.message-waiting').count(), { timeout: 30_000 }).toBe(0)
  await ana.page.reload()
  await ana.sees('line 75 of many')

  let shown = await ana.texts()
  while (shown.length < lines.length) {
    const oldest = ana.message(shown[0] ?? '')
    await oldest.scrollIntoViewIfNeeded()
    await expect.poll(async () => (await ana.texts()).length).toBeGreaterThan(shown.length)
    const { y } = (await oldest.boundingBox()) ?? { y: -1 }
    expect(y).toBeGreaterThan(0)
    expect(y).toBeLessThan(760)
    shown = await ana.texts()
  }

  expect(await ana.texts()).toEqual(lines)
})

test('who scrolls up is not thrown back by what is drawn in the same moment', async () => {
  const { ana } = await talk(30)
  await expect.poll(() => timelineOf(ana).evaluate((view) => view.scrollTop)).toBeGreaterThan(300)

  expect(await driftAfter(ana, -250)).toBe(0)
  await expect.poll(() => ana.page.locator('.to-latest').count()).toBe(1)
})

test('who scrolls down is not thrown back either', async () => {
  const { ana } = await talk(40)
  await timelineOf(ana).evaluate((view) => view.scrollTo({ top: view.scrollHeight / 3 }))
  await expect.poll(() => ana.page.locator('.to-latest').count()).toBe(1)
  // What was scrolled before is known by then.
  await ana.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))))

  expect(await driftAfter(ana, 150)).toBe(0)
})

test('who comes back to a conversation begins with what is new, and has read no more than that', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  await ana.say('hello')
  await ben.open('Ana')
  await ben.sees('hello')
  await ben.page.getByRole('link', { name: /^Settings/ }).click()
  const lines = someLines(40)
  for (const line of lines) await ana.say(line)
  await ana.holds(['hello', ...lines])
  await expect.poll(() => ben.row('Ana').locator('.badge').getAttribute('data-unread')).toBe('40')

  await ben.open('Ana')

  await expect.poll(() => isInView(ben, '.separator-new')).toBe(true)
  expect(await ben.row('Ana').locator('.badge').getAttribute('data-unread')).toBe('40')
  await ben.page.locator('.to-latest').click()
  await expect.poll(() => ben.row('Ana').locator('.badge').count()).toBe(0)
})

test('what is new begins where it does, also where that is pages above', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  await ana.say('hello')
  await ben.open('Ana')
  await ben.sees('hello')
  await ben.page.getByRole('link', { name: /^Settings/ }).click()
  // More than a page, and within what somebody may say, with the signs of typing, in ten seconds.
  const lines = someLines(70)
  for (const line of lines) await ana.say(line)
  await expect.poll(() => ben.row('Ana').locator('.badge').getAttribute('data-unread'), { timeout: 60_000 }).toBe('70')
  await ben.page.reload()

  await ben.open('Ana')

  await expect.poll(() => isInView(ben, '.separator-new'), { timeout: 60_000 }).toBe(true)
  expect(await ben.page.locator('.separator-new + .message .message-text').textContent()).toBe('line 1 of some')
  expect(await ben.row('Ana').locator('.badge').getAttribute('data-unread')).toBe('70')
})

test('what one sends is seen, also by who had scrolled up', async () => {
  const { ana } = await talk(30)
  await timelineOf(ana).evaluate((view) => view.scrollTo({ top: 0 }))
  await expect.poll(() => ana.page.locator('.to-latest').count()).toBe(1)

  await ana.say('mine')

  await expect.poll(() => isInView(ana, '.message:last-child')).toBe(true)
})

test('on a tablet there is room for the whole box in which one edits', async () => {
  const ben = await signUp('Ben')
  const ana = await signUp('Ana', { viewport: { width: 820, height: 1180 } })
  await ana.find(ben)
  await ana.say('a few words')
  await ana.use('Edit', 'a few words')

  await expect.poll(() => isInView(ana, '.message-edit-actions')).toBe(true)
})
