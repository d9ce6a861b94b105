/**
 * A call between objects carries 32 MiB at most, and text beyond Latin-1 takes two bytes a letter. What may be as large as people like
 * goes in parts of about this many letters, which also bounds what one page holds in memory.
 */
export const CALL_CHARACTERS = 4 * 1024 * 1024
export const PAGE_CHARACTERS = 1024 * 1024

/** The first of them that fit into so many letters: always one, if there is one. */
export const fitting = <Item>(items: Item[], limit: number, charactersOf: (item: Item) => number): Item[] => {
  let characters = 0
  const end = items.findIndex((item, i) => {
    characters += charactersOf(item)
    return i > 0 && characters > limit
  })
  return end < 0 ? items : items.slice(0, end)
}
