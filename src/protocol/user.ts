import * as z from 'zod'
import { UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { numberParam, PageLimit, pageOf } from './page.ts'
import { nameLine, SafeText, Timestamp } from './text.ts'

export const Username = z
  .string()
  .trim()
  .regex(/^[\p{L}\p{N}][\p{L}\p{N}_.-]{1,31}$/u, 'must be 2 to 32 letters, digits, dots, dashes or underscores')
  .refine((value) => value.isWellFormed())
  // Some letters show nothing.
  .refine((value) => !/\p{DI}/u.test(value), 'must not contain invisible letters')

export const Email = z.email().max(254)
export const DisplayName = nameLine(64)

/** What anybody who is signed in may see of somebody. */
export const User = z.object({ id: UserId, username: z.string(), displayName: z.string() })
export type User = z.infer<typeof User>

/** What one sees of oneself. */
export const Me = User.extend({ email: z.string(), createdAt: Timestamp })
export type Me = z.infer<typeof Me>

/** `PATCH /v1/me` */
export const UpdateMe = z.strictObject({ displayName: DisplayName.optional(), email: Email.optional() })
export type UpdateMe = z.infer<typeof UpdateMe>

/** `GET /v1/users`: people by the start of a name, or by their ids. */
export const UsersQuery = z.object({
  query: SafeText.trim().min(1).max(64).optional(),
  ids: z
    .string()
    .transform((list) => list.split(','))
    .pipe(z.array(numberParam(UserId)).max(LIMITS.idsPerRequest))
    .optional(),
  cursor: numberParam(UserId).optional(),
  limit: PageLimit,
})
export const UserPage = pageOf(User)
export type UserPage = z.infer<typeof UserPage>

/** A lease, not a flag: `online` was true when the server looked, `lastSeenAt` is the last sign of life. */
export const Presence = z.object({ userId: UserId, online: z.boolean(), lastSeenAt: Timestamp.nullable() })
export type Presence = z.infer<typeof Presence>
