import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { newGuest, openClient, openGroup } from './guest.ts'
import type { Row } from './row.ts'

const MESSAGES = 200

/** Before an answer leaves the process, the system was told to put the conversation's file on the disk. */
export const fsyncBeforeAck: Row = {
  id: 'R8',
  demands: `${MESSAGES} of ${MESSAGES} acknowledgements have an fsync between the write and themselves, on a disk`,
  run: async ({ server: prepare, folder }) => {
    if (spawnSync('strace', ['-V']).error) return { isGood: null, figure: 'needs strace' }
    const trace = join(folder('disk'), 'trace')
    const calls = 'trace=fsync,fdatasync,write,pwrite64,writev,pwritev,sendto,sendmsg'
    const under = ['strace', '-f', '-y', '-s', '400', '-e', calls, '-o', trace]
    const server = await prepare({ state: folder('disk'), under })
    await server.start()
    const [alice, bob] = [await newGuest(server.url), await newGuest(server.url)]
    const c = await openGroup(server.url, alice, [bob])
    const client = await openClient(server.url, alice)
    for (let i = 0; i < MESSAGES; i += 1) await client.say(c, `traced-${i}-`)
    client.socket.cut()
    await server.kill()
    const { synced, acked } = readTrace(readFileSync(trace, 'latin1').split('\n'))
    return { isGood: acked === MESSAGES && synced === acked, figure: `${synced} of ${acked}` }
  },
}

/**
 * Messages go one at a time, so what was written since the acknowledgement before belongs to the next: it must have been put on the disk,
 * which is when that call has returned, after the last write.
 */
export const readTrace = (lines: string[]): { synced: number; acked: number } => {
  let state: 'nothing' | 'written' | 'synced' = 'nothing'
  /** What a thread was told to put on the disk, and has not yet. */
  const syncing = new Set<string>()
  const acked = new Map<string, boolean>()
  for (const line of lines) {
    const [thread = ''] = line.split(' ')
    const isOfConversation = /^\S+ +\w+\([^"]*Conversation/.test(line)
    if (isOfConversation && / p?writev?(?:64)?\(/.test(line)) {
      state = 'written'
      // What is being put on the disk began before it.
      syncing.clear()
    }
    if (isOfConversation && / f(?:data)?sync\(/.test(line)) {
      if (line.includes('unfinished')) syncing.add(thread)
      else if (state === 'written' && line.endsWith('= 0')) state = 'synced'
    }
    if (/<\.\.\. f(?:data)?sync resumed>.*= 0$/.test(line) && syncing.delete(thread) && state === 'written')
      state = 'synced'
    // Sockets only: the message is written to the log of the database too.
    const name = /(?:TCP|socket).*\\"type\\":\\"reply\\".*(traced-\d+-)/.exec(line)?.[1]
    if (name === undefined || acked.has(name)) continue
    acked.set(name, state === 'synced')
    state = 'nothing'
  }
  return { synced: [...acked.values()].filter(Boolean).length, acked: acked.size }
}
