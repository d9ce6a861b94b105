import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const READY_TIMEOUT_MS = 60_000

/** Reads how long a process had the processor, all its threads together, in ms with parts of one. */
export const processorClock = (pid: number): (() => number) => {
  // By thread, for the time of one that ended is told no more.
  const perThread = new Map<string, number>()
  return () => {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const nanoseconds = read(`/proc/${pid}/task/${thread}/schedstat`)?.split(' ')[0]
      if (nanoseconds !== undefined) perThread.set(thread, Number(nanoseconds))
    }
    return [...perThread.values()].reduce((sum, each) => sum + each, 0) / 1e6
  }
}

/** The memory that a process holds, in bytes. */
export const memoryOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

/** Starts a server and waits until it takes connections. What it prints goes to `logFile`. */
export const startProcess = async (options: {
  command: string
  args: string[]
  port: number
  logFile: string
  cwd?: string
  env?: NodeJS.ProcessEnv
}): Promise<ChildProcess & { pid: number }> => {
  const { command, args, port, logFile, cwd, env = process.env } = options
  const log = openSync(logFile, 'a')
  const child = spawn(command, args, { stdio: ['ignore', log, log], env, ...(cwd !== undefined && { cwd }) })
  closeSync(log)
  await once(child, 'spawn')
  running.add(child)
  child.once('exit', () => running.delete(child))
  for (const end = Date.now() + READY_TIMEOUT_MS; child.exitCode === null && Date.now() < end; await sleep(50)) {
    if (await takesConnections(port)) return child as ChildProcess & { pid: number }
  }
  await stopProcess(child)
  throw new Error(`${command} did not start. It said:\n${readFileSync(logFile, 'utf8').slice(-2_000)}`)
}

export const stopProcess = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    const answer = (does: boolean): void => {
      socket.destroy()
      resolve(does)
    }
    socket.once('connect', () => answer(true)).once('error', () => answer(false))
  })

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
