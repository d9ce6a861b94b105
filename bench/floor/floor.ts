import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { workerd } from '../../harness/bundle.ts'
import { inGroups } from '../load/in-groups.ts'
import type { Messenger, Room } from '../load/room.ts'
import { LoadSocket } from '../load/socket.ts'
import { memoryOf, processorClock, startProcess, stopProcess } from '../process.ts'

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

/** The floor under bare `workerd serve`, as Causerie is, with nothing before it. */
export const startFloor = async ({ folder, port }: { folder: string; port: number }): Promise<Messenger> => {
  const data = join(folder, 'data')
  mkdirSync(data, { recursive: true })
  await build({
    entryPoints: [here('worker.ts')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    external: ['cloudflare:workers'],
    minify: true,
    logLevel: 'error',
  })
  copyFileSync(here('config.capnp'), join(folder, 'config.capnp'))
  const args = ['serve', `--socket-addr=entry=127.0.0.1:${port}`, `--directory-path=data=${data}`, 'config.capnp']
  const child = await startProcess({ command: workerd, args, port, logFile: join(folder, 'server.log'), cwd: folder })
  const url = `http://127.0.0.1:${port}`
  return {
    name: 'floor',
    url,
    pid: child.pid,
    cpuMs: processorClock(child.pid),
    memory: () => memoryOf(child.pid),
    openRoom: (size) => openRoom(url, size),
    stop: async () => {
      await stopProcess(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const openRoom = async (url: string, size: number): Promise<Room> => {
  const path = `${url.replace('http', 'ws')}/room-of-${size}`
  const sockets = await inGroups(Array.from({ length: size }), 20, () => LoadSocket.open(path))
  return {
    sockets,
    acknowledges: false,
    encode: ({ n, from, text }) => JSON.stringify({ clientId: String(n), senderId: from, text }),
    kindOf: () => 'delivery',
    close: async () => void (await Promise.all(sockets.map((socket) => socket.close()))),
  }
}
