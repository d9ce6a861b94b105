import type { Refusal } from '../protocol/errors.ts'

/** The headers of an answer that refuses. */
export const refusalHeaders = ({ retryAfter }: Refusal, status: number): Record<string, string> => ({
  ...(retryAfter !== undefined && { 'retry-after': String(Math.ceil(retryAfter)) }),
  ...(status === 401 && { 'www-authenticate': 'Bearer' }),
})
