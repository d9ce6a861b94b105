import type { ServerProcess } from '../harness/server.ts'

/** Looks at the memory of a server, in bytes, again and again until `stop`, which answers the most that it was. */
export const watchMemory = (server: ServerProcess, everyMs = 250): { before: number; stop: () => number } => {
  const before = server.memory ?? 0
  let most = before
  const watching = setInterval(() => (most = Math.max(most, server.memory ?? 0)), everyMs)
  const stop = (): number => {
    clearInterval(watching)
    return most
  }
  return { before, stop }
}
