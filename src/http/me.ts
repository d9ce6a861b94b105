import { Hono } from 'hono'
import { changePassword, confirmPassword } from '../directory/accounts.ts'
import { openDirectory } from '../directory/directory.ts'
import { eraseAccount } from '../directory/erasure.ts'
import { profileOf, updateProfile } from '../directory/users.ts'
import { ChangePassword, DeleteMe } from '../protocol/auth.ts'
import { isRefusal } from '../protocol/errors.ts'
import { UpdateMe } from '../protocol/user.ts'
import { accounts } from '../worker/accounts.ts'
import { directoryContext } from '../worker/directory-context.ts'
import { type Authenticated, authenticated, budgeted } from './authenticated.ts'
import { answer, answerEmpty } from './problem.ts'
import { body } from './validation.ts'

/** `/v1/me` */
export const me = new Hono<Authenticated>()
  .get('/', authenticated, async (c) => answer(c, await profileOf(openDirectory(c.env), c.var.caller.userId)))
  .patch('/', authenticated, body(UpdateMe), budgeted, async (c) =>
    answer(
      c,
      await updateProfile(openDirectory(c.env), {
        userId: c.var.caller.userId,
        change: c.req.valid('json'),
        now: Date.now(),
      }),
    ),
  )
  .delete('/', authenticated, body(DeleteMe), async (c) => {
    const { userId } = c.var.caller
    const confirmed = await confirmPassword(accounts(c.env), userId, c.req.valid('json').password)
    return answerEmpty(c, isRefusal(confirmed) ? confirmed : await eraseAccount(directoryContext(c), userId))
  })
  .put('/password', authenticated, body(ChangePassword), async (c) =>
    answerEmpty(c, await changePassword(accounts(c.env), c.var.caller, c.req.valid('json'))),
  )
