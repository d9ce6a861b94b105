// All that running Causerie on this machine needs: secrets, a database, the web app, and the server itself.
import { createServer } from 'node:net'
import { whenLauncherIsGone } from './launcher.ts'
import { readFlags, serve, type Server } from './server.ts'

const flags = process.argv.slice(2)
const { port, ip } = readFlags(flags)
let server: Server | null = null
let isStopping = false

const stop = (): void => {
  isStopping = true
  // One that is still starting ends with this process.
  if (server) void server.stop()
  else process.exit(0)
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop)
whenLauncherIsGone(stop)

const isFree = (): Promise<boolean> =>
  new Promise((settle) => {
    const probe = createServer()
    probe.once('error', () => settle(false))
    probe.listen(port, ip, () => probe.close(() => settle(true)))
  })

try {
  if (!(await isFree())) {
    throw new Error(
      `Port ${port} is taken. Stop what listens there, or choose another: npm start -- --port ${port + 1}`,
    )
  }
  server = await serve(flags)
  console.log(`Causerie is running at ${server.url}`)
  const code = await server.exited
  process.exitCode = isStopping ? 0 : code
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
