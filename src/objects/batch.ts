import type { InboxEntry } from '../protocol/conversation.ts'
import type { Refusal } from '../protocol/errors.ts'

/**
 * Frames of one conversation on their way to one user's hub, each encoded once. `revs[i]` is the revision of `frames[i]` in the log `epoch`,
 * or 0 for a signal that has no place there.
 */
export type Batch = { conversationId: number; epoch: string; revs: number[]; frames: string[] }

/**
 * What happened above `after` up to `upTo`, as far as it still shows: what a hub that missed something gets. `more` says that it goes on above
 * `upTo`.
 */
export type CatchUp = Batch & { after: number; upTo: number; more: boolean }

/** A hub's answer to a delivery: null, or where no socket is open the number of its nap. Do not call it before it wakes from that one. */
export type Nap = number | null

/** When somebody left: the revision, and the log that counts it. Null says that the user is not in, whatever a hub knows. */
export type Left = { epoch: string; rev: number } | null

/** How a user stands in a conversation: the entry of a member's inbox, or when the user left. */
export type EntryAnswer = { entry: InboxEntry } | { entry: null; left: Left }

/** The answer to an order: `json` is the encoded result, made once and spliced into the reply of the socket. */
export type Answer = { ok: true; json: string } | Refusal

/**
 * The answers to a batch of orders, and the events that they made, which are the sender's own delivery. `rev` is the head. Fewer
 * answers than orders mean that no more fitted into one call: the rest was not looked at, and is to be posted again.
 */
export type Submitted = { answers: Answer[]; batch: Batch; rev: number }
