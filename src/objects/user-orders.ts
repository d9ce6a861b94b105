import { conversationOfOrder, isChange, type Order } from '../core/orders.ts'
import { refuse, type Refusal } from '../protocol/errors.ts'
import type { Answer } from './batch.ts'
import type { ConversationFeed } from './conversation-feed.ts'
import { Deadlines } from './deadlines.ts'
import { eraseInParts } from './erase-member.ts'
import type { InboxBook } from './inbox-book.ts'
import { ofAnotherTry } from './outcome.ts'
import { postOrders } from './post-orders.ts'
import type { Conversations } from './stubs.ts'
import { UpwardQueue } from './upward-queue.ts'

type Deps = { userId: number; conversations: Conversations; inbox: InboxBook; feed: ConversationFeed }

/** What one user asks of conversations: it goes to each in the order in which it was asked, and what it brought about comes back to the feed. */
export class UserOrders {
  readonly #deps: Deps
  readonly #deadlines = new Deadlines()
  readonly #upward = new UpwardQueue(this.#deadlines, (conversationId, orders) => this.#post(conversationId, orders))
  /** Tells the turns of this life of the hub from those of an earlier one. */
  readonly #life = crypto.randomUUID().slice(0, 8)
  #posts = 0
  /** The account is being erased: nothing more is said in its name. */
  #isEnding = false

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** Nothing may be awaited before the queue takes the order, or a sender's messages could change places. */
  submit(order: Order, isOver?: () => boolean): Promise<Answer> {
    const conversationId = conversationOfOrder(order)
    if (this.#isEnding || !this.#deps.inbox.has(conversationId)) {
      return Promise.resolve(refuse('conversation.not_found'))
    }
    return this.#upward.submit(conversationId, order, isOver)
  }

  /** Erases everywhere what the user wrote. Doing it again finishes what an earlier try left undone. */
  async erase(): Promise<Refusal | null> {
    const { inbox } = this.#deps
    this.#isEnding = true
    try {
      for (const conversationId of inbox.everIn()) {
        const refusal = await eraseInParts(conversationId, (order) => this.#upward.submit(conversationId, order))
        if (refusal) return refusal
        inbox.forget(conversationId)
      }
      return null
    } finally {
      this.#isEnding = false
    }
  }

  async #post(conversationId: number, orders: Order[]): Promise<Answer[]> {
    const { userId, conversations, inbox, feed } = this.#deps
    if (orders.some(isChange)) inbox.expectChange(conversationId)
    const { submitted, outcome } = await postOrders(conversations, {
      deadlines: this.#deadlines,
      conversationId,
      userId,
      orders,
      turn: { hub: this.#life, n: (this.#posts += 1) },
      onLate: ({ rev }) => {
        inbox.doubt(conversationId)
        feed.gaps.watch(conversationId, rev)
      },
    })
    inbox.expectNoMore(conversationId)
    feed.receive(submitted.batch)
    // What an unanswered try had done came back to nobody. A private mark is in no frame at all: only the conversation can tell.
    if (outcome !== 'at once') inbox.doubt(conversationId)
    if (outcome === 'again') await feed.gaps.fill(conversationId)
    else if (outcome === 'in vain') feed.gaps.suspect(conversationId)
    else feed.gaps.watch(conversationId, submitted.rev)
    return outcome === 'again' ? ofAnotherTry(submitted.answers) : submitted.answers
  }
}
