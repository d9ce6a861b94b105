/** A page of a list. Hand `nextCursor` back for the next one; null means that this was the last. */
export type Page<Item> = { items: Item[]; nextCursor: string | null }

/** The path of a page, `cursor` being what the page before it said. */
export const pagePath = (path: string, cursor?: string): string =>
  cursor === undefined ? path : `${path}?cursor=${encodeURIComponent(cursor)}`
