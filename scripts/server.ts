import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { prepare } from './prepare.ts'
import { environment, root, wrangler } from './wrangler.ts'

export type Server = {
  url: string
  /** Resolves with its exit code. */
  exited: Promise<number>
  /** Ends it in order. */
  stop: () => Promise<number>
  /** Ends it at once, whatever it is doing. */
  kill: () => Promise<number>
}

const DEFAULTS = {
  port: '8787',
  ip: 'localhost',
  'persist-to': '.wrangler/state',
  'log-level': 'warn',
  'show-interactive-dev-session': 'false',
}

/** Where a server with these flags of `wrangler dev` listens and keeps its data. */
export const readFlags = (flags: string[]): { port: number; ip: string; state: string; complete: string[] } => {
  const options = Object.fromEntries(Object.keys(DEFAULTS).map((name) => [name, { type: 'string' as const }]))
  const { values } = parseArgs({ args: flags, options, strict: false, allowPositionals: true })
  const all = { ...DEFAULTS, ...values }
  const missing = Object.entries(DEFAULTS).filter(([name]) => !(name in values))
  const complete = [...flags, ...missing.map(([name, value]) => `--${name}=${value}`)]
  return { port: Number(all.port), ip: String(all.ip), state: resolve(root, String(all['persist-to'])), complete }
}

/** Starts a server with these flags of `wrangler dev`; resolves when it answers. */
export const serve = async (flags: string[]): Promise<Server> => {
  const { port, ip, state, complete } = readFlags(flags)
  prepare(state)
  const args = ['--import', import.meta.resolve('./end-with-parent.ts'), ...wrangler.args, 'dev', ...complete]
  const child = spawn(wrangler.command, args, {
    cwd: root,
    env: environment,
    // The channel tells it when this process is gone.
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    // A group of its own: the runtime outlives wrangler when that is killed, and is found by the group.
    detached: true,
  })
  const exited = once(child, 'exit').then(([code]) => {
    killGroup(child.pid)
    return Number(code ?? 1)
  })
  const url = `http://${ip === '0.0.0.0' ? 'localhost' : ip}:${port}`
  while (!(await isAnswering(url))) {
    const code = await Promise.race([exited, sleep(100, null)])
    if (code !== null) throw new Error(`The server ended with code ${code} before it answered.`)
  }
  const end = (how: () => void) => () => {
    how()
    return exited
  }
  return { url, exited, stop: end(() => child.kill('SIGTERM')), kill: end(() => killGroup(child.pid)) }
}

const killGroup = (leader: number | undefined): void => {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGKILL')
  } catch {
    // Nobody is left in it.
  }
}

const isAnswering = async (url: string): Promise<boolean> => {
  try {
    const response = await fetch(`${url}/health`)
    await response.body?.cancel()
    return response.ok
  } catch {
    return false
  }
}
