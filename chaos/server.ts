import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { newSecrets } from '../scripts/secrets.ts'
import { environment, root, wrangler } from '../scripts/wrangler.ts'

const READY_TIMEOUT_MS = 60_000
const CAPTURE_TIMEOUT_MS = 120_000
/** How the name of a class in the configuration shows that it is the one of the server, not of wrangler's own proxy. */
const OURS = Buffer.from('causerie-Conversation')

/** The production bundle under bare `workerd serve`: one process, no other process that it needs, data in one folder. */
export class ChaosServer {
  readonly url: string
  readonly logFile: string
  readonly #config: string
  readonly #port: number
  #child: ChildProcess | null = null
  #cpuMs = 0

  private constructor(options: { config: string; port: number; logFile: string }) {
    this.#config = options.config
    this.#port = options.port
    this.logFile = options.logFile
    this.url = `http://127.0.0.1:${options.port}`
  }

  /** Builds the bundle, makes the tables, and finds out how the runtime is to be started. */
  static async prepare(options: { folder: string; port: number }): Promise<ChaosServer> {
    const { folder, port } = options
    const paths = {
      bundle: join(folder, 'bundle'),
      state: join(folder, 'state'),
      secrets: join(folder, 'secrets'),
      captured: join(folder, 'captured'),
      temporary: join(folder, 'tmp'),
    }
    for (const path of [paths.captured, paths.temporary]) mkdirSync(path, { recursive: true })
    const secrets = Object.entries(newSecrets()).map(([name, value]) => `${name}='${value}'\n`)
    writeFileSync(paths.secrets, secrets.join(''), { mode: 0o600 })
    await Promise.all([
      runWrangler(['deploy', '--dry-run', '--outdir', paths.bundle]),
      runWrangler(['d1', 'migrations', 'apply', 'DIRECTORY', '--local', '--persist-to', paths.state]),
    ])
    const config = await capture({ ...paths, port })
    return new ChaosServer({ config, port, logFile: join(folder, 'server.log') })
  }

  get pid(): number | null {
    return this.#child?.pid ?? null
  }

  /** Resolves when it listens; answers after how many milliseconds. */
  async start(): Promise<number> {
    const startedAt = Date.now()
    const config = openSync(this.#config, 'r')
    const log = openSync(this.logFile, 'a')
    const args = [
      'serve',
      '--binary',
      '--experimental',
      `--socket-addr=entry=127.0.0.1:${this.#port}`,
      // Whatever wrangler's process would do for it is not there.
      '--external-addr=loopback=127.0.0.1:1',
      '--control-fd=3',
      '-',
    ]
    const child = spawn(workerd, args, { stdio: [config, log, log, 'pipe'] })
    closeSync(config)
    closeSync(log)
    this.#child = child
    const control = child.stdio[3]
    if (!control) throw new Error('The server has no control channel.')
    const ended = once(child, 'exit').then(() => 'ended')
    const ready = await Promise.race([once(control, 'data'), ended, sleep(READY_TIMEOUT_MS, 'late', { ref: false })])
    if (typeof ready === 'string') throw new Error(`The server did not start (${ready}). See ${this.logFile}`)
    return Date.now() - startedAt
  }

  /** Ends it at once, in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child
    if (!child) return
    this.#cpuMs += cpuMsOf(child.pid)
    this.#child = null
    if (child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  /** Whether it ended by itself, which it never should. */
  get hasFallen(): boolean {
    return this.#child !== null && (this.#child.exitCode !== null || this.#child.signalCode !== null)
  }

  /** Time of the processor that it took, in all its lives that were killed. */
  get cpuMs(): number {
    return this.#cpuMs
  }

  /** Memory that it holds, in bytes; null where the system does not tell. */
  get memory(): number | null {
    try {
      const pages = readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ')[1]
      return Number(pages) * 4096
    } catch {
      return null
    }
  }
}

/** Where the system shows no processes as files, 0. */
const cpuMsOf = (pid: number | undefined): number => {
  try {
    const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
    const fields = rest.split(' ')
    // Hundredths of a second, in user and in system mode.
    return (Number(fields[11]) + Number(fields[12])) * 10
  } catch {
    return 0
  }
}

export const freePort = async (): Promise<number> => {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** The runtime that wrangler brings. */
const workerd = createRequire(import.meta.resolve('wrangler')).resolve('workerd/bin/workerd')

/** What wrangler adds for people who develop costs the server time in each request. */
const plain = { ...environment, X_LOCAL_OBSERVABILITY: 'false', X_LOCAL_EXPLORER: 'false' }

const runWrangler = async (args: string[]): Promise<void> => {
  const child = spawn(wrangler.command, [...wrangler.args, ...args], { cwd: root, env: plain, stdio: 'pipe' })
  const output: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk))
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`wrangler ${args[0]} failed.\n${Buffer.concat(output).toString()}`)
}

/**
 * D1, R2 and the rate limit of a local server are workers that wrangler configures, so its configuration is taken rather than written: it
 * starts the runtime once through a script that keeps what it was given.
 */
const capture = async (paths: {
  bundle: string
  state: string
  secrets: string
  captured: string
  temporary: string
  port: number
}): Promise<string> => {
  const wrapper = join(paths.captured, 'workerd')
  const kept = `"${paths.captured}/$$.config"`
  writeFileSync(wrapper, `#!/bin/sh\ncat > "$0.$$" && mv "$0.$$" ${kept}\nexec "${workerd}" "$@" < ${kept}\n`)
  chmodSync(wrapper, 0o755)
  const args = [
    'dev',
    '--config=wrangler.toml',
    join(paths.bundle, 'index.js'),
    '--no-bundle',
    `--port=${paths.port}`,
    '--ip=127.0.0.1',
    '--inspector-port=0',
    `--persist-to=${paths.state}`,
    `--env-file=${paths.secrets}`,
    // What one user may ask in ten seconds is far below what a few must ask here.
    '--var=COMMANDS_PER_10_SECONDS:1000000',
    '--show-interactive-dev-session=false',
  ]
  const child = spawn(wrangler.command, [...wrangler.args, ...args], {
    cwd: root,
    // Its temporary folders are named in the configuration, so they must stay.
    env: { ...plain, MINIFLARE_WORKERD_PATH: wrapper, TMPDIR: paths.temporary },
    stdio: 'ignore',
    detached: true,
  })
  try {
    for (const end = Date.now() + CAPTURE_TIMEOUT_MS; Date.now() < end && child.exitCode === null; await sleep(50)) {
      const found = capturedIn(paths.captured)
      if (!found) continue
      const config = join(paths.captured, 'config')
      renameSync(found, config)
      return config
    }
    throw new Error('wrangler did not start the server.')
  } finally {
    const ended = once(child, 'exit')
    // A group of its own: the runtime is wrangler's child.
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
