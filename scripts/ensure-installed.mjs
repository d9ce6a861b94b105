// Runs before the other scripts, on the machine's own Node and with nothing installed: installs what the lockfile lists.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** npm's own record of what it installed, written last, agrees with the lockfile; optional packages are other platforms'. */
const isInstalled = () => {
  const record = `${root}/node_modules/.package-lock.json`
  if (!existsSync(record)) return false
  const [{ packages: wanted }, { packages: installed }] = [`${root}/package-lock.json`, record].map((path) =>
    JSON.parse(readFileSync(path, 'utf8')),
  )
  return Object.entries(wanted).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  )
}

if (!isInstalled()) {
  console.log('Installing dependencies: once, and again only when the lockfile changes …')
  // Engine warnings are left out: they speak of the machine's Node, and the commands run on the one that is installed here.
  const quietly = ['--no-audit', '--no-fund', '--loglevel=error']
  // A production environment would leave out the tools, and a rehearsed deployment everything.
  const completely = ['--include=dev', '--dry-run=false']
  const { status } = spawnSync('npm', ['ci', ...quietly, ...completely], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  })
  if (status !== 0) console.error('The installation failed; what npm said is above.')
  process.exitCode = status ?? 1
}
