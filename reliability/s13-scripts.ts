import type { Page } from 'playwright-core'
import { findChromium } from '../scripts/chromium.ts'
import { launchBrowser } from '../test/support/browser.ts'
import { PASSWORD } from '../chaos/person.ts'
import { ask } from '../harness/rest.ts'
import { type Guest, newGuest, newGuests, openGroup, randomNetwork } from './guest.ts'
import type { Row } from './row.ts'
import { scriptPayloads } from './script-payloads.ts'

const AT_LEAST = 500
const AT_ONCE = 50
const DEVICES = 20
const [NAME_LENGTH, TITLE_LENGTH] = [64, 100]

/** Scripts in whatever people may write, read in a real browser. */
export const scripts: Row = {
  id: 'S13',
  demands: `at least ${AT_LEAST} scripts as name, title, text, link and device: none runs, and nothing is tried that the policy forbids`,
  run: async ({ server: prepare }) => {
    if (findChromium() === null) return { isGood: null, figure: 'there is no Chromium on this machine' }
    const server = await prepare({ pages: true })
    await server.start()
    const browser = await launchBrowser()
    try {
      return await readThem(server.url, await (await browser.newContext()).newPage())
    } finally {
      await browser.close()
      await server.kill()
    }
  },
}

const readThem = async (url: string, page: Page): ReturnType<Row['run']> => {
  const payloads = scriptPayloads()
  const reader = await newGuest(url)
  const people = await newGuests(url, AT_ONCE)
  const all = await openGroup(url, reader, people)
  const groups: number[] = []
  for (const guest of people) groups.push(await openGroup(url, reader, [guest]))

  const seen = await watch(page, url)
  await page.goto(url)
  await page.getByLabel('Username or email').fill(reader.name)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Inbox' }).waitFor()
  await page.evaluate((to) => (location.hash = to), `#/c/${all}/about`)

  const shown = { name: 0, title: 0, text: 0, link: 0, device: 0 }
  const missing: string[] = []
  const expectShown = async (place: keyof typeof shown, selector: string, wanted: string[]) => {
    const there = await textsOf(page, selector, wanted)
    for (const text of wanted) {
      if (there.some((each) => each.includes(text))) shown[place] += 1
      else missing.push(`${place}: ${text}`)
    }
  }

  for (let from = 0; from < payloads.length; from += AT_ONCE) {
    const batch = payloads.slice(from, from + AT_ONCE)
    const names = batch.filter((each) => each.length <= NAME_LENGTH)
    const titles = batch.filter((each) => each.length <= TITLE_LENGTH)
    await eachOf(people, names, (guest, displayName) => change(url, guest, '/v1/me', { displayName }))
    await eachOf(groups, titles, (id, title) => change(url, reader, `/v1/conversations/${id}`, { title }))
    await page.reload()
    // A first message is there when the timeline is; what follows is also announced.
    await page.getByRole('textbox', { name: /^Message to/ }).waitFor()
    await eachOf(people, batch, (guest, payload, at) =>
      say(url, guest, {
        id: all,
        clientId: `${from + at}`,
        text: `${payload}\nhttps://a.example/?${linkable(payload)}`,
      }),
    )
    await expectShown('text', '.message-text', batch)
    await expectShown('link', '.message-text a', batch.map(linkable))
    await expectShown('name', '.about .list-row', names)
    await expectShown('title', '.inbox-name', titles)
    seen.findings.push(...(await strangers(page)))
  }

  const devices = payloads.filter((each) => /^[ -~]+$/.test(each)).slice(0, DEVICES)
  for (const device of devices) await signInWith(url, reader, device)
  await page.evaluate(() => (location.hash = '#/settings'))
  await expectShown('device', '.list-row', devices)
  seen.findings.push(...(await strangers(page)))

  const findings = [...new Set(seen.findings)]
  const hits = seen.hits()
  // One that does run is seen.
  await page.evaluate(() => {
    document.body.appendChild(document.createElement('iframe'))
    ;(globalThis as unknown as { hit: () => void }).hit()
  })
  const isSeen = seen.hits() > hits && (await strangers(page)).length === 1
  const counts = Object.entries(shown).map(([place, count]) => `${count} as ${place}`)
  const figure =
    `${payloads.length} scripts, shown as they were written: ${counts.join(', ')}; ` +
    `${hits} ran, ${findings.length} traces of markup, requests elsewhere or refused by the policy` +
    [...findings, ...missing]
      .slice(0, 20)
      .map((line) => `\n     ${line}`)
      .join('')
  return { isGood: shown.text >= AT_LEAST && isSeen && hits + findings.length + missing.length === 0, figure }
}

/** Notes every script that runs, everything that is asked of another host, and every complaint of the browser. */
const watch = async (page: Page, url: string) => {
  const findings: string[] = []
  let hits = 0
  await page.context().exposeFunction('hit', () => (hits += 1))
  await page.context().route(
    (to) => to.origin !== url && to.protocol.startsWith('http'),
    async (route) => {
      findings.push(`asked ${route.request().url()}`)
      await route.abort()
    },
  )
  page.on('dialog', (dialog) => {
    hits += 1
    void dialog.dismiss()
  })
  page.on('pageerror', (error) => findings.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') findings.push(message.text())
  })
  return { findings, hits: () => hits }
}

/** The texts at this place, once all that is wanted is among them, or after a while. */
const textsOf = async (page: Page, selector: string, wanted: string[]): Promise<string[]> => {
  for (let tries = 0; ; tries += 1) {
    const texts = await page.locator(selector).allTextContents()
    if (tries === 50 || wanted.every((text) => texts.some((each) => each.includes(text)))) return texts
    await page.waitForTimeout(100)
  }
}

/** Elements, handlers and addresses that the app itself would not make; those that wait for a hand are touched. */
const strangers = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const found: string[] = []
    for (const element of document.body.querySelectorAll('*')) {
      for (const type of ['mouseover', 'focus', 'pointerenter']) element.dispatchEvent(new Event(type))
      const isForeign = element.matches(
        'script, iframe, object, embed, img, base, meta, style, template, math, marquee, details, animate',
      )
      const handlers = element.getAttributeNames().filter((name) => name.startsWith('on') || name === 'srcdoc')
      const href = element.getAttribute('href') ?? element.getAttribute('xlink:href') ?? '#'
      if (isForeign || handlers.length > 0 || !/^(?:#|https?:|mailto:)/.test(href)) found.push(element.outerHTML)
    }
    return found
  })

/** As much of a payload as an address may hold that is found in a text. */
const linkable = (payload: string): string =>
  payload.replaceAll(/[\s<>"'`]/g, '').replace(/[.,;:!?)}\]*_\u{FF1E}]+$/u, '')

const eachOf = async <Holder>(
  holders: Holder[],
  payloads: string[],
  give: (holder: Holder, payload: string, at: number) => Promise<void>,
): Promise<void> => {
  await Promise.all(holders.slice(0, payloads.length).map((holder, at) => give(holder, payloads[at] ?? '', at)))
}

const change = async (url: string, guest: Guest, path: string, json: object): Promise<void> => {
  const answer = await ask(url, { method: 'PATCH', path, token: guest.token, json })
  if (answer.status !== 200) throw new Error(`${path} took no ${JSON.stringify(json)}: ${JSON.stringify(answer)}`)
}

const say = async (url: string, guest: Guest, said: { id: number; clientId: string; text: string }): Promise<void> => {
  const { id, clientId, text } = said
  const json = { clientId, content: { kind: 'text', text } }
  const path = `/v1/conversations/${id}/messages`
  const answer = await ask(url, { method: 'POST', path, token: guest.token, json })
  if (answer.status === null || !answer.ok) throw new Error(`${text} was not sent: ${JSON.stringify(answer)}`)
}

/** As a device of this name. */
const signInWith = async (url: string, { name }: Guest, device: string): Promise<void> => {
  const headers = { 'content-type': 'application/json', 'user-agent': device, 'cf-connecting-ip': randomNetwork() }
  const body = JSON.stringify({ login: name, password: PASSWORD })
  const { status } = await fetch(`${url}/v1/auth/login`, { method: 'POST', headers, body })
  if (status !== 200) throw new Error(`no sign-in as ${device}: ${status}`)
}
