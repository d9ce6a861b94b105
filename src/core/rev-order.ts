/**
 * Puts the frames of one conversation in the order of their revisions. Replies and deliveries are two channels with no order
 * between them, so frame 8 may come before frame 7: it is held until 7 came, or until the hole is filled by a catch-up.
 */
export type RevOrder = {
  known: number | null
  held: Map<number, string>
  /**
   * Where a catch-up began of which pages are still to come. Until then what was made since, and changed after the last page, was not shown
   * yet: it comes as new in the next one, so the frame of its change must wait.
   */
  from: number | null
}

/**
 * A page of everything that changed above `after` up to `upTo`, and whether there are `more`. What it shows as new was made above `from`,
 * where its first page began.
 */
type Page = { from: number; after: number; upTo: number; more: boolean; revs: number[]; frames: string[] }

export const newRevOrder = (known: number | null = null, from: number | null = null): RevOrder => ({
  known,
  held: new Map(),
  from,
})

/**
 * Takes frames in and returns those that are due now, in order. A revision of 0 marks a signal that has no place: due at once. Where it is
 * not known what came before, the first frame is where it begins, unless `waits` says that `begin` will tell.
 */
export const accept = (order: RevOrder, batch: { revs: number[]; frames: string[] }, waits = false): string[] => {
  const due: string[] = []
  batch.revs.forEach((rev, i) => {
    const frame = batch.frames[i] ?? ''
    if (rev === 0) due.push(frame)
    else if (order.known === null && waits) order.held.set(rev, frame)
    else if (order.known === null || (rev === order.known + 1 && order.from === null)) {
      due.push(frame)
      order.known = rev
      drain(order, due)
    } else if (rev > order.known) order.held.set(rev, frame)
  })
  return due
}

/**
 * Says, where it is not known, what was shown already: all up to `told`, or where that is null too all before the first frame that is held.
 * Returns the frames that are due now.
 */
export const begin = (order: RevOrder, told: number | null): string[] => {
  if (order.known !== null || (told === null && order.held.size === 0)) return []
  order.known = told ?? Math.min(...order.held.keys()) - 1
  for (const rev of order.held.keys()) if (rev <= order.known) order.held.delete(rev)
  const due: string[] = []
  drain(order, due)
  return due
}

/** What to ask for: the rest of the catch-up that is under way, or a new one. */
export const missingOf = ({ known, from }: RevOrder): { from: number; after: number } | null =>
  known === null ? null : { from: from ?? known, after: known }

/**
 * Whether a page of a catch-up is the next one, or has nothing new. Where it begins behind, a message that is new to it need not be new
 * here; where it begins beyond, something between is missing. The same holds for where its first page began.
 */
export const fitsCatchUp = (order: RevOrder, page: Page): boolean => {
  const missing = missingOf(order)
  if (missing === null || page.upTo <= missing.after) return true
  return page.after === missing.after && page.from === missing.from
}

/** Takes in a page that fits: everything that changed, collapsed to its present state. */
export const acceptCatchUp = (order: RevOrder, catchUp: Page): string[] => {
  const { known } = order
  if (known !== null && catchUp.after !== known) return []
  const due = catchUp.frames.filter((_, i) => known === null || (catchUp.revs[i] ?? 0) > known)
  order.known = Math.max(known ?? 0, catchUp.upTo)
  order.from = catchUp.more ? catchUp.from : null
  for (const rev of order.held.keys()) if (rev <= catchUp.upTo) order.held.delete(rev)
  drain(order, due)
  return due
}

export const hasGap = (order: RevOrder): boolean => order.held.size > 0 || order.from !== null

const drain = (order: RevOrder, due: string[]): void => {
  if (order.held.size === 0 || order.known === null || order.from !== null) return
  for (let next = order.held.get(order.known + 1); next !== undefined; next = order.held.get(order.known + 1)) {
    order.known += 1
    order.held.delete(order.known)
    due.push(next)
  }
}
