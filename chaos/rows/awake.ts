import { readdirSync, readlinkSync } from 'node:fs'
import type { ChaosServer } from '../server.ts'

/** How many hubs are in memory, which take no time of the processor while they wait: the runtime has the database of each open. */
export const hubsAwake = ({ pid }: ChaosServer): number => {
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
