import { expect, test } from 'vitest'
import { gather } from './company.ts'
import { PASSWORD } from './person.ts'

/** What the pages around the conversations say and do when it does not go as usual. */

const { stage, signUp, people } = gather()

test('a draft is the same in two tabs, and is gone from both once it is sent', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  const [address, second] = [ana.page.url(), await ana.page.context().newPage()]
  await second.goto(address)
  const composer = second.getByRole('textbox', { name: /^Message to/ })
  await composer.waitFor()
  await second.bringToFront()

  await composer.fill('see you at eight')
  await expect.poll(() => ana.composer.inputValue()).toBe('see you at eight')
  await composer.press('Enter')

  await expect.poll(() => ana.composer.inputValue()).toBe('')
  await ana.holds(['see you at eight'])
})

test('an answer that comes late takes nobody away from where they have gone meanwhile', async () => {
  const [ana, ben, cleo] = await people('Ana', 'Ben', 'Cleo')
  await ana.find(ben)
  let answer = () => {}
  const held = new Promise<void>((resolve) => (answer = resolve))
  await ana.page.route('**/v1/conversations', async (route) => {
    if (route.request().method() === 'POST') await held
    await route.continue()
  })
  await ana.page.getByRole('link', { name: 'New conversation' }).click()
  await ana.page.getByLabel('Find a person').fill(cleo.username)
  await ana.page.getByRole('button', { name: 'Cleo' }).click()

  await ana.open('Ben')
  const answered = ana.page.waitForResponse(
    (response) => response.request().method() === 'POST' && response.url().endsWith('/v1/conversations'),
  )
  answer()
  await answered
  await ana.row('Cleo').waitFor()
  // What the page does with the answer, it does before this.
  await ana.page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)))

  expect(await ana.page.getByRole('textbox', { name: 'Message to Ben' }).isVisible()).toBe(true)
})

test('a new password signs the other devices out, and the list says so', async () => {
  const ana = await signUp('Ana')
  await ana.signInElsewhere({ browser: stage.browser, url: stage.server.url })
  const devices = ana.page.getByRole('region', { name: 'Signed in on' }).getByRole('listitem')
  await ana.page.getByRole('link', { name: /^Settings/ }).click()
  await expect.poll(() => devices.count()).toBe(2)

  await ana.page.getByLabel('Current password').fill(PASSWORD)
  await ana.page.getByLabel('New password').fill(`${PASSWORD} again`)
  await ana.page.getByRole('button', { name: 'Change password' }).click()

  await ana.page.getByText('Your other devices were signed out.').waitFor()
  await expect.poll(() => devices.count()).toBe(1)
})

test('who asks and takes it back stands where they were', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.page.goto(`${stage.server.url}/#/new/group`)
  await ana.page.getByLabel('Name of the group').fill('Book club')
  await ana.page.getByLabel('Add people').fill(ben.username)
  await ana.page.getByRole('button', { name: 'Ben' }).click()
  await ana.page.getByRole('button', { name: 'Make the group with one other' }).click()
  await ana.composer.waitFor()
  await ana.page.getByRole('link', { name: 'Details' }).click()
  await ana.page.getByRole('button', { name: 'Remove Ben' }).click()
  const question = ana.page.getByRole('group', { name: 'Remove Ben from the group?' })

  await question.getByRole('button', { name: 'Cancel' }).click()

  await expect.poll(() => question.count()).toBe(0)
  expect(await ana.page.evaluate(() => document.activeElement?.closest('li')?.textContent)).toContain('Ben')
})

test('who cannot sign in is told why', async () => {
  const ana = await signUp('Ana')
  await ana.page.getByRole('link', { name: /^Settings/ }).click()
  await ana.page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await ana.page.getByLabel('Username or email').fill('   ')
  await ana.page.getByLabel('Password').fill(PASSWORD)
  await ana.page.getByRole('button', { name: 'Sign in' }).click()

  await ana.page.getByText('This is no username and no email address.').waitFor()
  ana.forgive(/status of 400/)
})

test('who writes to an account that ended is told so', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  await ana.say('hello')
  await ana.holds(['hello'])
  const ask = (method: string, path: string, body: object, token?: string) =>
    fetch(`${stage.server.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    })
  const login = await ask('POST', '/v1/auth/login', { login: ben.username, password: PASSWORD })
  const { accessToken } = (await login.json()) as { accessToken: string }
  expect((await ask('DELETE', '/v1/me', { password: PASSWORD }, accessToken)).status).toBe(204)

  await ana.say('are you there?')

  await ana.page.getByText('This person has no account any more.').waitFor()
  ben.forgive(/./)
})

test('beside its own routes a started server opens no door to its tables', async () => {
  const explorer = `${stage.server.url}/cdn-cgi/explorer`

  const answers = await Promise.all([
    fetch(explorer),
    fetch(`${explorer}/api/d1/database`),
    fetch(`${explorer}/api/local/observability/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sql: 'SELECT 1' }),
    }),
  ])

  for (const answer of answers) expect(answer.status).toBe(404)
})
