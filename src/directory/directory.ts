import { drizzle, type DrizzleD1Database } from 'drizzle-orm/d1'
import { causeOf } from './faults.ts'

/** The database of who exists. What reads or writes it takes it, or something that holds it, as its first argument. */
export type Directory = DrizzleD1Database

export const openDirectory = (env: { DIRECTORY: D1Database }): Directory => drizzle(env.DIRECTORY)

/**
 * Asks it from inside an object. Of an error that Drizzle wraps a call between objects carries the wrapping alone, which holds the parameters of
 * the query and not what failed: so what failed is thrown.
 */
export const askDirectory = async <Result>(
  env: { DIRECTORY: D1Database },
  ask: (db: Directory) => Promise<Result>,
): Promise<Result> => {
  try {
    return await ask(openDirectory(env))
  } catch (error) {
    throw error instanceof Error ? causeOf(error) : error
  }
}
