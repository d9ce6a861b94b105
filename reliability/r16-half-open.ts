import { setTimeout as sleep } from 'node:timers/promises'
import { newGuest, openClient, openGroup } from './guest.ts'
import type { Row } from './row.ts'

/** A phone goes into a tunnel: no farewell, no more pings. */
export const halfOpen: Row = {
  id: 'R16',
  demands: 'a socket that died without a word shows as offline within 60 s of its last sign of life',
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
    await openGroup(server.url, alice, [bob])
    const [watcher, gone] = [await openClient(server.url, alice), await openClient(server.url, bob)]
    const startedAt = performance.now()
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
    while ((await isOnline()) && performance.now() - startedAt < 90_000) await sleep(500)
    const seconds = (performance.now() - startedAt) / 1_000
    watcher.socket.cut()
    gone.socket.cut()
    await server.kill()
    return { isGood: wasOnline && seconds <= 60, figure: `offline after ${seconds.toFixed(1)} s` }
  },
}
