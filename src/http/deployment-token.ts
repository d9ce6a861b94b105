import { sha256 } from '../directory/secrets.ts'

/** Whether a token is the one that who runs the server has set; where none is set, none is. */
export const isTokenOf = async (set: string | undefined, token = ''): Promise<boolean> =>
  // By their hashes, so that the time it takes says nothing of how much of it was right.
  set !== undefined && set !== '' && (await sha256(token)) === (await sha256(set))
