import * as z from 'zod'
import { deviceOf, usernameFrom } from '../core/names.ts'
import { SINGLE_TOKEN_LIFE } from '../core/session-life.ts'
import { confirmPassword, endSession, logIn, register, type SignInOptions } from '../directory/accounts.ts'
import { openDirectory } from '../directory/directory.ts'
import { eraseAccount } from '../directory/erasure.ts'
import { profileOf, searchUsers, updateProfile, userById } from '../directory/users.ts'
import { isRefusal, type Refusal } from '../protocol/errors.ts'
import type { SignedIn } from '../protocol/auth.ts'
import { DisplayName, Email, type Me, type User, Username } from '../protocol/user.ts'
import { accounts } from '../worker/accounts.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { bodyIn, type C, detail, idIn } from './fastapi.ts'

/** Accounts and people, at `/register`, `/login`, `/auth/` and `/users/`: one object holds the fields of all documents. */

const MAX_LISTED = 1_000
/** Who takes a name that somebody has gets it with a number. */
const NAME_TRIES = 5

const AnyPassword = z
  .string()
  .min(1)
  .max(256)
  .refine((value) => value.isWellFormed())
export const NewPerson = z.object({ username: DisplayName, email: Email, password: AnyPassword })
export const NamedPerson = z.object({ name: DisplayName, email: Email, password: AnyPassword })
export const Credentials = z
  .object({ email: z.string().optional(), username: z.string().optional(), password: z.string().min(1).max(256) })
  .transform(({ email, username, password }) => ({ login: email ?? username, password }))
  .pipe(z.object({ login: z.string().trim().min(1).max(254), password: z.string() }))
export const Changes = z.object({
  name: DisplayName.optional(),
  email: Email.optional(),
  password: AnyPassword.optional(),
})

export const registerPerson = async (c: C): Promise<Response> => {
  const person = await bodyIn(c, NewPerson)
  if (isRefusal(person)) return detail(c, person)
  const { username: name, email, password } = person
  // A name that no username can be is shown as it is, and signs in by one made from it.
  const username = Username.safeParse(name).data
  return welcome(
    c,
    username ? await enroll(c, { username, name, email, password }) : await enrollByName(c, { name, email, password }),
  )
}

/** Here a name is not unique, as a username is: one is made from it. */
export const createPerson = async (c: C): Promise<Response> => {
  const person = await bodyIn(c, NamedPerson)
  return isRefusal(person) ? detail(c, person) : welcome(c, await enrollByName(c, person))
}

/** Takes JSON, or the form that clients of FastAPI send; either field holds an address or a username. */
export const signIn = async (c: C): Promise<Response> => {
  const credentials = await bodyIn(c, Credentials)
  if (isRefusal(credentials)) return detail(c, credentials)
  const signedIn = await logIn(accounts(c.env), { ...credentials, ...singleToken(c) })
  if (isRefusal(signedIn)) return detail(c, signedIn)
  return c.json({ access_token: signedIn.accessToken, token_type: 'bearer' })
}

export const signOut = async (c: C): Promise<Response> => {
  const refusal = await endSession(accounts(c.env), c.var.caller)
  return refusal ? detail(c, refusal) : c.json({ message: 'Signed out' })
}

export const oneself = async (c: C): Promise<Response> => {
  const me = await profileOf(openDirectory(c.env), c.var.caller.userId)
  return isRefusal(me) ? detail(c, me) : c.json(shapeOf(me))
}

export const everybody = async (c: C): Promise<Response> => {
  const { items } = await searchUsers(openDirectory(c.env), { limit: MAX_LISTED })
  const me = await profileOf(openDirectory(c.env), c.var.caller.userId)
  return c.json(items.map((user) => shapeOf(!isRefusal(me) && me.id === user.id ? me : user)))
}

export const person = async (c: C): Promise<Response> => {
  const id = idIn(c, 'user_id')
  if (typeof id !== 'number') return detail(c, id)
  if (id === c.var.caller.userId) return oneself(c)
  const user = await userById(openDirectory(c.env), id)
  return isRefusal(user) ? detail(c, user) : c.json(shapeOf(user))
}

/** A new password needs the old one, which no document sends: the one that comes must be the one that is. */
export const updatePerson = async (c: C): Promise<Response> => {
  const refused = await refuseOthers(c)
  if (refused) return refused
  const changes = await bodyIn(c, Changes)
  if (isRefusal(changes)) return detail(c, changes)
  const { name: displayName, email, password } = changes
  if (password !== undefined) {
    const confirmed = await confirmPassword(accounts(c.env), c.var.caller.userId, password)
    if (isRefusal(confirmed)) return detail(c, confirmed)
  }
  const change = { ...(displayName !== undefined && { displayName }), ...(email !== undefined && { email }) }
  const { userId } = c.var.caller
  const me = await updateProfile(openDirectory(c.env), { userId, change, now: Date.now() })
  return isRefusal(me) ? detail(c, me) : c.json(shapeOf(me))
}

/** The token is proof enough here: the document sends no password. */
export const deletePerson = async (c: C): Promise<Response> => {
  const refused = await refuseOthers(c)
  if (refused) return refused
  const { userId } = c.var.caller
  const failed = await eraseAccount(directoryContext(c), userId)
  return failed ? detail(c, failed) : c.json({ message: 'User deleted', id: userId })
}

/** An account is its owner's to change. */
const refuseOthers = async (c: C): Promise<Response | null> => {
  const id = idIn(c, 'user_id')
  if (typeof id !== 'number') return detail(c, id)
  if (id === c.var.caller.userId) return null
  const user = await userById(openDirectory(c.env), id)
  return isRefusal(user) ? detail(c, user) : c.json({ detail: 'This is not your account.' }, 403)
}

type Enrolment = { username: string; name: string; email: string; password: string }

const enroll = (c: C, { name, ...account }: Enrolment): Promise<SignedIn | Refusal> =>
  register(accounts(c.env), { ...account, displayName: name, anyPassword: true, ...singleToken(c) })

const enrollByName = async (c: C, person: Omit<Enrolment, 'username'>): Promise<SignedIn | Refusal> => {
  for (let tries = 1; ; tries += 1) {
    const suffix = tries === 1 ? '' : `_${crypto.getRandomValues(new Uint16Array(1))[0]}`
    const enrolled = await enroll(c, { ...person, username: usernameFrom(person.name, suffix) })
    if (!isRefusal(enrolled) || enrolled.code !== 'username.taken' || tries === NAME_TRIES) return enrolled
  }
}

/** Signing up gives no token here, so nobody holds its session. */
const welcome = async (c: C, enrolled: SignedIn | Refusal): Promise<Response> => {
  if (isRefusal(enrolled)) return detail(c, enrolled)
  const { user, sessionId } = enrolled
  await endSession(accounts(c.env), { userId: user.id, sessionId })
  return c.json(shapeOf(user))
}

const singleToken = (c: C): SignInOptions => ({ device: deviceOf(c.req.header('user-agent')), life: SINGLE_TOKEN_LIFE })

/** Addresses are shown to their owners only. */
const shapeOf = (user: User | Me) => ({
  id: user.id,
  name: user.displayName,
  username: user.username,
  email: 'email' in user ? user.email : '',
})
