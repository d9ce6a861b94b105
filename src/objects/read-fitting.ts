import { PART_CHARACTERS } from './call-size.ts'
import type { MessageRow } from './conversation-schema.ts'

/** Enough to know how large the others may be. */
const FIRST_ROWS = 16

export type Sized = { row: MessageRow; characters: number }

/**
 * Reads at most `limit` rows in some order, and none behind the one that makes a part overfull: a hundred of the largest are thirty times
 * what an answer may hold. `read` gives the next `count` behind `last`.
 */
export const readFitting = (
  limit: number,
  read: (last: MessageRow | undefined, count: number) => MessageRow[],
): Sized[] => {
  const found: Sized[] = []
  let characters = 0
  for (let count = FIRST_ROWS; ; count = Math.ceil((PART_CHARACTERS - characters) / (characters / found.length)) + 1) {
    const wanted = Math.min(count, limit - found.length)
    const rows = read(found.at(-1)?.row, wanted)
    for (const row of rows) {
      const size = JSON.stringify(row).length
      characters += size
      found.push({ row, characters: size })
    }
    if (rows.length < wanted || found.length >= limit || characters > PART_CHARACTERS) return found
  }
}
