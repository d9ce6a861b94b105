import { type Directory, openDirectory } from '../directory/directory.ts'
import { causeOf } from '../directory/faults.ts'

/**
 * Asks the directory from inside an object. Of an error that Drizzle wraps, a call between objects carries the wrapping alone, which holds
 * the parameters of the query and not what failed: so what failed is thrown.
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
