import * as z from 'zod'

const NUL = '\u0000'

/** Text that survives storage and every encoding: no lone surrogates, no NUL. */
export const isSafeText = (value: string): boolean => value.isWellFormed() && !value.includes(NUL)

export const SafeText = z.string().refine(isSafeText, 'must be well-formed Unicode without NUL')

/** A line that people see as a name: trimmed, not empty, at most `max` long. */
export const nameLine = (max: number) =>
  SafeText.trim()
    .min(1, { abort: true })
    .max(max)
    // Control characters and bidirectional overrides let one name pass for another.
    .refine(
      (value) => !/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u.test(value),
      'must not contain control characters',
    )
    .refine((value) => /[^\p{DI}\p{M}\p{Z}\p{C}\u2800]/u.test(value), 'must show something')

/** Base64 as RFC 4648 §4 writes it, with padding. */
export const Base64 = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'must be base64')

/** A point in time: ISO 8601, UTC, milliseconds. */
export const Timestamp = z.iso.datetime()
