import { Hono } from 'hono'
import { changePassword } from '../directory/accounts.ts'
import { openDirectory } from '../directory/directory.ts'
import { profileOf, updateProfile } from '../directory/users.ts'
import { ChangePassword } from '../protocol/auth.ts'
import { UpdateMe } from '../protocol/user.ts'
import { accounts } from '../worker/accounts.ts'
import { authenticated, type Authenticated } from './authenticated.ts'
import { answer, answerEmpty } from './problem.ts'
import { body } from './validation.ts'

/** `/v1/me` */
export const me = new Hono<Authenticated>()
  .get('/', authenticated, async (c) => answer(c, await profileOf(openDirectory(c.env), c.var.caller.userId)))
  .patch('/', authenticated, body(UpdateMe), async (c) =>
    answer(c, await updateProfile(openDirectory(c.env), c.var.caller.userId, c.req.valid('json'))),
  )
  .put('/password', authenticated, body(ChangePassword), async (c) =>
    answerEmpty(c, await changePassword(accounts(c.env), c.var.caller, c.req.valid('json'))),
  )
