import { setTimeout as sleep } from 'node:timers/promises'
import { newGuest, openClient, openGroup } from './guest.ts'
import { percentile, type Row } from './row.ts'

const CUTS = 1_000

/** A reader whose connection breaks at any byte, a thousand times, while another writes. */
export const resumeGap: Row = {
  id: 'R10',
  demands: `${CUTS} cuts at a random byte: nothing missing, at most 1 round trip after hello, 99 of 100 within 500 ms`,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
    const c = await openGroup(server.url, alice, [bob])
    const writer = await openClient(server.url, alice)
    let isOver = false
    let said = 0
    const writing = (async () => {
      while (!isOver) {
        await writer.say(c, `gap-${(said += 1)}`)
        await sleep(5)
      }
    })()
    const seen = new Set<number>()
    const took: number[] = []
    let [rev, trips, worst] = [0, 0, 0]
    let log = ''
    for (let cut = 0; cut <= CUTS; cut += 1) {
      const startedAt = performance.now()
      const have = rev === 0 ? '' : `${c.toString(36)}.${rev.toString(36)}.0.${log}`
      const client = await openClient(server.url, bob, { have })
      const entry = client.hello.conversations?.find(({ conversation }) => conversation.id === c)
      log = entry?.epoch.slice(0, 8) ?? log
      // What comes while a page is asked for is put in its place after it.
      const early: { rev: number; seq?: number }[] = []
      client.hear = ({ rev: next, message }) => {
        if (next !== undefined && next > 0) early.push({ rev: next, ...(message && { seq: message.seq }) })
      }
      trips = 0
      for (let more = (entry?.rev ?? rev) > rev; more; trips += 1) {
        const page = await client.request({ type: 'changes.get', conversationId: c, since: rev, limit: 100 })
        for (const { seq } of page?.result?.messages ?? []) seen.add(seq)
        rev = page?.result?.rev ?? rev
        more = page?.result?.more ?? false
      }
      const apply = (): void => {
        for (const event of early.splice(0).toSorted((a, b) => a.rev - b.rev)) {
          if (event.rev !== rev + 1) continue
          rev = event.rev
          if (event.seq !== undefined) seen.add(event.seq)
        }
      }
      apply()
      if (cut > 0) took.push(performance.now() - startedAt)
      worst = Math.max(worst, trips)
      if (cut === CUTS) {
        isOver = true
        await writing
        for (let waited = 0; waited < 50 && seen.size < said; waited += 1, apply()) await sleep(100)
        break
      }
      client.socket.breakAfter = client.socket.received + 1 + Math.floor(Math.random() * 1_500)
      await client.socket.closed
      apply()
    }
    await server.kill()
    const missing = said - seen.size
    const p99 = percentile(took, 0.99)
    return {
      isGood: missing === 0 && worst <= 1 && p99 <= 500,
      figure: `${missing} of ${said} messages missing, at most ${worst} round trip, p99 ${p99.toFixed(0)} ms (p50 ${percentile(took, 0.5).toFixed(0)} ms)`,
    }
  },
}
