import { expect } from 'vitest'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { PresenceReply } from '../../src/protocol/events.ts'
import { FriendPage, type FriendRequestOutcome, FriendRequestPage } from '../../src/protocol/friend.ts'
import type { RawSocket } from './raw-socket.ts'
import { ask, signUp } from './rest.ts'

export const two = async () => ({ alice: await signUp(), bob: await signUp() })

export const publicly = ({ user: { id, username, displayName } }: SignedIn) => ({ id, username, displayName })

export const request = (from: SignedIn, to: SignedIn) =>
  ask<FriendRequestOutcome>('POST', '/v1/friend-requests', { token: from.accessToken, json: { userId: to.user.id } })

export const requestId = async (from: SignedIn, to: SignedIn): Promise<number> => {
  const { body } = await request(from, to)
  if (body.state !== 'pending') throw new Error('they are friends already')
  return body.request.id
}

export const befriend = async (from: SignedIn, to: SignedIn): Promise<void> => {
  await request(from, to)
  expect((await request(to, from)).body.state).toBe('friends')
}

export const act = (who: SignedIn, method: string, path: string) => ask(method, path, { token: who.accessToken })

export const friendIds = async (who: SignedIn) => {
  const { body } = await ask<FriendPage>('GET', '/v1/friends', { token: who.accessToken })
  return FriendPage.parse(body).items.map(({ user }) => user.id)
}

export const requestsOf = async (who: SignedIn) => {
  const { body } = await ask<FriendRequestPage>('GET', '/v1/friend-requests', { token: who.accessToken })
  return FriendRequestPage.parse(body).items
}

export const block = (who: SignedIn, whom: SignedIn) => act(who, 'PUT', `/v1/blocks/${whom.user.id}`)
export const unblock = (who: SignedIn, whom: SignedIn) => act(who, 'DELETE', `/v1/blocks/${whom.user.id}`)

export const isOnline = async (asker: RawSocket, who: SignedIn): Promise<boolean | undefined> =>
  (await asker.request<PresenceReply>({ type: 'presence.get', userIds: [who.user.id] })).items[0]?.online

export const heardOf = (socket: RawSocket, who: SignedIn) =>
  socket
    .of('presence.changed')
    .filter(({ userId }) => userId === who.user.id)
    .map(({ online }) => online)
