import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { deviceOf } from '../core/names.ts'
import { endSession, listSessions, logIn, refresh, register } from '../directory/accounts.ts'
import { hubOf } from '../objects/stubs.ts'
import { Login, Refresh, Register } from '../protocol/auth.ts'
import { accounts } from '../worker/accounts.ts'
import { authenticated, type Authenticated } from './authenticated.ts'
import { shedLoad } from './load-shedding.ts'
import { answer, answerEmpty } from './problem.ts'
import { signInLimit } from './sign-in-limit.ts'
import { body, params } from './validation.ts'

/** `/v1/auth` */
export const auth = new Hono<Authenticated>()
  .post('/register', signInLimit('password'), body(Register), async (c) =>
    answer(c, await register(accounts(c.env), { ...c.req.valid('json'), device: device(c) }), 201),
  )
  .post('/login', signInLimit('password'), body(Login), async (c) =>
    answer(c, await logIn(accounts(c.env), { ...c.req.valid('json'), device: device(c) })),
  )
  .post('/refresh', signInLimit('refresh'), body(Refresh), async (c) =>
    answer(c, await refresh(accounts(c.env), c.req.valid('json'))),
  )
  .post('/logout', authenticated, async (c) => answerEmpty(c, await endSession(accounts(c.env), c.var.caller)))
  .get('/sessions', authenticated, async (c) =>
    answer(c, { items: await listSessions(accounts(c.env), c.var.caller), nextCursor: null }),
  )
  .delete('/sessions/:id', authenticated, params(z.object({ id: z.string() })), async (c) => {
    const { userId } = c.var.caller
    return answerEmpty(c, await endSession(accounts(c.env), { userId, sessionId: c.req.valid('param').id }))
  })
  .post('/ticket', shedLoad, authenticated, async (c) => {
    const { userId, sessionId } = c.var.caller
    const ticket = await hubOf(c.env, userId).issueTicket(sessionId)
    return answer(c, ticket, 201)
  })

const device = (c: Context) => deviceOf(c.req.header('user-agent'))
