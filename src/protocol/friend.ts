import * as z from 'zod'
import { UserId } from './ids.ts'
import { pageOf } from './page.ts'
import { Timestamp } from './text.ts'
import { User } from './user.ts'

/** Somebody who accepted, or whose request was accepted. */
export const Friend = z.object({ user: User, since: Timestamp })
export type Friend = z.infer<typeof Friend>
export const FriendPage = pageOf(Friend)
export type FriendPage = z.infer<typeof FriendPage>

/** One person asks another to be friends. It is open until it is answered or taken back. */
export const FriendRequest = z.object({
  id: z.int().positive(),
  from: User,
  to: User,
  createdAt: Timestamp,
})
export type FriendRequest = z.infer<typeof FriendRequest>

/** The caller's open requests, both ways. */
export const FriendRequestPage = pageOf(FriendRequest)
export type FriendRequestPage = z.infer<typeof FriendRequestPage>

/** `POST /v1/friend-requests`. Where the other has asked already, this accepts. */
export const NewFriendRequest = z.strictObject({ userId: UserId })

/** What came of asking: an open request, or a friendship where the other had asked before. */
export const FriendRequestOutcome = z.discriminatedUnion('state', [
  z.object({ state: z.literal('pending'), request: FriendRequest }),
  z.object({ state: z.literal('friends'), friend: Friend }),
])
export type FriendRequestOutcome = z.infer<typeof FriendRequestOutcome>

/** Somebody the caller has blocked: no direct messages, requests or invitations between the two, and no presence. */
export const Block = z.object({ user: User, since: Timestamp })
export type Block = z.infer<typeof Block>
export const BlockPage = pageOf(Block)
export type BlockPage = z.infer<typeof BlockPage>
