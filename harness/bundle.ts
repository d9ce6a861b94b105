import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { newSecrets } from '../scripts/secrets.ts'
import { environment, wrangler } from '../scripts/wrangler.ts'

const CAPTURE_TIMEOUT_MS = 120_000
/** How the name of a class in the configuration shows that it is the one of the server, not of wrangler's own proxy. */
const OURS = Buffer.from('causerie-Conversation')

/** The runtime that wrangler brings. */
export const workerd = createRequire(import.meta.resolve('wrangler')).resolve('workerd/bin/workerd')

/** What is to be built, and what for. */
export type Build = {
  /** The project, or a copy of it. */
  tree: string
  entry: string
  /** For whatever the build leaves, kept as long as the server runs. */
  folder: string
  state: string
  secrets: string
  port: number
  vars: Record<string, string>
  /** Whether it serves the web app too: then it stands behind the workers that do so locally. */
  pages: boolean
}

/** Writes new secrets; answers where. */
export const writeSecrets = (folder: string): string => {
  const path = join(folder, 'secrets')
  const secrets = Object.entries(newSecrets()).map(([name, value]) => `${name}='${value}'\n`)
  writeFileSync(path, secrets.join(''), { mode: 0o600 })
  return path
}

/** Makes the bundle; answers the configuration of a runtime that serves it. */
export const makeConfig = async (build: Build): Promise<string> => {
  mkdirSync(build.folder, { recursive: true })
  await runWrangler(build.tree, ['deploy', build.entry, '--dry-run', '--outdir', join(build.folder, 'bundle')])
  return capture(build)
}

/** Brings the directory to the schema of this tree. The server must not run meanwhile. */
export const migrateDirectory = ({ tree, state }: Pick<Build, 'tree' | 'state'>): Promise<void> =>
  runWrangler(tree, ['d1', 'migrations', 'apply', 'DIRECTORY', '--local', '--persist-to', state])

/**
 * The platform gives a worker 128 MB and makes it tidy up in time. Here nothing does: the engine lets waste lie until half a gigabyte is full,
 * and what it holds outside its heap, as for sockets that are closed, with it.
 */
const V8_FLAGS = '--max-old-space-size=128 --initial-heap-size=4'

const runWrangler = async (tree: string, args: string[]): Promise<void> => {
  const child = spawn(wrangler.command, [...wrangler.args, ...args], { cwd: tree, env: environment, stdio: 'pipe' })
  const output: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk))
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`wrangler ${args[0]} failed.\n${Buffer.concat(output).toString()}`)
}

/**
 * D1 and the rate limit of a local server are workers that wrangler's own parts configure, so the configuration is taken rather than
 * written: the runtime is opened once through a script that keeps what it was given.
 */
const capture = async (build: Build): Promise<string> => {
  const { tree, entry, folder } = build
  const [captured, temporary] = [join(folder, 'captured'), join(folder, 'tmp')]
  for (const path of [captured, temporary]) mkdirSync(path, { recursive: true })
  const wrapper = join(captured, 'workerd')
  const kept = `"${captured}/$$.config"`
  writeFileSync(wrapper, `#!/bin/sh\ncat > "$0.$$" && mv "$0.$$" ${kept}\nexec "${workerd}" "$@" < ${kept}\n`)
  chmodSync(wrapper, 0o755)
  const main = join(folder, 'bundle', `${basename(entry, '.ts')}.js`)
  const script = fileURLToPath(new URL('open-runtime.ts', import.meta.url))
  const child = spawn(process.execPath, ['--no-warnings', script, JSON.stringify({ main, build })], {
    cwd: tree,
    // Its temporary folders are named in the configuration, so they must stay.
    env: { ...environment, MINIFLARE_WORKERD_PATH: wrapper, MINIFLARE_WORKERD_V8_FLAGS: V8_FLAGS, TMPDIR: temporary },
    stdio: 'ignore',
    detached: true,
  })
  try {
    for (const end = Date.now() + CAPTURE_TIMEOUT_MS; Date.now() < end && child.exitCode === null; await sleep(50)) {
      const found = capturedIn(captured)
      if (!found) continue
      const config = join(captured, 'config')
      renameSync(found, config)
      return config
    }
    throw new Error('The runtime was not opened.')
  } finally {
    const ended = once(child, 'exit')
    // A group of its own: the runtime is its child.
    if (child.pid !== undefined && child.exitCode === null) {
      process.kill(-child.pid, 'SIGKILL')
      await ended
    }
  }
}

const capturedIn = (folder: string): string | undefined =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.config'))
    .map((name) => join(folder, name))
    .find((path) => readFileSync(path).includes(OURS))
