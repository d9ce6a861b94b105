import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SmallDisk } from '../harness/small-disk.ts'
import { NativeClient, newGuest, openClient, openGroup } from './guest.ts'
import { everything } from './read-all.ts'
import type { Row } from './row.ts'

const SIZE = '12m'
const BALLAST_BYTES = 4 * 2 ** 20
/** So many sends that fail show that it is full. */
const FAILURES = 20
/** Who says nothing for so long is not waited for. */
const PATIENCE_MS = 5_000
const BACK_WITHIN_MS = 30_000

/** The disk fills up under load, and has room again: nothing that was acknowledged is missing, and nobody restarts anything. */
export const diskFull: Row = {
  id: 'R9',
  demands: `what is acknowledged while the disk is full is stored, nothing twice, seq without a gap; it goes on without a restart within ${BACK_WITHIN_MS / 1_000} s of having room`,
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
      let client = await openClient(server.url, alice)
      let refused = 0
      let unanswered = 0
      let sent = 0
      const say = async (): Promise<boolean> => {
        sent += 1
        const clientId = `full-${sent}`
        const reply = await Promise.race([
          client.say(c, clientId, `${clientId} ${'x'.repeat(7_000)}`),
          sleep(PATIENCE_MS, null),
        ])
        if (reply === null) unanswered += 1
        else if (reply.ok) acked.add(clientId)
        else refused += 1
        return reply?.ok === true
      }
      const reopen = async (): Promise<boolean> => {
        client.socket.cut()
        const again = await NativeClient.open(server.url, alice)
        if (again) client = again
        return again !== null
      }
      const until = performance.now() + 60_000
      while (refused + unanswered < FAILURES && performance.now() < until) {
        if (!(await say()) && !(await reopen())) await sleep(100)
      }
      const [whileFull, told, silent] = [acked.size, refused, unanswered]
      const freedAt = performance.now()
      rmSync(ballast)
      const freedFor = (): number => performance.now() - freedAt
      let isBack = false
      while (!isBack && freedFor() < BACK_WITHIN_MS) {
        isBack = (await reopen()) && (await say())
        if (!isBack) await sleep(100)
      }
      const backMs = freedFor()
      if (!isBack) {
        await server.kill()
        return {
          isGood: false,
          figure: `${whileFull} acknowledged; it did not serve within ${backMs.toFixed(0)} ms of having room`,
        }
      }
      const stored = await everything(await openClient(server.url, alice), c)
      const clientIds = new Set(stored.map(({ clientId }) => clientId))
      const lost = [...acked].filter((clientId) => !clientIds.has(clientId)).length
      const doubled = stored.length - clientIds.size
      const misplaced = stored.filter(({ seq }, i) => seq !== i + 1).length
      const hasFallen = server.hasFallen
      await server.kill()
      const isGood =
        lost + doubled + misplaced === 0 && told + silent >= FAILURES && backMs <= BACK_WITHIN_MS && !hasFallen
      const figure = `${whileFull} acknowledged before and while it was full, ${told} refused, ${silent} not answered; of ${stored.length} stored ${doubled} twice, ${misplaced} with another seq than their place, ${lost} lost; serves ${backMs.toFixed(0)} ms after there is room`
      return { isGood, figure }
    } finally {
      disk.unmount()
    }
  },
}
