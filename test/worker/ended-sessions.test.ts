import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { isRefusal } from '../../src/protocol/errors.ts'
import { CLOSE } from '../../src/protocol/socket.ts'
import { openDirect, text } from '../support/people.ts'
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
