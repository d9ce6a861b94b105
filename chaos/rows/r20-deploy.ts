import { setTimeout as sleep } from 'node:timers/promises'
import { makeNextSchema } from '../next-schema.ts'
import { type Guest, Line, newGuests, openGroup } from './guest.ts'
import { percentile, type Row } from './row.ts'

const SOCKETS = 1_000
const USERS = 200
const GROUP = 10
const TALKERS = 20

/** New code, with a newer schema, on the same data, while a thousand sockets are open and some of them talk. */
export const deployLive: Row = {
  id: 'R20',
  demands: `restart with newer code and schema under load, ${SOCKETS} sockets: all back within 10 s, nothing acknowledged is lost`,
  run: async ({ server: prepare, folder }) => {
    const server = await prepare()
    const upgrade = await server.prepareUpgrade(makeNextSchema(folder('memory')))
    await server.start()
    const guests = await newGuests(server.url, USERS)
    const groups: number[] = []
    for (let i = 0; i < USERS; i += GROUP) {
      const [owner, ...others] = guests.slice(i, i + GROUP) as [Guest, ...Guest[]]
      groups.push(await openGroup(server.url, owner, others))
    }
    const owners = Array.from({ length: SOCKETS }, (_, i) => guests[i % USERS] as Guest)
    const lines: Line[] = []
    for (let i = 0; i < SOCKETS; i += 50) {
      lines.push(...(await Promise.all(owners.slice(i, i + 50).map((guest) => comeBack(server.url, guest)))))
    }
    const acked: { c: number; clientId: string }[] = []
    let isOver = false
    const talking = Array.from({ length: TALKERS }, async (_, k) => {
      const guest = guests[k * GROUP] as Guest
      const c = groups[k] ?? 0
      let line = lines[k * GROUP] as Line
      for (let i = 1; !isOver; i += 1) {
        const clientId = `live-${k}-${i}`
        for (let isDone = false; !isDone;) {
          isDone = (await line.say(c, clientId))?.ok === true
          if (!isDone) line = await comeBack(server.url, guest)
        }
        acked.push({ c, clientId })
      }
    })
    await sleep(2_000)
    await server.kill()
    await upgrade()
    await server.start()
    const startedAt = performance.now()
    const took = await Promise.all(
      owners.map(async (guest) => {
        await sleep(Math.random() * 500)
        lines.push(await comeBack(server.url, guest))
        return performance.now() - startedAt
      }),
    )
    await sleep(2_000)
    isOver = true
    await Promise.all(talking)
    let lost = 0
    for (const [k, c] of groups.slice(0, TALKERS).entries()) {
      const stored = await everything(await comeBack(server.url, guests[k * GROUP] as Guest), c)
      const wanted = acked.filter((each) => each.c === c)
      lost += wanted.filter(({ clientId }) => stored.filter((each) => each === clientId).length !== 1).length
    }
    for (const line of lines) line.socket.cut()
    await server.kill()
    const all = Math.max(...took) / 1_000
    const figure = `all back after ${all.toFixed(1)} s (half after ${(percentile(took, 0.5) / 1000).toFixed(1)} s), ${lost} of ${acked.length} acknowledged messages lost or doubled`
    return { isGood: lost === 0 && all <= 10, figure }
  },
}

const comeBack = async (base: string, guest: Guest): Promise<Line> => {
  for (let bound = 500; ; bound = Math.min(bound * 2, 30_000)) {
    const line = await Line.open(base, guest)
    if (line) return line
    await sleep(Math.random() * bound)
  }
}

const everything = async (line: Line, conversationId: number): Promise<string[]> => {
  const found: string[] = []
  for (let since = 0, more = true; more;) {
    const reply = await line.request({ type: 'changes.get', conversationId, since, limit: 100 })
    found.push(...(reply?.result?.messages ?? []).map(({ clientId }) => clientId))
    more = reply?.result?.more ?? false
    since = reply?.result?.rev ?? 0
  }
  return found
}
