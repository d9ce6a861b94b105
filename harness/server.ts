import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../scripts/wrangler.ts'
import { type Build, makeConfig, migrateDirectory, workerd, writeSecrets } from './bundle.ts'

const READY_TIMEOUT_MS = 60_000

type Options = {
  folder: string
  port: number
  /** The project, or a copy of it. */
  tree?: string
  /** What is served: the server itself, or its test build. */
  entry?: string
  /** Where the data are, if not in the folder. */
  state?: string
  vars?: Record<string, string>
  pages?: boolean
  /** A command that runs the runtime: it comes before it. */
  under?: string[]
}

/** The bundle under bare `workerd serve`: one process, no other process that it needs, data in one folder. */
export class ServerProcess {
  readonly url: string
  readonly logFile: string
  readonly #build: Build
  readonly #under: string[]
  #config: string
  #child: ChildProcess | null = null
  #cpuMs = 0

  private constructor(options: { build: Build; config: string; logFile: string; under: string[] }) {
    this.#build = options.build
    this.#config = options.config
    this.#under = options.under
    this.logFile = options.logFile
    this.url = `http://127.0.0.1:${options.build.port}`
  }

  /** Builds the bundle, makes the tables, and finds out how the runtime is to be started. */
  static async prepare(options: Options): Promise<ServerProcess> {
    const { folder, port, tree = root, entry = 'src/index.ts', state = join(folder, 'state') } = options
    const { vars = {}, pages = false, under = [] } = options
    mkdirSync(folder, { recursive: true })
    // What one user may ask in ten seconds is far below what a few must ask here.
    const all = { COMMANDS_PER_10_SECONDS: '1000000', ...vars }
    const secrets = writeSecrets(folder)
    const build = { tree, entry, folder: join(folder, 'build'), state, secrets, port, vars: all, pages }
    await migrateDirectory(build)
    const config = await makeConfig(build)
    return new ServerProcess({ build, config, logFile: join(folder, 'server.log'), under })
  }

  /** Makes what another state of the project would serve on the same data; `upgrade` turns to it. */
  async prepareUpgrade(tree: string): Promise<() => Promise<void>> {
    const build = { ...this.#build, tree, folder: `${this.#build.folder}-next` }
    const config = await makeConfig(build)
    return async () => {
      await migrateDirectory(build)
      this.#config = config
    }
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
      `--socket-addr=direct:0:default=127.0.0.1:${this.#build.port}`,
      // That of wrangler's own workers, where nobody knocks.
      '--socket-addr=entry=127.0.0.1:0',
      // Whatever wrangler's process would do for it is not there.
      '--external-addr=loopback=127.0.0.1:1',
      '--control-fd=3',
      '-',
    ]
    const [command = workerd, ...rest] = [...this.#under, workerd, ...args]
    // Under another command it is not the child that is to be killed, but all that came of it.
    const child = spawn(command, rest, { stdio: [config, log, log, 'pipe'], detached: this.#under.length > 0 })
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
    if (this.#under.length > 0 && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    else child.kill('SIGKILL')
    await ended
  }

  /** Where its keys are, for whoever must know what a thief would. */
  get secretsFile(): string {
    return this.#build.secrets
  }

  /** Where its data are. */
  get state(): string {
    return this.#build.state
  }

  /** Whether it ended by itself, which it never should. */
  get hasFallen(): boolean {
    return this.#child !== null && (this.#child.exitCode !== null || this.#child.signalCode !== null)
  }

  /** Time of the processor that this life of it took. */
  get cpuNowMs(): number {
    return cpuMsOf(this.#child?.pid)
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
