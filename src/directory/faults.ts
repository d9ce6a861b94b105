import { DrizzleQueryError } from 'drizzle-orm'
import { countFault } from './metrics.ts'

/** Drizzle puts the parameters of the query into its message, and they have no place in a log. */
export const causeOf = (error: Error): Error =>
  error instanceof DrizzleQueryError && error.cause ? error.cause : error

/** Counts a fault and writes it as one line, without what people wrote and without any token. `level` among the facts replaces `error`. */
export const logFault = (event: string, error: unknown, facts: Record<string, number | string>): void => {
  countFault(event)
  const { name, message } = error instanceof Error ? causeOf(error) : { name: typeof error, message: '' }
  console.error(JSON.stringify({ level: 'error', event, ...facts, error: name, message }))
}
