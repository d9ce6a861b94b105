import { createMiddleware } from 'hono/factory'
import { isUpgrade } from '../worker/upgrade.ts'

/**
 * What a request began is brought to its end, also where its client has gone: the platform stops such work at whatever it awaits, half
 * done. Reading changes nothing and may stop there.
 */
export const finishRequest = createMiddleware(async (c, next) => {
  if (c.req.method === 'GET' && !isUpgrade(c)) return next()
  const work = next()
  c.executionCtx.waitUntil(work)
  return work
})
