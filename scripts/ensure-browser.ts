// The tests of the web app drive a real Chromium: the one that is there, or else Debian's.
import { spawnSync } from 'node:child_process'
import { findChromium, HOW_TO_GET_CHROMIUM } from './chromium.ts'

const apt = (...args: string[]): boolean => {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const options = ['-qq', '-o', 'Dpkg::Use-Pty=0']
  return spawnSync('apt-get', [...options, ...args], { stdio: ['ignore', 'ignore', 'inherit'], env }).status === 0
}

const install = (): boolean => {
  console.log('Installing Chromium (apt-get) …')
  return apt('update') && apt('install', '-y', '--no-install-recommends', 'chromium')
}

const isRoot = process.getuid?.() === 0
const isThere = findChromium() !== null || (isRoot && install() && findChromium() !== null)
if (!isThere) {
  console.error(HOW_TO_GET_CHROMIUM)
  process.exitCode = 1
}
