/**
 * Puts the frames of one conversation in the order of their revisions. Replies and deliveries are two channels with no order
 * between them, so frame 8 may come before frame 7: it is held until 7 came, or until the hole is filled by a catch-up.
 */
export type RevOrder = { known: number | null; held: Map<number, string> }

export const newRevOrder = (known: number | null = null): RevOrder => ({ known, held: new Map() })

/**
 * Takes frames in and returns those that are due now, in order. A revision of 0 marks a signal that has no place: due at once. Where nothing
 * was shown yet, the first frame is where it begins.
 */
export const accept = (order: RevOrder, batch: { revs: number[]; frames: string[] }): string[] => {
  const due: string[] = []
  batch.revs.forEach((rev, i) => {
    const frame = batch.frames[i] ?? ''
    if (rev === 0) due.push(frame)
    else if (order.known === null || rev === order.known + 1) {
      due.push(frame)
      order.known = rev
      drain(order, due)
    } else if (rev > order.known) order.held.set(rev, frame)
  })
  return due
}

/** Whether a catch-up leaves out nothing between what was shown already and its first frame. */
export const fitsCatchUp = ({ known }: RevOrder, { after }: { after: number }): boolean =>
  known === null || after <= known

/** Takes in what happened above `after` up to `upTo`, as far as it still shows. */
export const acceptCatchUp = (
  order: RevOrder,
  catchUp: { after: number; upTo: number; revs: number[]; frames: string[] },
): string[] => {
  const { known } = order
  if (known !== null && catchUp.upTo <= known) return []
  const due = catchUp.frames.filter((_, i) => known === null || (catchUp.revs[i] ?? 0) > known)
  order.known = catchUp.upTo
  for (const rev of order.held.keys()) if (rev <= catchUp.upTo) order.held.delete(rev)
  drain(order, due)
  return due
}

export const hasGap = (order: RevOrder): boolean => order.held.size > 0

const drain = (order: RevOrder, due: string[]): void => {
  if (order.held.size === 0 || order.known === null) return
  for (let next = order.held.get(order.known + 1); next !== undefined; next = order.held.get(order.known + 1)) {
    order.known += 1
    order.held.delete(order.known)
    due.push(next)
  }
}
