/** A budget per window of fixed length. Pure: the caller keeps the state and passes the time. */
export type Budget = { windowStart: number; used: number }

export const newBudget = (): Budget => ({ windowStart: 0, used: 0 })

/** Takes `price` (1) from the budget; answers 0, or the seconds to wait where nothing is left. */
export const spend = (
  budget: Budget,
  rule: { limit: number; windowMs: number; now: number; price?: number },
): number => {
  const { limit, windowMs, now, price = 1 } = rule
  if (price === 0) return 0
  // A clock that went back starts a new window too: a budget must never stay shut for longer than one window.
  if (now - budget.windowStart >= windowMs || now < budget.windowStart) {
    budget.windowStart = now
    budget.used = 0
  }
  if (budget.used >= limit) return Math.max(1, Math.ceil((budget.windowStart + windowMs - now) / 1000))
  budget.used += price
  return 0
}
