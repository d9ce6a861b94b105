import type { NativeClient } from './guest.ts'

/** Listens to one conversation on one socket from `hello` on: what is said must come once, in the order of `seq`, without a gap. */
export class Ear {
  /** Messages that were told as new. */
  count = 0
  doubled = 0
  disordered = 0
  /** The last one up to which this socket was told everything. */
  #seq: number

  constructor(client: NativeClient, conversationId: number) {
    this.#seq = client.hello.conversations?.find(({ conversation }) => conversation.id === conversationId)?.seq ?? 0
    const heard = new Set<number>()
    client.hear = ({ type, message }) => {
      if (type !== 'message.created' || !message) return
      this.count += 1
      if (heard.has(message.seq)) this.doubled += 1
      else if (message.seq !== this.#seq + 1) this.disordered += 1
      heard.add(message.seq)
      this.#seq = Math.max(this.#seq, message.seq)
    }
  }

  get seq(): number {
    return this.#seq
  }
}
