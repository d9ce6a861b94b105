import type { Order } from '../core/orders.ts'
import { isOverloaded } from '../directory/insist.ts'
import { logFault } from '../directory/faults.ts'
import { countFault } from '../directory/metrics.ts'
import type { Submitted } from './batch.ts'
import { LATER } from './outcome.ts'
import type { Conversations } from './stubs.ts'
import type { Turn } from './turns.ts'
import type { Deadlines } from './deadlines.ts'
import { within } from './within.ts'

const PAUSES_MS = [50, 200, 800]
/** Longer than a call of its own that the conversation may wait for. */
const ANSWER_LIMIT_MS = 8_000

/**
 * Posts a batch of orders to a conversation. A failed try is repeated with a fresh stub: sending is idempotent by `clientId`, and
 * every other order by nature, or by its turn. The answer to a try that was given up goes to `onLate`, if it comes after all. `outcome` says
 * whether an earlier try, or any at all, may have done its work without an answer.
 */
export const postOrders = async (
  conversations: Conversations,
  input: {
    conversationId: number
    userId: number
    orders: Order[]
    turn?: Turn
    deadlines?: Deadlines
    onLate?: (submitted: Submitted) => void
  },
): Promise<{ submitted: Submitted; outcome: 'at once' | 'again' | 'in vain' }> => {
  const { conversationId, userId, orders, turn, deadlines } = input
  for (let tries = 0; ; tries += 1) {
    let call: Promise<Submitted> | null = null
    try {
      call = conversations.get(conversationId).submit({ userId, orders, ...(turn && { turn }) })
      const submitted = await within(ANSWER_LIMIT_MS, call, deadlines)
      return { submitted, outcome: tries > 0 ? 'again' : 'at once' }
    } catch (error) {
      conversations.drop(conversationId)
      call?.then(input.onLate, () => undefined)
      const pause = PAUSES_MS[tries]
      if (pause === undefined || isOverloaded(error)) {
        logFault('post.failed', error, { conversationId, userId, tries })
        return {
          submitted: {
            answers: orders.map(() => LATER),
            batch: { conversationId, epoch: '', revs: [], frames: [] },
            rev: 0,
          },
          outcome: 'in vain',
        }
      }
      countFault('post.repeated')
      await new Promise((resolve) => setTimeout(resolve, pause))
    }
  }
}
