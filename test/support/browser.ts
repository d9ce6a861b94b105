import { type Browser, chromium } from 'playwright-core'
import { CHROMIUM_FLAGS, findChromium, HOW_TO_GET_CHROMIUM } from '../../scripts/chromium.ts'

/** A headless Chromium with an empty profile; each of its contexts is somebody else's browser. */
export const launchBrowser = (): Promise<Browser> => {
  const executablePath = findChromium()
  if (executablePath === null) throw new Error(HOW_TO_GET_CHROMIUM)
  return chromium.launch({ executablePath, headless: true, args: CHROMIUM_FLAGS })
}
