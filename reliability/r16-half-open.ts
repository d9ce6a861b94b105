import { setTimeout as sleep } from 'node:timers/promises'
import { hubsAwake } from './awake.ts'
import { newGuest, openClient, openGroup } from './guest.ts'
import type { Row } from './row.ts'

/** Objects sleep ten seconds after the last that they had to do. */
const ASLEEP_WITHIN_MS = 40_000
/** Nobody asks before that, for a question wakes those who answer it. A sign of life is good for 55 seconds. */
const ASKED_AFTER_MS = 50_000

/** A phone goes into a tunnel: no farewell, no more pings. */
export const halfOpen: Row = {
  id: 'R16',
  demands:
    'a socket that died without a word shows as offline within 60 s of its last sign of life; ' +
    'until somebody asks, no hub is in memory for it, nor for the pings of who watches',
  needsLinux: true,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
    await openGroup(server.url, alice, [bob])
    const [watcher, gone] = [await openClient(server.url, alice), await openClient(server.url, bob)]
    const startedAt = performance.now()
    const since = (): number => performance.now() - startedAt
    gone.socket.send('ping')
    await sleep(200)
    gone.socket.freeze()
    /** What the watcher is told. One that is told nothing shows nothing. */
    const isOnline = async (): Promise<boolean> => {
      watcher.socket.send('ping')
      const reply = await watcher.request({ type: 'presence.get', userIds: [bob.id] })
      const item = reply?.result?.items.find(({ userId }) => userId === bob.id)
      if (!item) throw new Error(`The watcher was not told who is online: ${JSON.stringify(reply)}`)
      return item.online
    }
    const wasOnline = await isOnline()
    // Where none was ever seen in memory the look at the files shows nothing.
    const awakeBefore = hubsAwake(server)
    while (hubsAwake(server) > 0 && since() < ASLEEP_WITHIN_MS) await sleep(500)
    const asleepAfter = since()
    let [pings, pongs, mostAwake] = [0, 0, hubsAwake(server)]
    watcher.pong = () => (pongs += 1)
    for (; since() < ASKED_AFTER_MS; pings += 1) {
      watcher.socket.send('ping')
      await sleep(1_000)
      mostAwake = Math.max(mostAwake, hubsAwake(server))
    }
    const answered = pongs
    while ((await isOnline()) && since() < 90_000) await sleep(500)
    const seconds = since() / 1_000
    watcher.socket.cut()
    gone.socket.cut()
    await server.kill()
    const isAsleep = awakeBefore > 0 && mostAwake === 0 && answered === pings
    const figure =
      `offline after ${seconds.toFixed(1)} s; of the two hubs ${awakeBefore} were in memory at first, until ` +
      `${(asleepAfter / 1_000).toFixed(1)} s, and then ${mostAwake} at most while ${answered} of ${pings} pings of the watcher were answered`
    return { isGood: wasOnline && seconds <= 60 && isAsleep, figure }
  },
}
