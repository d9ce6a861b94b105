import { Hono, type MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import { declares } from '../contract/declared.ts'
import { expose } from '../core/metrics.ts'
import { requireAdmin } from '../directory/administrators.ts'
import { openDirectory } from '../directory/directory.ts'
import { readMetrics, reportMetrics } from '../directory/metrics.ts'
import { isRefusal } from '../protocol/errors.ts'
import { bearerToken, callerOf } from '../worker/caller.ts'
import type { Public } from './authenticated.ts'
import { isTokenOf } from './deployment-token.ts'
import { problem } from './problem.ts'

declare global {
  interface Env {
    /** Set by who runs a scraper: it is no person, and its token does not end. */
    METRICS_TOKEN?: string
  }
}

const scraperOrAdmin: MiddlewareHandler<Public> = declares(
  createMiddleware<Public>(async (c, next) => {
    if (await isTokenOf(c.env.METRICS_TOKEN, bearerToken(c))) return next()
    const caller = await callerOf(c)
    if (isRefusal(caller)) return problem(c, caller)
    const refusal = await requireAdmin(openDirectory(c.env), caller.userId)
    return refusal ? problem(c, refusal) : next()
  }),
  { signedIn: true },
)

/** A worker's isolate has no socket to come or go: it reports when it failed. */
export const failuresReported: MiddlewareHandler<Public> = async (c, next) => {
  await next()
  if (c.res.status >= 500) c.executionCtx.waitUntil(reportMetrics(c.env, Date.now()))
}

/** `/metrics` */
export const metrics = new Hono<Public>().get('/', scraperOrAdmin, async (c) =>
  c.body(expose(await readMetrics(c.env)), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
)
