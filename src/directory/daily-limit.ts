import { refuse } from '../protocol/errors.ts'

/** For whoever has begun as many as one may in a day. */
export const tooMany = refuse('rate.limited', { retryAfter: 60 * 60 })
