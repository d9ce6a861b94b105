import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** Null where the packages are there now; else what to do about it. */
export const installFromDebian = (packages: string[]): string | null => {
  const how = `apt-get install ${packages.join(' ')}`
  if (!existsSync('/usr/bin/apt-get') || process.getuid?.() !== 0) return `its packages are not installed (${how})`
  console.log(`Installing ${packages.join(', ')} …`)
  const { status } = spawnSync('apt-get', ['install', '--yes', '--no-install-recommends', '-qq', ...packages], {
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  return status === 0 ? null : `its packages could not be installed (${how})`
}
