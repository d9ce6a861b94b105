import type { Order } from '../core/orders.ts'
import type { ConversationKind, InboxEntry } from '../protocol/conversation.ts'
import type { Refusal } from '../protocol/errors.ts'
import type { DirectoryEvent } from '../protocol/events.ts'
import type { Restored } from '../protocol/restoration.ts'
import { type Directory, openDirectory } from './directory.ts'
import { insist } from './insist.ts'
import { logFault } from './faults.ts'

/** Where a user hears of what happened, and keeps a copy of who the friends are. */
export type HubOfUser = {
  notify(event: DirectoryEvent): Promise<void>
  circleChanged(): Promise<void>
  erase(options: { endSessions: boolean }): Promise<Refusal | null>
  charge(price: number): Promise<Refusal | null>
  order(order: Order, sessionId: string | null): Promise<{ ok: true; json: string } | Refusal>
  orderForAnother(order: Order): Promise<{ ok: true; json: string } | Refusal>
}

/** The object of a conversation. */
export type ConversationObject = {
  create(input: FirstMembers): Promise<Created | Refusal>
  isUntold(userId: number): Promise<boolean>
  blocksChanged(): Promise<boolean>
  rewind(time: number): Promise<number[] | Refusal>
  reopen(former: number[]): Promise<Restored>
}

export type FirstMembers = {
  conversationId: number
  kind: ConversationKind
  title: string | null
  userIds: number[]
}

/** The entry of who made it, or null where it was deleted, and the members whose hubs do not know of it yet. */
export type Created = { entry: InboxEntry | null; untold: number[] }

/** What the use cases of the directory work on. `later` is for what need not be done before the answer. */
export type DirectoryContext = {
  db: Directory
  hubOf: (userId: number) => HubOfUser
  conversationOf: (conversationId: number) => ConversationObject
  later: (work: Promise<void>) => void
  now: () => number
}

export const directoryContextOf = (
  env: { DIRECTORY: D1Database },
  reach: Pick<DirectoryContext, 'hubOf' | 'conversationOf' | 'later'>,
): DirectoryContext => ({ db: openDirectory(env), now: Date.now, ...reach })

/** Tells those whom it concerns. Whoever cannot be reached reads the lists again on connecting. */
export const tell = (context: DirectoryContext, userIds: number[], event: DirectoryEvent): void => {
  const { hubOf } = context
  for (const userId of new Set(userIds)) tellLater(context, userId, () => hubOf(userId).notify(event))
}

/** Has somebody told behind the answer. */
export const tellLater = ({ later }: DirectoryContext, userId: number, telling: () => Promise<unknown>): void => {
  const log = (error: unknown) => logFault('notify.failed', error, { level: 'warn', userId })
  later(insist(telling).then(() => undefined, log))
}

const LATER_MS = [1_000, 4_000, 10_000]

/**
 * Does what would stay half done for good where it fails: it is tried again after the answer, which is a failure all the same. The platform
 * lets a request go on for 30 seconds then.
 */
export const seeThrough = async <Result>(
  context: DirectoryContext,
  userId: number,
  work: () => Promise<Result>,
): Promise<Result> => {
  try {
    return await work()
  } catch (error) {
    tryLater(context, userId, work)
    throw error
  }
}

/** A refusal as something to throw, answered by 503 like an object that cannot be reached. */
export const retryable = ({ code }: Refusal): Error => Object.assign(new Error(code), { retryable: true })

/** Does it after the answer, again and again while it fails. */
export const tryLater = ({ later }: DirectoryContext, userId: number, work: () => Promise<unknown>): void =>
  later(tryWithPauses(userId, work))

const tryWithPauses = async (userId: number, work: () => Promise<unknown>): Promise<void> => {
  for (const pause of LATER_MS) {
    await new Promise((resolve) => setTimeout(resolve, pause))
    try {
      await work()
      return
    } catch (error) {
      logFault('left.undone', error, { level: 'warn', userId })
    }
  }
}

/** Has the hubs of two people look again at who is a friend and who is blocked. */
export const refreshCircles = async ({ hubOf }: DirectoryContext, userIds: number[]): Promise<void> => {
  await Promise.all(userIds.map((userId) => insist(() => hubOf(userId).circleChanged())))
}

/** The same, where the answer need not wait for it: a hub looks again by itself when its user comes online. */
export const refreshCirclesLater = (context: DirectoryContext, userIds: number[]): void => {
  for (const userId of userIds) {
    const refreshed = refreshCircles(context, [userId])
    context.later(refreshed.catch((error: unknown) => logFault('circle.stale', error, { level: 'warn', userId })))
  }
}
