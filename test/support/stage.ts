import type { Browser } from 'playwright-core'
import { afterAll, beforeAll } from 'vitest'
import { launchBrowser } from './browser.ts'
import { startServer, type TestServer } from './server.ts'

/** A started server and a browser for the tests of one file, there from its first test to its last. */
export const setStage = (): { readonly server: TestServer; readonly browser: Browser } => {
  let server: TestServer
  let browser: Browser
  beforeAll(async () => {
    ;[server, browser] = await Promise.all([startServer(), launchBrowser()])
  })
  afterAll(async () => {
    await browser?.close()
    await server?.[Symbol.asyncDispose]()
  })
  return {
    get server() {
      return server
    },
    get browser() {
      return browser
    },
  }
}
