import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type NativeClient, newGuest, openClient, openGroup } from './guest.ts'
import { everything } from './read-all.ts'
import type { Row } from './row.ts'

const MESSAGES = 1_000
/** The start and the signing up are left in peace; then one in so many fails. */
const FROM = 150
const EVERY = 25

/** The disk says now and then that it could not keep what it was given. */
export const fsyncFails: Row = {
  id: 'F10',
  demands:
    'an fsync that fails is taken for what it is: what is acknowledged is stored, once, and it goes on without a restart',
  run: async ({ server: prepare, folder }) => {
    if (spawnSync('strace', ['-V']).error) return { isGood: null, figure: 'needs strace' }
    const trace = join(folder('disk'), 'trace')
    const calls = 'fsync,fdatasync'
    const inject = `inject=${calls}:error=EIO:when=${FROM}+${EVERY}`
    const server = await prepare({ under: ['strace', '-f', '-y', '-o', trace, '-e', `trace=${calls}`, '-e', inject] })
    await server.start()
    const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
    const c = await openGroup(server.url, alice, [bob])
    let client: NativeClient = await openClient(server.url, alice)
    const acked = new Map<string, number>()
    let repeats = 0
    for (let i = 1; i <= MESSAGES; i += 1) {
      const clientId = `kept-${i}`
      for (let isDone = false; !isDone;) {
        const reply = await Promise.race([client.say(c, clientId), sleep(5_000, null)])
        isDone = reply?.ok === true
        if (reply?.result) acked.set(clientId, reply.result.message.seq)
        if (isDone) continue
        repeats += 1
        client.socket.cut()
        client = await openClient(server.url, alice)
      }
    }
    const hasFallen = server.hasFallen
    const [, ...afterEach] = readFileSync(trace, 'utf8').split('INJECTED')
    const failed = afterEach.length
    const ignored = afterEach.filter((calls) => !hasBegunAnew(calls)).length
    // What a restart finds is what was kept.
    await server.kill()
    await server.start()
    const stored = await everything(await openClient(server.url, alice), c)
    await server.kill()
    const lost = [...acked].filter(([clientId, seq]) => stored[seq - 1]?.clientId !== clientId).length
    const doubled = stored.length - new Set(stored.map(({ clientId }) => clientId)).size
    const isGood = lost + doubled + ignored === 0 && acked.size === MESSAGES && failed >= 20 && !hasFallen
    const figure = `${failed} failed, after ${failed - ignored} of them the object began anew; ${acked.size} acknowledged (${repeats} repeats of the client), ${lost} lost and ${doubled} twice after a restart`
    return { isGood, figure }
  },
}

/**
 * Whether an object of which a write was not kept was given up, as it must be: no client sees that where the server makes the call again. Who
 * opens its database anew makes a new log, and puts the folder that it is in on the disk.
 */
const hasBegunAnew = (calls: string): boolean => /f(?:data)?sync\(\d+<[^>]*\/[^/.>]+>/.test(calls)
