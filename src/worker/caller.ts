import type { Context } from 'hono'
import { authenticate, type Caller } from '../directory/accounts.ts'
import { type AccessClaims, verifyAccessToken } from '../directory/tokens.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import { accounts } from './accounts.ts'

/** Who makes this request. The session is looked up each time, so that signing out is immediate. */
export const callerOf = async <E extends { Bindings: Env }>(c: Context<E>): Promise<Caller | Refusal> => {
  const token = bearerToken(c)
  return token === undefined ? refuse('auth.required') : authenticate(accounts(c.env), token)
}

/** Whom a token was made for. Whether its session still lives is not asked: only for the hub, which looks that up for every socket itself. */
export const claimsOf = (env: Env, token: string): Promise<AccessClaims | Refusal> =>
  verifyAccessToken(env, token, Date.now())

export const bearerToken = (c: Context): string | undefined =>
  /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '')?.[1]
