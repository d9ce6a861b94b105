import { readdirSync, readlinkSync } from 'node:fs'
import type { ServerProcess } from '../harness/server.ts'

/** How many hubs are in memory, which take no time of the processor while they wait: the runtime has the database of each open. */
export const hubsAwake = ({ pid }: ServerProcess): number => {
  const folder = `/proc/${pid}/fd`
  const open = readdirSync(folder).flatMap((fd) => {
    try {
      return [readlinkSync(`${folder}/${fd}`)]
    } catch {
      // It was closed meanwhile.
      return []
    }
  })
  return new Set(open.filter((path) => /UserHub\/[0-9a-f]+\.sqlite$/.test(path))).size
}
