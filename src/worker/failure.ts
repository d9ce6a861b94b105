import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { causeOf } from '../directory/faults.ts'
import { countFault } from '../directory/metrics.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'

/** What nobody foresaw: one line in the log, without anything that the client sent, and a refusal that gives nothing away. */
export const reportFailure = (c: Context, error: Error): Refusal => {
  const cause = causeOf(error)
  const isUnavailable = isOutage(cause)
  const line = {
    level: isUnavailable ? 'warn' : 'error',
    event: isUnavailable ? 'request.unavailable' : 'request.failed',
    requestId: c.get('requestId'),
    method: c.req.method,
    // The pattern, for some clients put tokens in paths.
    route: routePath(c),
    error: cause.name,
    message: cause.message,
    stack: cause.stack?.split('\n').filter((frame) => /^\s+at /.test(frame)),
  }
  console.error(JSON.stringify(line))
  countFault(line.event)
  return isUnavailable ? refuse('server.unavailable', { retryAfter: 1 }) : refuse('server.fault')
}

/** An object that restarts or is overloaded, or a database that cannot be reached: trying again will help. */
const isOutage = (error: Error): boolean =>
  ['durableObjectReset', 'retryable', 'overloaded'].some((mark) => Reflect.get(error, mark) === true) ||
  // D1 marks its errors in the message only. One that names SQLite's verdict is a bug of ours and would come again, unless it is that there
  // is no room.
  (error.message.startsWith('D1_') && !error.message.includes('SQLITE_')) ||
  error.message.includes('SQLITE_FULL') ||
  // What failed inside the platform, as an object whose storage did.
  error.message.startsWith('internal error; reference = ')
