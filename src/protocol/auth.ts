import * as z from 'zod'
import { SafeText, Timestamp } from './text.ts'
import { DisplayName, Email, Me, Username } from './user.ts'

/** Length in code points is what people count; 8 is ASVS 6.2.1, and the upper bound keeps hashing cheap. */
export const Password = z
  .string()
  .min(8)
  .max(256)
  .refine((value) => value.isWellFormed(), 'must be well-formed Unicode')

/** `POST /v1/auth/register` */
export const Register = z.strictObject({
  username: Username,
  email: Email,
  password: Password,
  displayName: DisplayName.optional(),
})
export type Register = z.infer<typeof Register>

/** `POST /v1/auth/login`: `login` is an email address or a username. */
export const Login = z.strictObject({
  login: SafeText.trim().min(1).max(254),
  password: z.string().min(1).max(256),
})
export type Login = z.infer<typeof Login>

/**
 * `POST /v1/auth/refresh`. `attempt` is a random text that the client makes and keeps before it asks: with it the same refresh token gets the
 * same answer however late the answer is asked for again, until what it gave was used.
 */
export const Refresh = z.strictObject({
  refreshToken: z.string().min(1).max(256),
  attempt: z.string().min(16).max(64).optional(),
})
export type Refresh = z.infer<typeof Refresh>

/** What signing in gives. `expiresIn` is the life of the access token in seconds. */
export const SignedIn = z.object({
  user: Me,
  sessionId: z.string(),
  accessToken: z.string(),
  refreshToken: z.string(),
  expiresIn: z.int(),
})
export type SignedIn = z.infer<typeof SignedIn>

/** A device that is signed in. */
export const AuthSession = z.object({
  id: z.string(),
  current: z.boolean(),
  device: z.string().nullable(),
  createdAt: Timestamp,
  lastUsedAt: Timestamp,
  expiresAt: Timestamp,
})
export type AuthSession = z.infer<typeof AuthSession>
export const AuthSessionList = z.object({ items: z.array(AuthSession), nextCursor: z.null() })

/** Good for one socket, for `expiresIn` seconds. */
export const Ticket = z.object({ ticket: z.string(), expiresIn: z.int() })
export type Ticket = z.infer<typeof Ticket>

/** `PUT /v1/me/password`: ends every other session. */
export const ChangePassword = z.strictObject({ currentPassword: z.string().min(1).max(256), newPassword: Password })
export type ChangePassword = z.infer<typeof ChangePassword>

/** `DELETE /v1/me` asks for the password once more. */
export const DeleteMe = z.strictObject({ password: z.string().min(1).max(256) })
