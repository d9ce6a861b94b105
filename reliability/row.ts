import type { ServerProcess } from '../harness/server.ts'

/** What a row came to. `isGood` is null where this machine cannot show it; `figure` then says why. */
export type Shown = { isGood: boolean | null; figure: string }

export type RowContext = {
  /** Builds a server, not started yet. Without a state it keeps its data in memory where the system has such a place. */
  server: (options?: {
    entry?: string
    state?: string
    under?: string[]
    vars?: Record<string, string>
    /** Whether it serves the web app too. */
    pages?: boolean
  }) => Promise<ServerProcess>
  /** A folder that is thrown away; on a disk where that is asked for. */
  folder: (kind: 'memory' | 'disk') => string
  /** How long what may go on for long goes on. */
  minutes: number | null
}

/** One line of the table, shown by a run. */
export type Row = {
  id: string
  demands: string
  /** Its bar is on memory or processor time of the server's process, which only Linux tells. */
  needsLinux?: true
  run: (context: RowContext) => Promise<Shown>
}

/** The least that this share of the values is not above: of a hundred the 99th is the p99, not the slowest. */
export const percentile = (values: number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(values.length * share) - 1)] ?? 0

export const mib = (bytes: number | null): string => (bytes === null ? '?' : `${(bytes / 2 ** 20).toFixed(0)} MiB`)
