import { countFault } from '../directory/metrics.ts'

/** One structured line per fault, without what people wrote and without any token. `level` among the facts lowers it. */
export const logFault = (event: string, error: unknown, facts: Record<string, number | string>): void => {
  countFault(event)
  const name = error instanceof Error ? error.name : typeof error
  const message = error instanceof Error ? error.message : ''
  console.error(JSON.stringify({ level: 'error', event, ...facts, error: name, message }))
}
