import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../scripts/wrangler.ts'
import { CauserieClient } from '../src/sdk/index.ts'
import { PASSWORD } from '../chaos/person.ts'
import { ask } from '../harness/rest.ts'
import type { ServerProcess } from '../harness/server.ts'
import { type Guest, newGuest, newGuests, openClient, openGroup, randomNetwork, signIn } from './guest.ts'
import type { Row } from './row.ts'
import { Town } from './town.ts'

const MESSAGES = 3_000
const TALKERS = 6
/** They talk so long before the backup that is made under load. */
const TALK_MS = 2_000
/** Of each of them: where hardly anything was said little can be lost. */
const LEAST_PER_SECOND = 2
const TOKEN = 'a-token-of-the-deployment-that-nobody-guesses'
const PATIENCE_MS = 20_000

/** What one server holds goes into another, which then holds the same, to the letter; and people go on there. */
export const backup: Row = {
  id: 'R21',
  demands: `backup → restore → backup: the same bytes, with ${MESSAGES} messages and all that people do; one made under load loses nothing that was acknowledged before it`,
  run: async ({ server: prepare, folder }) => {
    const place = folder('memory')
    const file = (name: string): string => join(place, `${name}.ndjson`)
    const start = async (): Promise<ServerProcess> => {
      const server = await prepare({ vars: { BACKUP_TOKEN: TOKEN } })
      await server.start()
      return server
    }
    const faults: string[] = []
    const demand = (holds: boolean, what: string): void => {
      if (!holds) faults.push(what)
    }

    const one = await start()
    const town = await Town.found(one.url, MESSAGES)
    const { acked, meanwhile, seconds } = await talkMeanwhile(one.url, () => run('backup', file('under load'), one))
    const least = (forMs: number): number => (TALKERS * LEAST_PER_SECOND * forMs) / 1_000
    demand(
      acked.length >= least(TALK_MS),
      `only ${acked.length} messages were acknowledged before the backup under load`,
    )
    demand(meanwhile >= least(seconds * 1_000), `only ${meanwhile} were acknowledged during it: that is no load`)
    const device = new MovingDevice(one.url, town.bob)
    await device.arrive(town.group)
    const made = await run('backup', file('quiet'), one)
    const seen = await town.seen(one.url)
    // What a client hears after the backup is what the restored server never heard of.
    const client = await openClient(one.url, town.alice)
    for (let i = 0; i < 50; i += 1) await client.say(town.group, `since-${i}`)
    await device.until((texts) => texts.includes('since-49'))
    await one.kill()

    const two = await start()
    const restored = await run('restore', file('quiet'), two)
    await run('backup', file('again'), two)
    const [first, second] = [readFileSync(file('quiet')), readFileSync(file('again'))]
    demand(first.equals(second), 'the second backup is another')
    demand((statSync(file('quiet')).mode & 0o777) === 0o600, 'others may read the file')
    demand((await failed('restore', file('quiet'), two)) !== null, 'it was restored over what there is')
    demand(JSON.stringify(await town.seen(two.url)) === JSON.stringify(seen), 'people see something else')
    const last = town.lastSeqIn(seen)
    device.moveTo(two.url)
    await device.until((texts) => !texts.some((each) => each.startsWith('since-')))
    await device.say('and on')
    const alice = await openClient(two.url, await signIn(two.url, town.alice.name))
    const next = await alice.say(town.group, 'further', 'and further on')
    demand(next?.result?.message.seq === last + 2, 'the numbers do not go on')
    await device.until((texts) => texts.slice(-2).join() === 'and on,and further on')
    demand((await newGuest(two.url)).id > town.lastId, 'a number was given twice')
    device.leave()
    await two.kill()

    const three = await start()
    await run('restore', file('under load'), three)
    await run('backup', file('under load again'), three)
    demand(
      readFileSync(file('under load')).equals(readFileSync(file('under load again'))),
      'the second backup of that made under load is another',
    )
    const lost = await missing(three.url, acked)
    demand(lost === 0, `${lost} messages are missing or not in their place`)
    await three.kill()
    const logs = [one, two, three].map(({ logFile }) => readFileSync(logFile, 'utf8')).join('')
    demand(!logs.includes(TOKEN), 'the token is in a log')
    demand(!/"level\\?":\\?"error/.test(logs), 'a server failed')

    const rows = second.toString().split('\n').length - 3
    const figure =
      `${rows} rows, ${(second.length / 2 ** 20).toFixed(1)} MiB: backup ${made.toFixed(1)} s, restore ${restored.toFixed(1)} s, ` +
      `${first.equals(second) ? 'the same bytes again' : 'OTHER BYTES'}; ` +
      `under load ${acked.length} acknowledged before it and ${meanwhile} in its ${seconds.toFixed(1)} s, of the former ${lost} missing` +
      (faults.length > 0 ? `\n     ${faults.join('; ')}` : '; people, a client with an older copy, and numbers go on')
    return { isGood: faults.length === 0, figure }
  },
}

/** Why the command failed; null where it did not. */
const failed = async (command: 'backup' | 'restore', file: string, { url }: ServerProcess): Promise<string | null> => {
  const env = { ...process.env, CAUSERIE_URL: url, BACKUP_TOKEN: TOKEN }
  const child = spawn(process.execPath, [`scripts/${command}.ts`, file], { cwd: root, env, stdio: 'pipe' })
  const [said, complained, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
  return code === 0 ? null : `${said}${complained}`
}

/** Runs the command as who runs a server does; answers after how many seconds it was done. */
const run = async (command: 'backup' | 'restore', file: string, server: ServerProcess): Promise<number> => {
  const startedAt = performance.now()
  const failure = await failed(command, file, server)
  if (failure !== null) throw new Error(failure)
  return (performance.now() - startedAt) / 1_000
}

type Acked = { who: string; c: number; clientId: string }

/** `acked` before the work began, and how many more while it was done. */
type Load = { acked: Acked[]; meanwhile: number; seconds: number }

/** People talk, come and open conversations while the work is done, which answers how many seconds it took. */
const talkMeanwhile = async (base: string, work: () => Promise<number>): Promise<Load> => {
  const guests = await newGuests(base, TALKERS)
  const groups = [
    await openGroup(base, guests[0] as Guest, guests.slice(1)),
    await openGroup(base, guests[1] as Guest, guests),
  ]
  const acked: Acked[] = []
  let isOver = false
  const talking = guests.map(async (guest, k) => {
    const client = await openClient(base, guest)
    const c = groups[k % groups.length] ?? 0
    for (let i = 0; !isOver; i += 1) {
      const clientId = `busy-${k}-${i}`
      if ((await client.say(c, clientId))?.ok) acked.push({ who: guest.name, c, clientId })
    }
    client.socket.cut()
  })
  const coming = (async () => {
    while (!isOver) {
      const newcomer = await newGuest(base)
      const json = { kind: 'direct', userId: guests[0]?.id }
      await ask(base, { method: 'POST', path: '/v1/conversations', token: newcomer.token, json })
      const path = `/v1/conversations/${groups[0]}/members`
      await ask(base, { method: 'POST', path, token: guests[0]?.token ?? '', json: { userIds: [newcomer.id] } })
    }
  })()
  await sleep(TALK_MS)
  const before = [...acked]
  const seconds = await work()
  const meanwhile = acked.length - before.length
  isOver = true
  await Promise.all([...talking, coming])
  return { acked: before, meanwhile, seconds }
}

/** How many of these are not there once; and one more for each conversation that has a hole. */
const missing = async (base: string, acked: Acked[]): Promise<number> => {
  let lost = 0
  for (const [c, wanted] of Map.groupBy(acked, (each) => each.c)) {
    const client = await openClient(base, await signIn(base, wanted[0]?.who ?? ''))
    const stored: { seq: number; clientId: string }[] = []
    for (let since = 0, more = true; more;) {
      const page = await client.request({ type: 'changes.get', conversationId: c, since, limit: 100 })
      if (!page?.result) throw new Error(`The conversation could not be read: ${JSON.stringify(page)}`)
      stored.push(...page.result.messages)
      more = page.result.more
      since = page.result.rev
    }
    client.socket.cut()
    const times = Map.groupBy(stored, ({ clientId }) => clientId)
    lost += wanted.filter(({ clientId }) => times.get(clientId)?.length !== 1).length
    const seqs = stored.map(({ seq }) => seq).toSorted((a, b) => a - b)
    if (seqs.some((seq, i) => seq !== i + 1)) lost += 1
  }
  return lost
}

/** A client of ours that keeps its session and its copy while the server behind its address becomes another. */
class MovingDevice {
  readonly #client: CauserieClient
  readonly #guest: Guest
  #base: string
  #group = 0

  constructor(base: string, guest: Guest) {
    this.#base = base
    this.#guest = guest
    const moved = (url: string): string => {
      const { pathname, search } = new URL(url)
      return `${this.#base}${pathname}${search}`
    }
    this.#client = new CauserieClient({
      baseUrl: base,
      fetch: (request) => {
        request.headers.set('cf-connecting-ip', randomNetwork())
        return fetch(new Request(moved(request.url), request))
      },
      openSocket: (url, protocols) => new WebSocket(moved(url).replace(/^http/, 'ws'), protocols),
    })
  }

  async arrive(group: number): Promise<void> {
    this.#group = group
    await this.#client.login({ login: this.#guest.name, password: PASSWORD })
    this.#client.connect()
    await this.#client.whenOnline()
    await this.#client.conversation(group).open()
  }

  moveTo(base: string): void {
    this.#base = base
    this.#client.wake()
  }

  async until(holds: (texts: string[]) => boolean): Promise<void> {
    const texts = (): string[] =>
      this.#client
        .conversation(this.#group)
        .messages.map(({ content }) => (content?.kind === 'text' ? content.text : ''))
    for (const end = Date.now() + PATIENCE_MS; !holds(texts()); await sleep(50)) {
      if (Date.now() > end)
        throw new Error(`The client shows ${texts().slice(-3).join(' | ')} (${this.#client.status.state})`)
    }
  }

  async say(words: string): Promise<void> {
    await this.#client.conversation(this.#group).send(words)
  }

  leave(): void {
    this.#client.disconnect()
  }
}
