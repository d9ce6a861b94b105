import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inGroups } from '../load/in-groups.ts'
import { type Messenger, type Room, startsWith } from '../load/room.ts'
import { LoadSocket } from '../load/socket.ts'
import { memoryOf, processorClock, startProcess, stopProcess } from '../process.ts'
import type { Peer } from './peer.ts'

const here = fileURLToPath(new URL('.', import.meta.url))
const EVENT = Buffer.from('42["chat message"')
const ACKNOWLEDGED = Buffer.from('43')
const WELCOME = Buffer.from('40')

/** Socket.IO with SQLite, on the Node that runs this. */
export const socketIo: Peer = async ({ folder, port }) => {
  const problem = install()
  if (problem !== null) return problem
  mkdirSync(folder, { recursive: true })
  const child = await startProcess({
    command: process.execPath,
    args: ['--disable-warning=ExperimentalWarning', join(here, 'socket-io.mjs'), String(port), join(folder, 'chat.db')],
    port,
    logFile: join(folder, 'server.log'),
    env: { ...process.env, NODE_ENV: 'production' },
  })
  const url = `http://127.0.0.1:${port}`
  const messenger: Messenger = {
    name: 'socket.io',
    url,
    pid: child.pid,
    cpuMs: processorClock(child.pid),
    memory: () => memoryOf(child.pid),
    openRoom: async (size) => {
      const room = `room-of-${size}-${Date.now().toString(36)}`
      const places = Array.from({ length: size }, (_, i) => i)
      return roomOf(room, await inGroups(places, 20, (place) => openSocket(url, { room, sender: `person${place}` })))
    },
    stop: async () => {
      await stopProcess(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return messenger
}

/** Null where it is installed; else why it is not. */
const install = (): string | null => {
  const record = join(here, 'node_modules', '.package-lock.json')
  const wanted = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const version = (name: string): string | undefined => {
    const path = join(here, 'node_modules', name, 'package.json')
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version : undefined
  }
  if (existsSync(record) && Object.entries(wanted.dependencies).every(([name, pinned]) => version(name) === pinned)) {
    return null
  }
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts'], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  })
  return status === 0 ? null : 'npm could not install it'
}

/** A client in the least of Engine.IO and Socket.IO. */
const openSocket = async (url: string, auth: object): Promise<LoadSocket> => {
  const socket = await LoadSocket.open(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`)
  const welcome = new Promise<void>((resolve) => {
    socket.onFrame = (frame) => {
      if (startsWith(frame, WELCOME)) resolve()
    }
  })
  socket.send(`40${JSON.stringify(auth)}`)
  await welcome
  return socket
}

const roomOf = (room: string, sockets: LoadSocket[]): Room => ({
  sockets,
  acknowledges: true,
  // A pong: given without being asked for, it puts the next ping off.
  heartbeat: '3',
  encode: ({ n, text }) => `42${n}${JSON.stringify(['chat message', text, `${room}-${n}`])}`,
  kindOf: (frame) => {
    if (startsWith(frame, EVENT)) return 'delivery'
    return startsWith(frame, ACKNOWLEDGED) ? 'acknowledgement' : null
  },
  // Its acknowledgement has the number that the frame had.
  acknowledged: (frame) => Number(/^43(\d+)/.exec(frame.toString())?.[1]),
  close: async () => void (await Promise.all(sockets.map((socket) => socket.close()))),
})
