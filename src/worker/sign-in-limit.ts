import type { Context } from 'hono'
import { networkOf } from '../core/throttle.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'

const PERIOD_SECONDS = 60

/** Bounds what one network may ask in a minute, before anything costly happens; null where it may. */
export const signInLimit = async <E extends { Bindings: Env }>(
  c: Context<E>,
  purpose: 'password' | 'refresh' | 'listing',
): Promise<Refusal | null> => {
  const network = networkOf(c.req.header('cf-connecting-ip') ?? '')
  const { success } = await c.env.SIGN_IN_LIMIT.limit({ key: `${purpose}:${network}` })
  return success ? null : refuse('rate.limited', { retryAfter: PERIOD_SECONDS })
}
