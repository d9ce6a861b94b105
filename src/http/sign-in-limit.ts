import type { MiddlewareHandler } from 'hono'
import { networkOf } from '../core/throttle.ts'
import { refuse } from '../protocol/errors.ts'
import { problem } from './problem.ts'

const PERIOD_SECONDS = 60

/** Bounds what one network may ask in a minute, before anything costly happens. */
export const signInLimit =
  (purpose: 'password' | 'refresh'): MiddlewareHandler<{ Bindings: Env }> =>
  async (c, next) => {
    const network = networkOf(c.req.header('cf-connecting-ip') ?? '')
    const { success } = await c.env.SIGN_IN_LIMIT.limit({ key: `${purpose}:${network}` })
    return success ? next() : problem(c, refuse('rate.limited', { retryAfter: PERIOD_SECONDS }))
  }
