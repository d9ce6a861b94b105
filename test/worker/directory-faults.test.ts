import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test, vi } from 'vitest'
import { openApiPath } from '../../src/contract/operations.ts'
import { ROUTES } from '../../src/http/contract.ts'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import { routeOf } from '../support/contract.ts'
import { type Call, CASES } from '../support/directory-cases.ts'
import { befriend } from '../support/friends.ts'
import { openDirect, openGroup } from '../support/people.ts'
import { halves } from '../support/whole.ts'
import { signUp } from '../support/rest.ts'
import { LOST, spoiledCall } from '../support/spoiled-call.ts'

/** The status of the call where the query of this number fails, and whether it came to that query. */
const perform = async (call: Call, fault: { at: number; when: 'before' | 'after' } | null) => {
  let queries = 0
  const status = await spoiledCall(call, async (run) => {
    queries += 1
    const isHit = queries === fault?.at
    if (isHit && fault.when === 'before') throw new Error(LOST)
    const result = await run()
    if (isHit) throw new Error(LOST)
    return result
  })
  return { status, wasHit: fault !== null && queries >= fault.at }
}

const covered = new Set<string>()

test.each(Object.entries(CASES))(
  'whichever query of the directory fails, nothing is left half done when %s',
  async (_what, prepare) => {
    // Each of the faults is a line of the log.
    vi.spyOn(console, 'error').mockReturnValue(undefined)
    let faults = 0
    for (const when of ['before', 'after'] as const) {
      for (let at = 1; ; at += 1) {
        const { call, again, holds } = await prepare()
        covered.add(routeOf(call.method, call.path))
        const first = await perform(call, { at, when })
        if (!first.wasHit) break
        faults += 1
        const where = `query ${at} failed ${when} it was done`
        if (first.status >= 400) {
          expect(first.status, where).toBe(503)
          expect(again, where).toContain((await perform(call, null)).status)
        }
        await holds()
      }
    }
    expect(faults).toBeGreaterThan(1)
  },
  120_000,
)

/** What these write is in objects; of the directory they ask at most who somebody is. */
const IN_OBJECTS = [
  'POST /v1/conversations/:id/messages',
  'PUT /v1/conversations/:id/read',
  'PATCH /v1/messages/:id',
  'DELETE /v1/messages/:id',
  'PUT /v1/messages/:id/reactions/:emoji',
  'DELETE /v1/messages/:id/reactions/:emoji',
  'PUT /v1/messages/:id/pin',
  'DELETE /v1/messages/:id/pin',
  'POST /v1/auth/ticket',
]
/** Not for people; tried again by the command that calls them. */
const OPERATORS = /^\w+ \/v1\/(?:admin|backup)\//

test('that was every native route that writes into the directory', () => {
  const writing = Object.keys(ROUTES).filter((route) => !route.startsWith('GET ') && !OPERATORS.test(route))

  const left = writing.filter((route) => !covered.has(openApiPath(route)))
  expect(left.toSorted()).toEqual(IN_OBJECTS.toSorted())
})

test('after all of that no row of the directory or of any object contradicts another', async () => {
  // Whose hub was not told of a change of friends or blocks reads it with the next coming.
  const living = await env.DIRECTORY.prepare('SELECT id FROM users WHERE deleted_at IS NULL').all<{ id: number }>()
  for (const { id } of living.results) await hubOf(env, id).circleChanged()

  await expect.poll(halves, { timeout: 60_000, interval: 1_000 }).toEqual([])
}, 120_000)

test('what is planted there is found', async () => {
  const [alice, bob, carol] = [await signUp(), await signUp(), await signUp()]
  const direct = await openDirect(alice, bob)
  const group = await openGroup(alice, bob)
  await befriend(alice, bob)
  await expect.poll(halves, { timeout: 30_000, interval: 1_000 }).toEqual([])
  const alter = (stub: DurableObjectStub, sql: string) =>
    runInDurableObject(stub, (_, { storage }) => void storage.sql.exec(sql))
  const [hers, his, theirs] = [alice, bob, carol].map(({ user }) => user.id)

  await alter(hubOf(env, bob.user.id), `DELETE FROM inbox WHERE conversation_id = ${direct}`)
  await alter(conversationOf(env, group), `UPDATE members SET told = 0 WHERE user_id = ${his}`)
  await alter(hubOf(env, alice.user.id), 'DELETE FROM circle')
  await env.DIRECTORY.batch([
    env.DIRECTORY.prepare(`DELETE FROM conversations WHERE id = ${group}`),
    env.DIRECTORY.prepare(`INSERT INTO blocks VALUES (${hers}, ${his}, 0)`),
    env.DIRECTORY.prepare(`UPDATE users SET deleted_at = 1 WHERE id = ${theirs}`),
    env.DIRECTORY.prepare(
      `DELETE FROM refresh_tokens WHERE session_id IN (SELECT id FROM sessions WHERE user_id = ${hers})`,
    ),
  ])

  expect((await halves()).toSorted()).toEqual(
    [
      `${his} is in conversation ${direct}, and the inbox says otherwise`,
      `${his} was not told of conversation ${group}`,
      `conversation ${group} is in no registry`,
      `${hers} and ${his} are friends, and one has blocked the other`,
      `${his} and ${hers} are friends, and one has blocked the other`,
      `the hub of ${hers} has other friends`,
      `the hub of ${hers} hides others`,
      `the hub of ${his} hides others`,
      `account ${theirs} ended, and not all of it`,
      `session ${alice.sessionId} has no token`,
    ].toSorted(),
  )
})
