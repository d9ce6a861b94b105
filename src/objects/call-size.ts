/**
 * What may be as large as people like goes from one object to another, and on to the sockets, in parts of about this many characters. A call
 * carries 32 MiB at most, a character beyond Latin-1 takes two bytes there, and a socket that 1 MiB waits for counts as slow.
 */
export const PART_CHARACTERS = 512 * 1024

/** The first of them that fit into a part: always one, if there is one. */
export const fitting = <Item>(items: Item[], charactersOf: (item: Item) => number): Item[] => {
  let characters = 0
  const end = items.findIndex((item, i) => {
    characters += charactersOf(item)
    return i > 0 && characters > PART_CHARACTERS
  })
  return end < 0 ? items : items.slice(0, end)
}
