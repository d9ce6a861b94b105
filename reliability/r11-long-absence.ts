import { newGuest, openClient, openGroup } from './guest.ts'
import type { Row } from './row.ts'

const MESSAGES = 10_000

/** Somebody is away for ten thousand messages. */
export const longAbsence: Row = {
  id: 'R11',
  demands: `${MESSAGES} messages offline: complete by paging, or told so`,
  run: async ({ server: prepare }) => {
    const server = await prepare()
    await server.start()
    const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
    const c = await openGroup(server.url, alice, [bob])
    const writer = await openClient(server.url, alice)
    for (let sent = 0; sent < MESSAGES; sent += 100) {
      await Promise.all(Array.from({ length: 100 }, (_, i) => writer.say(c, `away-${sent + i + 1}`)))
    }
    const startedAt = performance.now()
    const client = await openClient(server.url, bob)
    const seqs: number[] = []
    let pages = 0
    for (let since = 0, more = true; more; pages += 1) {
      const page = await client.request({ type: 'changes.get', conversationId: c, since, limit: 100 })
      seqs.push(...(page?.result?.messages ?? []).map(({ seq }) => seq))
      since = page?.result?.rev ?? 0
      more = page?.result?.more ?? false
    }
    const ms = performance.now() - startedAt
    await server.kill()
    const isDense = seqs.every((seq, i) => seq === i + 1)
    const figure = `${seqs.length} in ${pages} pages and ${ms.toFixed(0)} ms, ${isDense ? 'none missing or twice' : 'not dense'}`
    return { isGood: isDense && seqs.length === MESSAGES, figure }
  },
}
