import type { Held } from './history.ts'
import { SEQ_SPAN, reactionsText, textOf, type WireChanges, type WireEvent, type WireMessage } from './wire.ts'

/** What one client holds of one conversation, kept by the rules of the protocol alone. */
export class Copy {
  readonly epoch: string
  readonly messages = new Map<number, Held>()
  rev = 0
  /** The greatest revision that there is, as far as was heard. */
  head = 0
  readSeq: number
  isPulling = false
  /** Events that came before one that is missing, or while a pull was under way. */
  #early: WireEvent[] = []

  constructor(start: { epoch: string; readSeq: number }) {
    this.epoch = start.epoch
    this.readSeq = start.readSeq
  }

  /** Takes an event; answers whether something before it is missing. */
  apply(event: WireEvent): boolean {
    if (event.rev <= this.rev) return false
    if (!this.isPulling && event.rev === this.rev + 1) {
      this.#change(event)
      return false
    }
    this.#early.push(event)
    return !this.isPulling
  }

  take(changes: WireChanges): void {
    for (const message of changes.messages) this.#put(message)
    this.rev = Math.max(this.rev, changes.rev)
  }

  /** Notes that a revision exists; answers whether something is missing that nobody asks for yet. */
  hear(rev: number): boolean {
    this.head = Math.max(this.head, rev)
    return rev > this.rev && !this.isPulling
  }

  /** After a pull: applies what came meanwhile; answers whether something is still missing. */
  catchUp(): boolean {
    const early = this.#early.filter(({ rev }) => rev > this.rev).toSorted((a, b) => a.rev - b.rev)
    this.#early = []
    for (const event of early) {
      if (event.rev <= this.rev) continue
      if (event.rev === this.rev + 1) this.#change(event)
      else this.#early.push(event)
    }
    return this.#early.length > 0 || this.rev < this.head
  }

  /** The connection is gone: what waited for something missing is asked for by the next. */
  forgetEarly(): void {
    this.#early = []
  }

  #change(event: WireEvent): void {
    this.rev = event.rev
    if (event.message) this.#put(event.message)
    if (event.type !== 'reaction.changed' || event.messageId === undefined) return
    const seq = event.messageId % SEQ_SPAN
    const held = this.messages.get(seq)
    if (held) this.messages.set(seq, { ...held, rev: event.rev, reactions: reactionsText(event.reactions ?? []) })
  }

  #put(message: WireMessage): void {
    const { seq, rev } = message
    if ((this.messages.get(seq)?.rev ?? 0) > rev) return
    this.messages.set(seq, { seq, rev, text: textOf(message), reactions: reactionsText(message.reactions) })
  }
}
