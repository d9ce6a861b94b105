/** A page of rows that were read with one more than `limit`. The cursor is the id of its last; null where nothing is behind it. */
export const pageFrom = <Row>(
  found: Row[],
  limit: number,
  idOf: (row: Row) => number,
): { rows: Row[]; nextCursor: string | null } => {
  const rows = found.slice(0, limit)
  const last = rows.at(-1)
  return { rows, nextCursor: found.length > limit && last !== undefined ? String(idOf(last)) : null }
}
