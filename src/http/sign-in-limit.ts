import type { MiddlewareHandler } from 'hono'
import { declares } from '../contract/declared.ts'
import { signInLimit as limited } from '../worker/sign-in-limit.ts'
import { problem } from './problem.ts'

/** Bounds what one network may ask in a minute. */
export const signInLimit = (purpose: 'password' | 'refresh'): MiddlewareHandler<{ Bindings: Env }> => {
  const handler: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
    const refusal = await limited(c, purpose)
    return refusal ? problem(c, refusal) : next()
  }
  return declares(handler, { limited: true })
}
