import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { accountsOf, changePassword } from '../../src/directory/accounts.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import { isRefusal } from '../../src/protocol/errors.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import { CLOSE } from '../../src/protocol/socket.ts'
import { holdOrdersOf } from '../support/hold.ts'
import { openDirect, pair, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, PASSWORD, signIn, signUp, statusOf } from '../support/rest.ts'

test('[AUTH13] a ticket given out while the password was changed opens nothing, and its frames do nothing', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const conversationId = await openDirect(alice, bob)
  const { body: thief } = await signIn(alice.user.username)
  const json = { currentPassword: PASSWORD, newPassword: 'another horse battery' }
  expect((await ask('PUT', '/v1/me/password', { token: alice.accessToken, json })).status).toBe(204)

  // The request for it was let in before the change and reaches the hub after: the hub never heard of that session.
  const hub = env.USER_HUB.getByName(String(alice.user.id))
  const issued = await hub.issueTicket(thief.sessionId)
  if (isRefusal(issued)) throw new Error(issued.code)
  const socket = await RawSocket.open({
    headers: { 'sec-websocket-protocol': `causerie.v1, ticket.${issued.ticket}` },
  })
  const content = text('give me all your money')
  socket.sendRaw(JSON.stringify({ id: 1, type: 'message.send', conversationId, clientId: 'theft', content }))

  await expect.poll(() => socket.closed).toEqual({ code: CLOSE.ticketInvalid, reason: 'ticket.invalid' })
  expect(socket.frames).toEqual([])
  const history = await ask('GET', `/v1/conversations/${conversationId}/messages`, { token: bob.accessToken })
  expect(history.body).toMatchObject({ items: [] })
  expect(await statusOf(alice.accessToken)).toBe(200)
})

test.each([
  [
    'POST /v1/conversations/:id/messages',
    201,
    (_: SignedIn, words: string) => ({ clientId: words, content: text(words) }),
  ],
  ['POST /messages/', 200, ({ user }: SignedIn, words: string) => ({ receiver_id: user.id, content: words })],
])(
  '[AUTH11] what %s asked and still waits in the hub is not done when its session ends',
  async (route, status, said) => {
    const { alice, bob, conversationId } = await pair()
    const { body: other } = await signIn(alice.user.username)
    const [method = '', path = ''] = route.replace(':id', String(conversationId)).split(' ')
    const post = (who: SignedIn, words: string) => ask(method, path, { token: who.accessToken, json: said(bob, words) })
    const release = holdOrdersOf(conversationId)

    const first = post(alice, 'first')
    await new Promise((resolve) => setTimeout(resolve, 200))
    const second = post(other, 'second')
    await new Promise((resolve) => setTimeout(resolve, 200))
    const ended = await ask('DELETE', `/v1/auth/sessions/${other.sessionId}`, { token: alice.accessToken })
    release()

    expect([ended.status, (await first).status, (await second).status]).toEqual([204, status, 401])
    const { body } = await ask<HistoryPage>('GET', `/v1/conversations/${conversationId}/messages`, {
      token: bob.accessToken,
    })
    expect(body.items.map(({ content }) => content)).toEqual([text('first')])
  },
)

const change = (who: SignedIn, currentPassword: string, newPassword: string) =>
  ask('PUT', '/v1/me/password', { token: who.accessToken, json: { currentPassword, newPassword } })

test('[AUTH13] of two changes of the password at once one counts, and its session goes on', async () => {
  const here = await signUp()
  const { body: there } = await signIn(here.user.username)

  const changes = await Promise.all([
    change(here, PASSWORD, 'a better password'),
    change(there, PASSWORD, 'a better one'),
  ])

  expect(changes.filter(({ status }) => status === 204)).toHaveLength(1)
  const winner = changes[0]?.status === 204 ? here : there
  expect(await statusOf(winner.accessToken)).toBe(200)
})

test('[AUTH13] who signs in with the new password before the sockets of the others are closed stays', async () => {
  const here = await signUp()
  const { body: old } = await signIn(here.user.username)
  const hub = env.USER_HUB.getByName(String(here.user.id))
  let later: SignedIn | null = null
  const accounts = accountsOf(env, () => ({
    endSessions: async (ids) => {
      later = (await signIn(here.user.username, 'a better password')).body
      await RawSocket.arrive(later)
      await hub.endSessions(ids)
    },
  }))

  const caller = { userId: here.user.id, sessionId: here.sessionId }
  const input = { currentPassword: PASSWORD, newPassword: 'a better password' }
  expect(await changePassword(accounts, caller, input)).toBeNull()

  const upgrade = async ({ sessionId }: SignedIn) => {
    const headers = { upgrade: 'websocket', 'x-causerie-session': sessionId }
    return (await hub.fetch('https://hub/', { headers })).status
  }
  if (!later) throw new Error('nobody signed in')
  expect([await upgrade(later), await upgrade(old)]).toEqual([101, 401])
})

test('[AUTH6] to change a password again and again is refused like guessing it', async () => {
  const alice = await signUp()
  const statuses: number[] = []
  for (let i = 0; i < 6; i += 1) {
    const [from, to] = [i === 0 ? PASSWORD : `a better password ${i}`, `a better password ${i + 1}`]
    statuses.push((await change(alice, from, to)).status)
  }

  expect(statuses).toEqual([...Array.from({ length: 5 }, () => 204), 429])
})
