import { createConfig, lintFromString } from '@redocly/openapi-core'
import { expect, test } from 'vitest'
import { setStage } from '../support/stage.ts'

const stage = setStage()

test.each(['openapi.json', 'asyncapi.json'])('[DOC6] Redocly finds no error in %s', async (name) => {
  const source = await (await fetch(`${stage.server.url}/${name}`)).text()
  const config = await createConfig({ extends: ['recommended'] })

  const problems = await lintFromString({ source, absoluteRef: `/${name}`, config })

  const errors = problems.filter(({ severity }) => severity === 'error')
  expect(errors.map(({ message, location }) => `${location[0]?.pointer}: ${message}`)).toEqual([])
})

test.each([
  ['a desk', 1200],
  ['a phone', 360],
])('[DOC5] on %s the page fits, loads nothing from elsewhere, and its links open what they name', async (_, width) => {
  const page = await (await stage.browser.newContext({ viewport: { width, height: 760 } })).newPage()
  const complaints: string[] = []
  const hosts = new Set<string>()
  page.on('console', (message) => complaints.push(message.text()))
  page.on('request', (request) => hosts.add(new URL(request.url()).origin))

  await page.goto(`${stage.server.url}/docs`)
  await page.getByText('Send a message; 200 where it was sent before').click()
  const fits = () => page.evaluate('document.documentElement.scrollWidth <= innerWidth')
  expect(await fits()).toBe(true)
  await page.getByRole('link', { name: 'NewMessage', exact: true }).first().click()
  await page.locator('#schema-NewMessage').getByText('clientId').waitFor()

  expect(await fits()).toBe(true)
  expect([...hosts]).toEqual([stage.server.url])
  expect(complaints).toEqual([])
})

test.each(['/', '/chat/1', '/docs', '/health'])(
  '[REST3] %s is not to be framed, guessed at, or asked for in the clear',
  async (path) => {
    const { headers } = await fetch(`${stage.server.url}${path}`)

    expect(headers.get('strict-transport-security')).toBe('max-age=63072000; includeSubDomains')
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('no-referrer')
  },
)
