import type { InboxEntry } from '../protocol/conversation.ts'
import type { ServerEvent } from '../protocol/events.ts'
import type { Batch, CatchUp, Left, Nap } from './batch.ts'
import { GapFiller } from './gap-filler.ts'
import type { InboxBook } from './inbox-book.ts'
import { InboxReader } from './inbox-reader.ts'

type Deps = {
  userId: number
  env: Env
  inbox: InboxBook
  /** Whether a socket would hear of it. */
  isHere: () => boolean
  broadcast: (frames: string[]) => void
  tell: (event: ServerEvent) => void
  onJoined: (memberIds: number[]) => void
  onLeft: (memberIds: number[]) => void
  waitUntil: (work: Promise<void>) => void
}

/**
 * What conversations tell one user: it is brought to the sockets in the order of its revisions, and what is missing is asked for. Nothing
 * here awaits, or what came later could be told first.
 */
export class ConversationFeed {
  readonly #deps: Deps
  readonly reader: InboxReader
  readonly gaps: GapFiller

  constructor(deps: Deps) {
    this.#deps = deps
    const { userId, env, inbox, isHere, broadcast } = deps
    this.reader = new InboxReader(env, {
      userId,
      inbox,
      leave: (conversationId, left) => this.leave(conversationId, left),
      join: (entry) => this.#begin(entry),
      learnt: ({ conversation, rev }) => this.gaps.watch(conversation.id, rev),
    })
    this.gaps = new GapFiller({
      userId,
      env,
      inbox,
      isHere,
      broadcast,
      askForLog: (conversationId) => this.reader.askForLog(conversationId),
    })
  }

  deliver(batch: Batch): Nap {
    const { inbox, isHere } = this.#deps
    if (!inbox.has(batch.conversationId)) return null
    if (!isHere()) return inbox.fallAsleep(batch.conversationId)
    this.receive(batch)
    this.gaps.watch(batch.conversationId)
    return null
  }

  deliverCatchUp(catchUp: CatchUp): Nap {
    const { inbox, isHere, broadcast, waitUntil } = this.#deps
    if (!inbox.has(catchUp.conversationId)) return null
    if (!isHere()) return inbox.fallAsleep(catchUp.conversationId)
    // It was made without knowing how far this hub is, so it is asked for anew from there.
    if (inbox.fits(catchUp)) broadcast(inbox.receiveCatchUp(catchUp))
    else waitUntil(this.gaps.fill(catchUp.conversationId))
    return null
  }

  join(entry: InboxEntry): Nap {
    const { inbox, isHere } = this.#deps
    const conversationId = entry.conversation.id
    const asleep = !isHere()
    // A call that comes again, or late, must not take this hub back to where the conversation stood then.
    if (inbox.isOfAnotherLog({ conversationId, epoch: entry.epoch })) {
      this.#askForLog(conversationId)
      return asleep ? inbox.fallAsleep(conversationId) : null
    }
    if (!inbox.has(conversationId)) return this.#begin(entry)
    inbox.joinAgain(entry)
    if (asleep) return inbox.fallAsleep(conversationId)
    // What was said before it was known that the first call had come was told to nobody.
    this.gaps.watch(conversationId, entry.rev)
    return null
  }

  leave(conversationId: number, left: Left, others?: number[]): void {
    const { inbox, tell, onLeft } = this.#deps
    const memberIds = others ?? inbox.entryOnce(conversationId)?.memberIds ?? []
    if (!inbox.leave(conversationId, left)) return
    this.gaps.forget(conversationId)
    tell({ type: 'conversation.deleted', conversationId })
    onLeft(memberIds)
  }

  /** Takes frames to the sockets: those of a delivery, or those that came back with the answers to the user's own orders. */
  receive(batch: Batch): void {
    const isOther = batch.frames.length > 0 && this.#deps.inbox.isOfAnotherLog(batch)
    if (isOther) this.#askForLog(batch.conversationId)
    else this.#deps.broadcast(this.#deps.inbox.receive(batch))
  }

  #begin(entry: InboxEntry): Nap {
    const { inbox, isHere, tell, onJoined } = this.#deps
    if (inbox.hasLeft(entry)) return null
    const asleep = !isHere()
    const nap = inbox.join(entry, { asleep, now: Date.now() })
    if (asleep) return nap
    tell({ type: 'conversation.created', conversationId: entry.conversation.id, entry })
    onJoined(entry.memberIds)
    return null
  }

  /**
   * What came is of another log than the one that is followed. It is from before a restoration, or newer than what this hub knows: only the
   * conversation can tell.
   */
  #askForLog(conversationId: number): void {
    const { inbox, isHere, waitUntil } = this.#deps
    inbox.doubt(conversationId)
    if (!isHere()) return
    waitUntil(this.reader.askForLog(conversationId))
    // Where it could not be asked, it is in a moment.
    this.gaps.suspect(conversationId)
  }
}
