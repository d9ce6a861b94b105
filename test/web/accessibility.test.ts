import axe from 'axe-core'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { expect, test } from 'vitest'
import { setStage } from '../support/stage.ts'
import { Person } from './person.ts'

const DESK: BrowserContextOptions = { viewport: { width: 1200, height: 760 } }
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true }
const SHAPES = [
  ['a desk', DESK],
  ['a phone', PHONE],
] as const

const stage = setStage()

test.each(SHAPES)('before signing in, axe finds nothing serious on %s', async (_, shape) => {
  const page = await (await stage.browser.newContext(shape)).newPage()
  const screens = await screensOf(page)

  await page.goto(stage.server.url)
  await page.getByRole('button', { name: 'Sign in' }).waitFor()
  await screens.audit('signed out')
  await page.getByLabel('Username or email').fill('nobody')
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('That name and password do not go together.').waitFor()
  await screens.audit('sign-in refused')
  await page.getByRole('button', { name: 'Make an account' }).click()
  await screens.audit('sign up')
  await page.getByLabel('Username').fill('no spaces here')
  await page.getByLabel('Email').fill('nobody@example.org')
  await page.getByLabel('Password').fill('short')
  await page.getByRole('button', { name: 'Make my account' }).click()
  await page.getByRole('alert').first().waitFor()
  await screens.audit('sign-up refused')
  await page.goto(`${stage.server.url}/docs`)
  await page.getByText('Send a message; 200 where it was sent before').click()
  await screens.audit('/docs')

  expect(screens.findings).toEqual([])
})

test.each(SHAPES)('where people talk, axe finds nothing serious on %s', async (_, shape) => {
  const [ana, ben] = await Promise.all([signUp('Ana', shape), signUp('Ben', DESK)])
  const { page } = ana
  const screens = await screensOf(page)
  await page.reload()

  await page.getByText('Nobody here yet').waitFor()
  await screens.audit('empty inbox')
  await ana.find(ben)
  await page.getByText('The beginning').waitFor()
  await screens.audit('empty conversation')
  await say(ana, 'Meet at seven, see https://example.org/there')
  await ben.open('Ana')
  await ben.use('React', 'Meet at seven')
  await ben.page.getByRole('button', { name: 'React with 👍' }).click()
  await ben.use('Reply', 'Meet at seven')
  await ben.say('With pleasure')
  await ana.sees('With pleasure')
  await say(ana, 'Until then')
  await say(ana, 'Never mind this')
  await ana.message('Never mind this').click()
  await page.getByRole('button', { name: 'Delete' }).click()
  await screens.audit('asked before deleting')
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await page.getByText('This message was deleted').waitFor()
  await ana
    .message('Meet at seven')
    .locator('.bubble')
    .click({ position: { x: 4, y: 4 } })
  await page.getByRole('toolbar', { name: 'Message' }).waitFor()
  await screens.audit('messages with reactions, and their tools')
  await page.getByRole('button', { name: 'React', exact: true }).click()
  await screens.audit('choosing a reaction')
  await page.keyboard.press('Escape')
  await ana.message('Until then').click()
  await page.getByRole('button', { name: 'Reply' }).click()
  await screens.audit('answering')
  await ana.message('Until then').click()
  await page.getByRole('button', { name: 'Edit' }).click()
  await page.getByLabel('Edit message').waitFor()
  await screens.audit('editing')
  await page.keyboard.press('Escape')
  await Promise.all([ben.composer.pressSequentially('I am just writ'), page.getByText('Ben is typing…').waitFor()])
  await screens.audit('somebody typing')
  await page.getByRole('link', { name: 'Details' }).click()
  await page.getByText(`@${ben.username}`).waitFor()
  await screens.audit('about a person')

  await go(page, '#/new')
  await page.getByLabel('Find a person').fill(ben.username)
  await page.getByRole('button', { name: 'Ben' }).waitFor()
  await screens.audit('new chat')
  await go(page, '#/new/group')
  await page.getByLabel('Name of the group').fill('Book club')
  await page.getByLabel('Add people').fill(ben.username)
  await page.getByRole('button', { name: 'Ben' }).click()
  await page.getByRole('button', { name: 'Leave out Ben' }).waitFor()
  await screens.audit('new group')
  await page.getByRole('button', { name: 'Make the group with one other' }).click()
  await say(ana, 'Welcome')
  await ben.open('Book club')
  await ben.say('Hello everybody')
  await ana.sees('Hello everybody')
  await screens.audit('a group')
  await page.getByRole('link', { name: 'Details' }).click()
  await page.getByRole('button', { name: 'Add people' }).click()
  await page.getByRole('button', { name: 'Remove Ben' }).click()
  await page.getByRole('button', { name: 'Leave the group' }).click()
  await screens.audit('about a group')

  await go(page, '#/')
  await ben.say('Still there?')
  await page.locator('.badge[data-unread="1"]').waitFor()
  await screens.audit('inbox')
  await go(page, '#/c/999999')
  await page.getByText('This conversation is not here').waitFor()
  await screens.audit('a conversation that is not there')
  await ana.signInElsewhere({ browser: stage.browser, url: stage.server.url })
  await go(page, '#/settings')
  await page.getByRole('button', { name: /^Sign out Chrome/ }).waitFor()
  await screens.audit('settings and devices')

  expect(screens.findings).toEqual([])
})

/** What axe calls serious or critical, screen by screen, by day and by night. */
const screensOf = async (page: Page) => {
  // The policy of the page lets no script in from elsewhere; what the browser itself puts there comes before it.
  await page.addInitScript({ content: axe.source })
  const findings: string[] = []
  return {
    findings,
    audit: async (screen: string) => {
      const landmarks = await page.getByRole('main').count()
      if (landmarks !== 1) findings.push(`${screen}: ${landmarks} main landmarks`)
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        const { violations } = await page.evaluate(() =>
          (globalThis as unknown as { axe: typeof axe }).axe.run({ resultTypes: ['violations'] }),
        )
        for (const { id, impact, nodes } of violations) {
          if (impact !== 'serious' && impact !== 'critical') continue
          findings.push(...nodes.map((node) => `${screen}, ${colorScheme}: ${id}: ${node.html} ${node.failureSummary}`))
        }
      }
    },
  }
}

const signUp = (name: string, context: BrowserContextOptions): Promise<Person> =>
  Person.signUp({ browser: stage.browser, url: stage.server.url, name, context })

/** As on a phone, whose Enter begins a line. */
const say = async ({ composer, page }: Person, text: string): Promise<void> => {
  await composer.fill(text)
  await page.getByRole('button', { name: 'Send' }).click()
}

const go = (page: Page, hash: string): Promise<void> => page.evaluate((to) => void (location.hash = to), hash)
