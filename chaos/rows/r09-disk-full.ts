import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SmallDisk } from '../small-disk.ts'
import { type Line, newGuest, openGroup, openLine } from './guest.ts'
import type { Row } from './row.ts'

const SIZE = '12m'
const BALLAST_BYTES = 4 * 2 ** 20

/** The disk fills up under load, and has room again: nothing that was acknowledged is missing, and nobody restarts anything. */
export const diskFull: Row = {
  id: 'R9',
  demands: 'what is acknowledged while the disk is full is stored; it goes on without a restart when there is room',
  run: async ({ server: prepare, folder }) => {
    const state = folder('memory')
    const disk = SmallDisk.mount(state, SIZE)
    if (!disk) return { isGood: null, figure: 'needs the right to mount' }
    try {
      const ballast = join(state, 'ballast')
      writeFileSync(ballast, Buffer.alloc(BALLAST_BYTES))
      const server = await prepare({ state })
      await server.start()
      const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
      const c = await openGroup(server.url, alice, [bob])
      const acked = new Set<string>()
      let line = await openLine(server.url, alice)
      let refused = 0
      let sent = 0
      const say = async (): Promise<boolean> => {
        sent += 1
        const clientId = `full-${sent}`
        const reply = await Promise.race([
          line.say(c, clientId, `${clientId} ${'x'.repeat(7_000)}`),
          sleep(5_000, null),
        ])
        if (reply?.ok) acked.add(clientId)
        return reply?.ok === true
      }
      const until = Date.now() + 60_000
      while (refused < 20 && Date.now() < until) {
        if (await say()) continue
        refused += 1
        line.socket.cut()
        const again = await Promise.race([openLine(server.url, alice), sleep(3_000, null)])
        if (again) line = again
      }
      const whileFull = acked.size
      rmSync(ballast)
      line.socket.cut()
      line = await openLine(server.url, alice)
      const freed = Date.now()
      while (!(await say()) && Date.now() - freed < 30_000) {
        await sleep(100)
        line.socket.cut()
        line = await openLine(server.url, alice)
      }
      const backMs = Date.now() - freed
      const stored = await everything(line, c)
      const lost = [...acked].filter((clientId) => !stored.has(clientId)).length
      const hasFallen = server.hasFallen
      await server.kill()
      const isGood = lost === 0 && refused >= 20 && acked.size > whileFull && !hasFallen
      const figure = `${whileFull} acknowledged before and while it was full, ${refused} not, ${lost} lost; serves ${backMs} ms after there is room`
      return { isGood, figure }
    } finally {
      disk.unmount()
    }
  },
}

const everything = async (line: Line, conversationId: number): Promise<Set<string>> => {
  const found = new Set<string>()
  for (let since = 0, more = true; more;) {
    const reply = await line.request({ type: 'changes.get', conversationId, since, limit: 100 })
    for (const { clientId } of reply?.result?.messages ?? []) found.add(clientId)
    more = reply?.result?.more ?? false
    since = reply?.result?.rev ?? 0
  }
  return found
}
