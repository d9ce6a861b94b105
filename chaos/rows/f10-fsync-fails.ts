import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Line, newGuest, openGroup, openLine } from './guest.ts'
import { everything } from './read-all.ts'
import type { Row } from './row.ts'

const MESSAGES = 1_000
/** The start and the signing up are left in peace; then one in so many fails. */
const FROM = 150
const EVERY = 25

/** The disk says now and then that it could not keep what it was given. */
export const fsyncFails: Row = {
  id: 'F10',
  demands: 'an fsync that fails: what is acknowledged is stored, once, and it goes on without a restart',
  run: async ({ server: prepare, folder }) => {
    if (spawnSync('strace', ['-V']).error) return { isGood: null, figure: 'needs strace' }
    const trace = join(folder('disk'), 'trace')
    const calls = 'fsync,fdatasync'
    const inject = `inject=${calls}:error=EIO:when=${FROM}+${EVERY}`
    const server = await prepare({ under: ['strace', '-f', '-o', trace, '-e', `trace=${calls}`, '-e', inject] })
    await server.start()
    const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
    const c = await openGroup(server.url, alice, [bob])
    let line: Line = await openLine(server.url, alice)
    const acked = new Map<string, number>()
    let repeats = 0
    for (let i = 1; i <= MESSAGES; i += 1) {
      const clientId = `kept-${i}`
      for (let isDone = false; !isDone;) {
        const reply = await Promise.race([line.say(c, clientId), sleep(5_000, null)])
        isDone = reply?.ok === true
        if (reply?.result) acked.set(clientId, reply.result.message.seq)
        if (isDone) continue
        repeats += 1
        line.socket.cut()
        line = await openLine(server.url, alice)
      }
    }
    const hasFallen = server.hasFallen
    const failed = readFileSync(trace, 'utf8').match(/INJECTED/g)?.length ?? 0
    // What a restart finds is what was kept.
    await server.kill()
    await server.start()
    const stored = await everything(await openLine(server.url, alice), c)
    await server.kill()
    const lost = [...acked].filter(([clientId, seq]) => stored[seq - 1]?.clientId !== clientId).length
    const doubled = stored.length - new Set(stored.map(({ clientId }) => clientId)).size
    const isGood = lost + doubled === 0 && acked.size === MESSAGES && failed >= 20 && !hasFallen
    const figure = `${failed} failed, ${acked.size} acknowledged (${repeats} of them repeated by the client), ${lost} lost and ${doubled} twice after a restart`
    return { isGood, figure }
  },
}
