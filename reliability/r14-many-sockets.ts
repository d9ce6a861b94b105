import { NativeClient, newGuest, openClient, openGroup } from './guest.ts'
import { percentile, type Row } from './row.ts'

const ATTEMPTS = 5_000
const CAP = 50
/** One that was closed counts until its client has answered that: with so many no other is let in ([CONN16] of docs/protocol.md). */
const MOST_AT_ONCE = 100
/** Enough for those who talk; of sockets a user may open a fifth of it. */
const COMMANDS_PER_10_SECONDS = '1000'

/** One user opens far more sockets than one may have, while two others talk. */
export const manySockets: Row = {
  id: 'R14',
  demands: `${ATTEMPTS} attempts of one user: the cap of ${CAP} is kept exactly, never more than ${MOST_AT_ONCE} with those that are being closed, all that others say meanwhile is acknowledged (how fast is told, not judged)`,
  run: async ({ server: prepare }) => {
    const server = await prepare({ vars: { COMMANDS_PER_10_SECONDS } })
    await server.start()
    const [greedy, alice, bob] = [await newGuest(server.url), await newGuest(server.url), await newGuest(server.url)]
    const c = await openGroup(server.url, alice, [bob])
    const writer = await openClient(server.url, alice)
    let said = 0
    const talk = async (count: number): Promise<number[]> => {
      const took: number[] = []
      for (let i = 0; i < count; i += 1) {
        const from = performance.now()
        const reply = await writer.say(c, `calm-${(said += 1)}`)
        if (reply?.ok) took.push(performance.now() - from)
      }
      return took
    }
    const open = new Set<NativeClient>()
    const codes = new Map<number, number>()
    const refusals = new Map<string, number>()
    const refused = (head: string): void => {
      const status = head.slice(9, 12)
      refusals.set(status, (refusals.get(status) ?? 0) + 1)
    }
    let most = 0
    let came = 0
    const attempt = async (): Promise<void> => {
      const client = await NativeClient.open(server.url, greedy, { refused })
      if (!client) return
      came += 1
      open.add(client)
      void client.socket.closed.then((code) => {
        open.delete(client)
        codes.set(code, (codes.get(code) ?? 0) + 1)
      })
    }
    const alone = await talk(300)
    const beside: number[] = []
    const from = performance.now()
    for (let i = 0; i < ATTEMPTS; i += 25) {
      await Promise.all([...Array.from({ length: 25 }, attempt), talk(2).then((took) => beside.push(...took))])
      // One that comes closes one that was there: for a moment the client holds both ends.
      await new Promise((resolve) => setTimeout(resolve, 5))
      most = Math.max(most, open.size)
    }
    const perSecond = (ATTEMPTS * 1_000) / (performance.now() - from)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const left = open.size
    const closed = codes.get(4429) ?? 0
    const isWriterOpen = (await talk(1)).length === 1
    for (const client of open) client.socket.cut()
    await server.kill()
    const sentAway = refusals.get('429') ?? 0
    const isCapped = left === CAP && most <= MOST_AT_ONCE && closed === came - CAP && sentAway === ATTEMPTS - came
    const tried = (ATTEMPTS / 25) * 2
    const isGood = isCapped && isWriterOpen && beside.length === tried
    const figure =
      `${left} open in the end (never more than ${most} seen), ${closed} closed with 4429, ${sentAway} sent away with 429; ` +
      `${beside.length} of ${tried} messages of others acknowledged; without a verdict: ${perSecond.toFixed(0)} attempts a second, p99 ${percentile(beside, 0.99).toFixed(0)} ms beside it, ` +
      `${percentile(alone, 0.99).toFixed(0)} ms alone`
    return { isGood, figure }
  },
}
