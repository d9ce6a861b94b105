import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { newGuest, openGroup, openLine } from './guest.ts'
import type { Row } from './row.ts'

const MESSAGES = 200

/** Before an answer leaves the process, the system was told to put the conversation's file on the disk. */
export const fsyncBeforeAck: Row = {
  id: 'R8',
  demands: `${MESSAGES} of ${MESSAGES} acknowledgements have an fsync between the write and themselves, on a disk`,
  run: async ({ server: prepare, folder }) => {
    if (spawnSync('strace', ['-V']).error) return { isGood: null, figure: 'needs strace' }
    const trace = join(folder('disk'), 'trace')
    const calls = 'trace=fsync,fdatasync,write,writev,sendto,sendmsg'
    const under = ['strace', '-f', '-y', '-s', '400', '-e', calls, '-o', trace]
    const server = await prepare({ state: folder('disk'), under })
    await server.start()
    const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
    const c = await openGroup(server.url, alice, [bob])
    const line = await openLine(server.url, alice)
    for (let i = 0; i < MESSAGES; i += 1) await line.say(c, `traced-${i}-`)
    line.socket.cut()
    await server.kill()
    const { synced, acked } = readTrace(readFileSync(trace, 'latin1').split('\n'))
    return { isGood: acked === MESSAGES && synced === acked, figure: `${synced} of ${acked}` }
  },
}

/** Messages go one at a time, so what was synced since the acknowledgement before belongs to the next. */
const readTrace = (lines: string[]): { synced: number; acked: number } => {
  let isSynced = false
  const acked = new Map<string, boolean>()
  for (const line of lines) {
    if (/ f(?:data)?sync\(.*Conversation/.test(line)) isSynced = true
    // Sockets only: the message is written to the log of the database too.
    const name = /(?:TCP|socket).*\\"type\\":\\"reply\\".*(traced-\d+-)/.exec(line)?.[1]
    if (name === undefined || acked.has(name)) continue
    acked.set(name, isSynced)
    isSynced = false
  }
  return { synced: [...acked.values()].filter(Boolean).length, acked: acked.size }
}
