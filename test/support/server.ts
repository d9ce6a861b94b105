import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../scripts/free-port.ts'
import { serve } from '../../scripts/server.ts'

/** A real server with data of its own, on a port of its own. */
export type TestServer = {
  url: string
  /** Ends it as an operator would, and starts it again with the same data on the same port. */
  restart: () => Promise<void>
  /** Ends it in the middle of whatever it does, and starts it again with the same data on the same port. */
  crash: () => Promise<void>
  /** Ends it and throws its data away. */
  [Symbol.asyncDispose]: () => Promise<void>
}

export const startServer = async (): Promise<TestServer> => {
  const state = await mkdtemp(join(tmpdir(), 'causerie-'))
  const port = await freePort()
  const start = () => serve([`--port=${port}`, '--ip=127.0.0.1', '--inspector-port=0', `--persist-to=${state}`])
  let server = await start()
  return {
    url: server.url,
    restart: async () => {
      await server.stop()
      server = await start()
    },
    crash: async () => {
      await server.kill()
      server = await start()
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      await rm(state, { recursive: true, force: true })
    },
  }
}
