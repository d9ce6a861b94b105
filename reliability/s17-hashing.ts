import { join } from 'node:path'
import { mib, percentile, type Row } from './row.ts'
import { newGuest, newGuests, signIn } from './guest.ts'
import { watchMemory } from './memory.ts'
import { storedHashes } from './remains.ts'

const FORM = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43}$/
const LEAST = { memory: 19_456, passes: 2, lanes: 1 }
const MOST_MS = 150
const AT_ONCE = 50
const BUDGET = 128 * 2 ** 20
const SIGN_INS = 100
const ROUNDS = 4

/** What a password becomes, how long that takes, and what many at once need. */
export const hashing: Row = {
  id: 'S17',
  demands:
    `Argon2id of at least ${LEAST.memory} KiB, ${LEAST.passes} passes, ${LEAST.lanes} lane; ≤ ${MOST_MS} ms for the p50 of a whole sign-in, ` +
    `and for its time of the processor; ${AT_ONCE} log-ins at once within 128 MiB`,
  needsLinux: true,
  run: async ({ server: prepare, folder }) => {
    const server = await prepare()
    await server.start()
    const first = await newGuest(server.url)
    // One at a time, and all that a sign-in does beside the hash is counted with it.
    for (let i = 0; i < 5; i += 1) await signIn(server.url, first.name)
    const took: number[] = []
    const cpuBefore = server.cpuNowMs
    for (let i = 0; i < SIGN_INS; i += 1) {
      const from = performance.now()
      await signIn(server.url, first.name)
      took.push(performance.now() - from)
    }
    const cpu = (server.cpuNowMs - cpuBefore) / SIGN_INS
    const guests = await newGuests(server.url, AT_ONCE)
    const memory = watchMemory(server, 2)
    const from = performance.now()
    for (let round = 0; round < ROUNDS; round += 1) {
      await Promise.all(guests.map(({ name }) => signIn(server.url, name)))
    }
    const each = (performance.now() - from) / (ROUNDS * AT_ONCE)
    const peak = memory.stop()
    await server.kill()
    const hashes = storedHashes({ state: server.state, copy: join(folder('memory'), 'copy') })
    const weak = hashes.filter((hash) => !isStrong(hash)).length
    const growth = peak - memory.before
    const p50 = percentile(took, 0.5)
    const figure =
      `${hashes.length} stored hashes, ${weak} weaker (the first begins ${hashes[0]?.split('$').slice(0, 4).join('$')}); ` +
      `a whole sign-in p50 ${p50.toFixed(0)} ms, ${cpu.toFixed(0)} ms of the processor ` +
      `(without a verdict, for others share the machine: p99 ${percentile(took, 0.99).toFixed(0)} ms); ${ROUNDS} × ${AT_ONCE} at once: ${each.toFixed(0)} ms each, ` +
      `memory from ${mib(memory.before)} to ${mib(peak)}, ${mib(growth)} more`
    const isGood = hashes.length === AT_ONCE + 1 && weak === 0 && Math.max(cpu, p50) <= MOST_MS && growth <= BUDGET
    return { isGood, figure }
  },
}

const isStrong = (hash: string): boolean => {
  const [, memory = 0, passes = 0, lanes = 0] = FORM.exec(hash) ?? []
  return Number(memory) >= LEAST.memory && Number(passes) >= LEAST.passes && Number(lanes) >= LEAST.lanes
}
