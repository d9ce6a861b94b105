import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { appointment, requireAdmin } from '../../src/directory/administrators.ts'
import { openDirectory } from '../../src/directory/directory.ts'
import { signUp } from '../support/rest.ts'

test('[ADMN1] one becomes an administrator by username or address, in any case, and ceases to be one', async () => {
  const db = openDirectory(env)
  await signUp()
  const { user } = await signUp()
  const appoint = async (login: string, isAdmin: boolean) =>
    (await env.DIRECTORY.prepare(appointment(login, isAdmin)).all()).results
  const refused = { code: 'admin.required' }
  expect(await requireAdmin(db, user.id)).toMatchObject(refused)

  expect(await appoint(` ${user.email.toUpperCase()} `, true)).toEqual([{ username: user.username }])
  expect(await requireAdmin(db, user.id)).toBeNull()

  expect(await appoint(user.username, false)).toEqual([{ username: user.username }])
  expect(await requireAdmin(db, user.id)).toMatchObject(refused)
  for (const nobody of ['nobody@example.org', "' OR 1=1 --", "''"]) expect(await appoint(nobody, true)).toEqual([])
  expect(await requireAdmin(db, user.id)).toMatchObject(refused)
})
