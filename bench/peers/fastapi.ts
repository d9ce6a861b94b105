import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SignJWT } from 'jose'
import { inGroups } from '../load/in-groups.ts'
import { type Messenger, type Room, startsWith } from '../load/room.ts'
import { LoadSocket } from '../load/socket.ts'
import { memoryOf, processorClock, startProcess, stopProcess } from '../process.ts'
import { request } from '../rest.ts'
import { installFromDebian } from './debian.ts'
import type { Peer } from './peer.ts'

/** The system's own: packages of Debian are not seen by another. */
const PYTHON = '/usr/bin/python3'
const MODULES = ['fastapi', 'uvicorn', 'websockets', 'sqlmodel', 'jwt', 'uvloop', 'httptools']
const NEW_MESSAGE = Buffer.from('{"type": "new_message"')

/** The stack of the documents: FastAPI, SQLModel and WebSockets on uvicorn, with SQLite. */
export const fastApi: Peer = async ({ folder, port, people }) => {
  if (!isImportable()) {
    const problem = installFromDebian(MODULES.map((name) => `python3-${name}`))
    if (problem !== null) return problem
    if (!isImportable()) return `${PYTHON} does not find ${MODULES.join(', ')}`
  }
  mkdirSync(folder, { recursive: true })
  const secret = randomBytes(32).toString('hex')
  const app = fileURLToPath(new URL('.', import.meta.url))
  const child = await startProcess({
    command: PYTHON,
    args: [
      '-B',
      '-m',
      'uvicorn',
      'fastapi_chat:app',
      '--app-dir',
      app,
      '--port',
      String(port),
      '--log-level',
      'warning',
    ],
    port,
    logFile: join(folder, 'server.log'),
    env: {
      ...process.env,
      SECRET: secret,
      PEOPLE: String(people),
      DATABASE_URL: `sqlite:///${join(folder, 'chat.db')}`,
    },
  })
  const url = `http://127.0.0.1:${port}`
  const messenger: Messenger = {
    name: 'fastapi',
    url,
    pid: child.pid,
    cpuMs: processorClock(child.pid),
    memory: () => memoryOf(child.pid),
    share: 0.1,
    openRoom: async (size) => {
      const ids = Array.from({ length: size }, (_, i) => i + 1)
      const conversation = size > 2 ? await openConversation(url, ids) : null
      const sockets = await inGroups(ids, 20, async (id) =>
        LoadSocket.open(`${url.replace('http', 'ws')}/messages/ws?token=${await tokenOf(id, secret)}`),
      )
      return roomOf(sockets, conversation)
    },
    stop: async () => {
      await stopProcess(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return messenger
}

const isImportable = (): boolean => spawnSync(PYTHON, ['-c', `import ${MODULES.join(', ')}`]).status === 0

const openConversation = async (url: string, participants: number[]): Promise<number> =>
  (await request<{ id: number }>(`${url}/conversations`, { method: 'POST', json: participants })).id

const tokenOf = (userId: number, secret: string): Promise<string> =>
  new SignJWT()
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(String(userId))
    .setExpirationTime('1 day')
    .sign(Buffer.from(secret))

const roomOf = (sockets: LoadSocket[], conversation: number | null): Room => ({
  sockets,
  acknowledges: false,
  encode: ({ from, text }) => {
    const to = conversation === null ? { receiver_id: from === 0 ? 2 : 1 } : { conversation_id: conversation }
    return JSON.stringify({ type: 'send_message', ...to, content: text })
  },
  kindOf: (frame) => (startsWith(frame, NEW_MESSAGE) ? 'delivery' : null),
  close: async () => void (await Promise.all(sockets.map((socket) => socket.close()))),
})
