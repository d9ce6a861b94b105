import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

export const HOW_TO_GET_CHROMIUM =
  'The tests of the web app need Chromium: install it (sudo apt-get install chromium), or name one in CHROMIUM.'

/** Where this machine's Chromium is: the one named in CHROMIUM, or the first on the path. */
export const findChromium = (): string | null => {
  const named = process.env['CHROMIUM']
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  const candidates = named ? [named] : NAMES.flatMap((name) => folders.map((folder) => join(folder, name)))
  return candidates.find(isExecutable) ?? null
}

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** It asks nobody on the network for anything but the pages that are opened. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
