import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core'
import { expect } from 'vitest'

/** A server that comes back, and a page that waits longer from try to try, take their time on a busy machine. */
const PATIENT = { timeout: 60_000 }

export const PASSWORD = 'a quiet evening by the fire'

type Guest = { browser: Browser; url: string; name: string; context?: BrowserContextOptions }

/** Somebody at a browser of their own, as they would use it: by what is written and labelled on the page. */
export class Person {
  readonly page: Page
  readonly name: string
  readonly username: string
  /** What the browser had to complain about: script errors, refused policies, failed requests. */
  readonly complaints: string[] = []

  private constructor(page: Page, name: string) {
    this.page = page
    this.name = name
    // Names are found by their start, and tests share a directory.
    this.username = `${name.toLowerCase()}-${crypto.randomUUID().slice(0, 8)}`
    page.on('pageerror', (error) => this.complaints.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') this.complaints.push(message.text())
    })
  }

  /** Makes an account by the form and waits for the empty inbox. */
  static async signUp({ browser, url, name, context }: Guest): Promise<Person> {
    const page = await (await browser.newContext({ viewport: { width: 1200, height: 760 }, ...context })).newPage()
    const person = new Person(page, name)
    await page.goto(url)
    await page.getByRole('button', { name: 'Make an account' }).click()
    await page.getByLabel('Your name').fill(name)
    await page.getByLabel('Username').fill(person.username)
    await page.getByLabel('Email').fill(`${person.username}@example.org`)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Make my account' }).click()
    await page.getByText('Nobody here yet').waitFor()
    return person
  }

  /** Signs in on another device, so that there are two. */
  async signInElsewhere({ browser, url }: Pick<Guest, 'browser' | 'url'>): Promise<void> {
    const page = await (await browser.newContext()).newPage()
    await page.goto(url)
    await page.getByLabel('Username or email').fill(this.username)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: /^Settings/ }).waitFor()
  }

  get composer(): Locator {
    return this.page.getByRole('textbox', { name: /^Message to/ })
  }

  /** The line of the inbox that bears this name. */
  row(title: string): Locator {
    return this.page.getByRole('navigation', { name: 'Inbox' }).getByRole('link', { name: title })
  }

  message(text: string): Locator {
    return this.page.locator('.message').filter({ has: this.page.locator('.message-text', { hasText: text }) })
  }

  /** Shown only while there is no connection. */
  get connectionLine(): Locator {
    return this.page.locator('.pane .connection')
  }

  /** How far the newest message of one's own has come. */
  get receipt(): Locator {
    return this.page.locator('[data-receipt]')
  }

  /** Begins a conversation by searching. */
  async find(other: Person): Promise<void> {
    await this.page.getByRole('link', { name: 'New conversation' }).click()
    await this.page.getByLabel('Find a person').fill(other.username)
    await this.page.getByRole('button', { name: other.name }).click()
    await this.composer.waitFor()
  }

  async open(title: string): Promise<void> {
    await this.row(title).click()
    await this.composer.waitFor()
  }

  async say(text: string): Promise<void> {
    await this.composer.fill(text)
    await this.composer.press('Enter')
  }

  /** Opens what can be done with a message and does it. */
  async use(tool: 'React' | 'Reply' | 'Edit' | 'Delete', text: string): Promise<void> {
    await this.message(text).locator('.bubble').hover()
    await this.message(text).getByRole('button', { name: tool }).click()
  }

  /** What the conversation shows, in order. */
  texts(): Promise<string[]> {
    return this.page.locator('.message-text').allTextContents()
  }

  async sees(text: string): Promise<void> {
    await this.page.locator('.message-text', { hasText: text }).waitFor()
  }

  /** Strikes complaints that were to be expected. */
  forgive(expected: RegExp): void {
    const others = this.complaints.filter((complaint) => !expected.test(complaint))
    this.complaints.splice(0, Infinity, ...others)
  }

  /** The conversation shows these messages, each once, in this order, and none of them waits. */
  async holds(texts: string[]): Promise<void> {
    await expect.poll(() => this.texts(), PATIENT).toEqual(texts)
    await expect.poll(() => this.page.locator('.message-waiting').count(), PATIENT).toBe(0)
  }
}
