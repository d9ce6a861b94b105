import { createMiddleware } from 'hono/factory'
import { refuse } from '../protocol/errors.ts'
import { isUpgrade } from '../worker/upgrade.ts'
import { problem } from './problem.ts'

/** So many come back at once here; each takes some milliseconds of the processor, and nobody waits for more than a few seconds then. */
const AT_ONCE = 500
/** About so many can come in a second: those who are sent away are scattered over the time that all of them will take. */
const PER_SECOND = 100
const MAX_SECONDS = 30

let underWay = 0
let sentAway = 0

/**
 * After an outage everybody comes back in the same moment. Who comes when too many are under way is sent away before any work is done for
 * them: work for somebody who has given up waiting would keep all others waiting too.
 */
export const shedLoad = createMiddleware(async (c, next) => {
  if (underWay >= AT_ONCE) {
    sentAway += 1
    const retryAfter = 1 + Math.floor(Math.random() * Math.min(MAX_SECONDS, sentAway / PER_SECOND))
    return problem(c, refuse('server.unavailable', { retryAfter }))
  }
  underWay += 1
  sentAway = underWay === 1 ? 0 : Math.max(0, sentAway - 1)
  try {
    await next()
  } finally {
    underWay -= 1
  }
})

/** The same for sockets, whichever protocol they speak. */
export const shedSocketLoad = createMiddleware((c, next) => (isUpgrade(c) ? shedLoad(c, next) : next()))
