import { expect, test } from 'vitest'
import { gather } from './company.ts'
import { PASSWORD } from './person.ts'

const { stage, signUp, people } = gather()

test('two people find each other and talk both ways', async () => {
  const [ana, ben] = await people('Ana', 'Ben')

  await ana.find(ben)
  await ana.say('Bonjour Ben')
  await ben.row('Ana').waitFor()
  await expect.poll(() => ben.row('Ana').textContent()).toContain('Bonjour Ben')
  await ben.open('Ana')
  await ben.say('Hello Ana, how are you?')
  await ana.sees('how are you?')
  await ana.say('Fine, see https://example.org/a?b=c.')

  await ana.holds(['Bonjour Ben', 'Hello Ana, how are you?', 'Fine, see https://example.org/a?b=c.'])
  await ben.holds(['Bonjour Ben', 'Hello Ana, how are you?', 'Fine, see https://example.org/a?b=c.'])
  const link = ben.page.getByRole('link', { name: 'https://example.org/a?b=c', exact: true })
  expect(await link.getAttribute('href')).toBe('https://example.org/a?b=c')
  expect(await link.getAttribute('rel')).toContain('noopener')
})

test('markup in a message is text, and only http, https and mail addresses become links', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  const hostile = '<img src=x onerror=alert(1)> javascript:alert(1) <a href="javascript:alert(1)">x</a>'

  await ana.find(ben)
  await ana.say(hostile)
  await ben.open('Ana')

  await ben.holds([hostile])
  expect(await ben.page.locator('.message-text a, .message-text img').count()).toBe(0)
})

test('unread messages are counted until they are read, and the sender sees that they were', async () => {
  const [ana, ben] = await people('Ana', 'Ben')

  await ana.find(ben)
  await ana.say('one')
  await ana.say('two')
  await expect.poll(() => ben.row('Ana').locator('.badge').getAttribute('data-unread')).toBe('2')
  expect(await ben.page.title()).toBe('(2) Causerie')
  await expect.poll(() => ana.receipt.textContent()).toBe('Sent')
  await ben.open('Ana')

  await expect.poll(() => ana.receipt.textContent()).toBe('Read')
  await expect.poll(() => ben.row('Ana').locator('.badge').count()).toBe(0)
  expect(await ben.page.locator('.separator-new').textContent()).toBe('New')
  await expect.poll(() => ben.page.title()).toBe('Causerie')
})

test('one sees that the other is typing and is online', async () => {
  const [ana, ben] = await people('Ana', 'Ben')

  await ana.find(ben)
  await ana.say('there?')
  await ben.open('Ana')
  // It shows for some seconds only: they watch for it from the start.
  await Promise.all([
    ben.composer.pressSequentially('I am just writ'),
    ana.page.getByText('Ben is typing…').waitFor(),
    ana.row('Ben').getByText('typing…').waitFor(),
  ])
  await ana.page.locator('.bar').getByText('Online').waitFor()
})

test('a message is answered, edited, given a reaction and deleted, on both sides', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  await ana.say('Meet at sevn')
  await ben.open('Ana')

  await ana.use('Edit', 'Meet at sevn')
  await ana.page.getByLabel('Edit message').fill('Meet at sevn or eight')
  await ana.page.getByRole('link', { name: 'New conversation' }).click()
  await ana.page.getByLabel('Find a person').waitFor()
  await ana.row('Ben').click()
  expect(await ana.page.getByLabel('Edit message').inputValue()).toBe('Meet at sevn or eight')
  await ana.page.keyboard.type('?')
  expect(await ana.page.getByLabel('Edit message').inputValue()).toBe('Meet at sevn or eight?')
  await ana.page.getByLabel('Edit message').fill('Meet at seven')
  await ana.page.getByLabel('Edit message').press('Enter')
  await ben.message('Meet at seven').getByText('edited').waitFor()

  await ben.use('React', 'Meet at seven')
  await ben.page.getByRole('button', { name: 'React with 👍' }).click()
  await ana.page.getByRole('button', { name: '👍 1 from Ben' }).waitFor()

  await ben.use('Reply', 'Meet at seven')
  await ben.say('With pleasure')
  await ana.message('With pleasure').getByText('Meet at seven').waitFor()

  await ana.use('Delete', 'Meet at seven')
  await ana.page.getByRole('button', { name: 'Delete', exact: true }).click()
  await ben.page.getByText('This message was deleted').waitFor()
  await ben.holds(['With pleasure'])
})

test('three people talk in a group, whose owner names it, adds and removes', async () => {
  const [ana, ben, cleo] = await people('Ana', 'Ben', 'Cleo')

  await ana.page.getByRole('link', { name: 'New conversation' }).click()
  await ana.page.getByRole('link', { name: 'Make a group' }).click()
  await ana.page.getByLabel('Name of the group').fill('Book club')
  await ana.page.getByLabel('Add people').fill(ben.username)
  // It looks for people, and does not make a group without them.
  await ana.page.getByLabel('Add people').press('Enter')
  await ana.page.getByRole('button', { name: 'Ben' }).waitFor()
  await ana.page.getByLabel('Add people').press('Enter')
  await ana.page.keyboard.press('Enter')
  await ana.page.getByRole('button', { name: 'Make the group with one other' }).click()
  await ana.say('Welcome')
  await ben.open('Book club')
  await ben.sees('Welcome')

  await ana.page.getByRole('link', { name: 'Details' }).click()
  await ana.page.getByRole('button', { name: 'Add people' }).click()
  await ana.page.getByLabel('Add people').fill(cleo.username)
  await ana.page.getByRole('button', { name: 'Cleo' }).click()
  await cleo.open('Book club')
  await cleo.say('Thank you for having me')
  for (const each of [ana, ben, cleo]) await each.holds(['Welcome', 'Thank you for having me'])
  await expect.poll(() => cleo.receipt.textContent()).toBe('Read by everyone')

  await ana.page.getByLabel('Name of the group').fill('Readers')
  await ana.page.getByRole('button', { name: 'Rename' }).click()
  await ben.page.getByRole('heading', { name: 'Readers' }).waitFor()

  await ana.page.getByLabel('Role of Ben').selectOption('admin')
  await ben.page.getByRole('link', { name: 'Details' }).click()
  await ben.page.getByRole('button', { name: 'Remove Cleo' }).click()
  await ben.page
    .getByRole('group', { name: 'Remove Cleo from the group?' })
    .getByRole('button', { name: 'Remove' })
    .click()
  await cleo.page.getByText('This conversation is not here').waitFor()
  await ana.page.getByText('2 people').waitFor()

  await ana.page.getByRole('button', { name: 'Add people' }).click()
  await ana.page.getByLabel('Add people').fill(cleo.username)
  await ana.page.getByRole('button', { name: 'Cleo' }).click()
  await cleo.open('Readers')
  await cleo.holds(['Welcome', 'Thank you for having me'])
})

test('on a phone the list and the conversation are two screens', async () => {
  const ana = await signUp('Ana')
  const ben = await signUp('Ben', { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true })

  await ana.find(ben)
  await ana.say('Are you on the road?')
  await ben.row('Ana').tap()
  await ben.sees('on the road')
  expect(await ben.row('Ana').isVisible()).toBe(false)
  await ben.message('on the road').tap()
  await ben.message('on the road').getByRole('button', { name: 'Reply' }).tap()
  await ben.page.getByText('Replying to Ana').waitFor()
  await ben.composer.fill('Yes, on the train')
  await ben.page.getByRole('button', { name: 'Send' }).tap()
  await ana.sees('on the train')
  expect(await ben.message('on the train').getByRole('toolbar').count()).toBe(0)
  await ben.message('on the train').tap()
  await ben.message('on the train').getByRole('button', { name: 'Edit' }).tap()
  await ben.page.getByLabel('Edit message').press('Enter')
  await ben.page.getByLabel('Edit message').pressSequentially('soon there')
  await ben.page.getByRole('button', { name: 'Save' }).tap()
  await ana.sees('Yes, on the train\nsoon there')
  await ben.message('on the road').tap()
  await ben.message('on the road').getByRole('button', { name: 'React' }).tap()
  await ben.message('on the road').getByRole('button', { name: 'React with 👍' }).tap()
  await ana.page.getByRole('button', { name: /👍/ }).waitFor()
  await ben.page.getByRole('link', { name: 'Back to conversations' }).tap()

  await ben.row('Ana').waitFor()
  expect(await ben.composer.isVisible()).toBe(false)
  expect(await ben.page.evaluate(() => document.documentElement.scrollWidth)).toBe(390)
})

test('what an input method or a narrow window does sends nothing, drops nothing and reads nothing', async () => {
  const ana = await signUp('Ana')
  const ben = await signUp('Ben', { viewport: { width: 900, height: 700 } })
  await ana.find(ben)
  await ana.say('one')
  await ben.open('Ana')
  await ben.composer.fill('にほ')
  // As Safari reports the Enter that takes a word.
  await ben.composer.evaluate((area) =>
    area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true })),
  )
  await expect.poll(() => ana.receipt.textContent()).toBe('Read')

  // Here the details hide the conversation.
  await ben.page.getByRole('link', { name: 'Details' }).click()
  await expect.poll(() => ben.composer.isVisible()).toBe(false)
  await ana.say('two')
  await expect.poll(() => ben.page.title()).toBe('(1) Causerie')
  expect(await ana.receipt.textContent()).toBe('Sent')
  await ben.page.goBack()
  await expect.poll(() => ana.receipt.textContent()).toBe('Read')

  expect(await ben.composer.inputValue()).toBe('にほ')
  expect(await ana.texts()).toEqual(['one', 'two'])
})

test('a reload in the middle keeps the conversation, the place and what was being written', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  await ana.say('first')
  await ben.open('Ana')
  await ben.say('second')
  await ana.sees('second')
  await ana.composer.fill('half a thou')

  await ana.page.reload()

  await ana.holds(['first', 'second'])
  expect(await ana.composer.inputValue()).toBe('half a thou')
  await ben.say('third')
  await ana.holds(['first', 'second', 'third'])
})

test('when the server dies and comes back, both go on by themselves, with nothing lost or doubled', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  await ana.say('before')
  await ben.open('Ana')
  await ben.sees('before')

  const back = stage.server.crash()
  await ana.connectionLine.waitFor()
  await ben.connectionLine.waitFor()
  expect(await ana.connectionLine.textContent()).toContain('Reconnecting…')
  // Of who is online nobody tells them meanwhile.
  expect(await ana.page.locator('.bar').getByText('Online').count()).toBe(0)
  await ana.say('written while it was away')
  await ana.say('and one more')
  await ana.sees('and one more')
  await back

  const all = ['before', 'written while it was away', 'and one more']
  await ana.holds(all)
  await ben.holds(all)
  await ben.say('there you are')
  await ana.holds([...all, 'there you are'])
  expect(await ana.connectionLine.count()).toBe(0)
  await ana.page.locator('.bar').getByText('Online').waitFor()
  await ana.page.reload()
  await ana.holds([...all, 'there you are'])
  // The browser reports every try that failed meanwhile; nothing else may have gone wrong.
  for (const person of [ana, ben])
    person.forgive(
      /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|status of 503|WebSocket connection to/,
    )
})

test('a device is signed out from another one, and signing in again finds everything', async () => {
  const [ana, ben] = await people('Ana', 'Ben')
  await ana.find(ben)
  await ana.say('kept')
  const page = await (await stage.browser.newContext()).newPage()
  await page.goto(stage.server.url)
  await page.getByLabel('Username or email').fill(ana.username)
  await page.getByLabel('Password').fill('not the password')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByText('That name and password do not go together.').waitFor()
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('link', { name: 'Ben' }).waitFor()

  await ana.page.getByRole('link', { name: /^Settings/ }).click()
  await ana.page.getByRole('button', { name: /^Sign out Chrome/ }).click()

  await page.getByText('You were signed out of this device.').waitFor()
  await ana.page.getByRole('button', { name: 'Sign out', exact: true }).click()
  await ana.page.getByText('Good to see you').waitFor()
})
