import type { Context } from 'hono'
import { authenticate, type Caller } from '../directory/accounts.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import { accounts } from './accounts.ts'

/** Who makes this request. The session is looked up each time, so that signing out is immediate. */
export const callerOf = async <E extends { Bindings: Env }>(c: Context<E>): Promise<Caller | Refusal> => {
  const token = bearerToken(c)
  return token === undefined ? refuse('auth.required') : authenticate(accounts(c.env), token)
}

export const bearerToken = (c: Context): string | undefined =>
  /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
