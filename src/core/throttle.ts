/** An account answers to a username and an address, so five guesses for each are at most ten for the account. */
export const GUESSES_PER_LOGIN = 5
export const GUESS_WINDOW_MS = 15 * 60_000

/** Seconds until another guess is heard; 0 where this one may be. `count` includes this one. */
export const secondsUntilGuess = (attempts: { windowStart: number; count: number }, now: number): number => {
  if (attempts.count <= GUESSES_PER_LOGIN) return 0
  // Never longer than a window, though a clock was wrong.
  const wait = Math.min(GUESS_WINDOW_MS, attempts.windowStart + GUESS_WINDOW_MS - now)
  return Math.max(1, Math.ceil(wait / 1000))
}

/** Whom an address belongs to: one home has a whole /64 of IPv6 and could otherwise use a new address for each try. */
export const networkOf = (address: string): string => {
  if (!address.includes(':')) return address
  const [head = '', tail = ''] = address.toLowerCase().split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const gap = Array.from({ length: Math.max(0, 8 - left.length - right.length) }, () => '0')
  const groups = address.includes('::') ? [...left, ...gap, ...right] : left
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
