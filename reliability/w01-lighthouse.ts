import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type BrowserContext, chromium } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium } from '../scripts/chromium.ts'
import { freePort } from '../scripts/free-port.ts'
import { PASSWORD } from '../chaos/person.ts'
import { type Guest, newGuest, openClient, openGroup } from './guest.ts'
import type { Row } from './row.ts'

const LEAST = 95
const CATEGORIES = ['accessibility', 'best-practices'] as const

type Report = {
  categories: Record<string, { score: number | null }>
  audits: Record<string, { score: number | null }>
}

/** Someone else's idea of a good page. */
export const lighthouse: Row = {
  id: 'W1',
  demands: `lighthouse on the start page, /docs, the inbox and the settings: ${CATEGORIES.join(' and ')} ≥ ${LEAST}`,
  run: async ({ server: prepare, folder }) => {
    const executablePath = findChromium()
    if (executablePath === null) return { isGood: null, figure: 'there is no Chromium on this machine' }
    const { status, stdout } = spawnSync('lighthouse', ['--version'], { encoding: 'utf8' })
    if (status !== 0) return { isGood: null, figure: 'needs lighthouse (npm i -g lighthouse)' }
    const server = await prepare({ pages: true })
    await server.start()
    const port = await freePort()
    // One browser with one profile: who signs in there is signed in for lighthouse too, which gives the window its shape.
    const browser = await chromium.launchPersistentContext(folder('memory'), {
      executablePath,
      args: [...CHROMIUM_FLAGS, `--remote-debugging-port=${port}`],
      viewport: null,
    })
    try {
      const report = join(folder('memory'), 'report.json')
      const look = async (name: string, path: string) => ({
        name,
        ...(await lookAt(server.url + path, { port, report })),
      })
      const found = [await look('start page', '/'), await look('/docs', '/docs')]
      await signIn(browser, server.url, await somebodyWithAGroup(server.url))
      found.push(await look('inbox', '/#/'), await look('settings', '/#/settings'))
      return {
        isGood: found.every(({ scores }) => scores.every((score) => score >= LEAST)),
        figure:
          `lighthouse ${stdout.trim()}, ${CATEGORIES.join(' and ')}: ` +
          found.map(({ name, scores, missed }) => `${name} ${scores.join(' and ')}${missed}`).join(', '),
      }
    } finally {
      await browser.close()
      await server.kill()
    }
  },
}

/** What it gives for each category, of a hundred, and the names of the audits that cost something. */
const lookAt = async (url: string, { port, report }: { port: number; report: string }) => {
  const args = [
    url,
    `--port=${port}`,
    `--only-categories=${CATEGORIES.join(',')}`,
    // Else it signs out who is signed in.
    '--disable-storage-reset',
    '--output=json',
    `--output-path=${report}`,
    '--quiet',
  ]
  const [code] = await once(spawn('lighthouse', args, { stdio: ['ignore', 'ignore', 'inherit'] }), 'close')
  if (code !== 0) throw new Error(`lighthouse failed on ${url}`)
  const { categories, audits } = JSON.parse(readFileSync(report, 'utf8')) as Report
  const missed = Object.keys(audits).filter((name) => (audits[name]?.score ?? 1) < 1)
  return {
    scores: CATEGORIES.map((name) => Math.round((categories[name]?.score ?? 0) * 100)),
    missed: missed.length === 0 ? '' : ` (${missed.join(', ')})`,
  }
}

const somebodyWithAGroup = async (base: string): Promise<Guest> => {
  const [reader, writer] = [await newGuest(base), await newGuest(base)]
  const client = await openClient(base, writer)
  await client.say(await openGroup(base, writer, [reader]), 'Meet at seven')
  client.socket.cut()
  return reader
}

const signIn = async (browser: BrowserContext, url: string, { name }: Guest): Promise<void> => {
  const page = await browser.newPage()
  await page.goto(url)
  await page.getByLabel('Username or email').fill(name)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('navigation', { name: 'Inbox' }).getByRole('link').first().waitFor()
  await page.close()
}
