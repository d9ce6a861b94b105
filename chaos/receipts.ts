import { type Evidence, keyOf, type Sent, type Socket, type Span } from './evidence.ts'
import type { Findings } from './findings.ts'
import type { Entry, Got, Message } from './history.ts'
import { SEQ_SPAN } from './wire.ts'

/** What came to the sockets: its order, that nothing comes twice or differs from what others saw, and that nobody hears what is not for them. */
export class Receipts {
  readonly #evidence: Evidence
  readonly #findings: Findings

  constructor(evidence: Evidence, findings: Findings) {
    this.#evidence = evidence
    this.#findings = findings
  }

  open({ socket, who, session }: Extract<Entry, { e: 'open' }>): void {
    const nothing = {
      revs: new Map(),
      created: new Set<number>(),
      spans: new Map(),
      isDocumented: false,
    }
    this.#evidence.sockets.set(socket, { who, session, ...nothing })
  }

  /** From here on this socket is to hear all of the conversation that is new. */
  begin({ socket, c }: Extract<Entry, { e: 'begin' }>): void {
    this.#evidence.sockets.get(socket)?.spans.get(c)?.push(newSpan())
  }

  got(event: Got): void {
    const { c, rev, what, message, member } = event
    const socket = this.#evidence.sockets.get(event.socket)
    if (!socket) return
    this.#findings.count('deliveries')
    const where = `${c}, revision ${rev}, socket ${event.socket} of ${socket.who}`
    // A mark that is nobody else's has no revision.
    if (rev > 0) this.#checkRevision(socket, event, where)
    if (message) {
      if (what === 'message.created') {
        this.#toldAsNew(socket, message.id, where)
      } else if (what === 'message.updated' && !socket.created.has(message.id)) {
        if (message.seq > (socket.spans.get(c)?.at(-1)?.first ?? Number.POSITIVE_INFINITY)) {
          this.#findings.report('delivery.unannounced', `${where}: message ${message.id} came as a change`)
        }
      }
      this.see(c, message, where)
      const sent = this.#evidence.sentIn(c).get(keyOf(message.sender, message.clientId))
      if (what === 'message.created') this.#checkNotForThem(event, { who: socket.who, session: socket.session, sent })
    }
    const own = this.#evidence.membership(c, socket.who)
    if (own.phase === 'leaving' || own.phase === 'removed') {
      own.heard.push(rev)
      this.#checkHeard(c, socket.who)
    }
    if (!member?.left) return
    const membership = this.#evidence.membership(c, member.userId)
    if (membership.phase === 'in' || membership.phase === 'coming' || rev <= membership.joinedAt) return
    membership.leftAt = Math.max(rev, membership.leftAt ?? 0)
    this.#checkHeard(c, member.userId)
  }

  heard({ socket: number, id }: Extract<Entry, { e: 'heard' }>): void {
    const socket = this.#evidence.sockets.get(number)
    if (!socket) return
    this.#findings.count('deliveries')
    this.#findings.count('deliveries over the documented APIs')
    const where = `socket ${number} of ${socket.who}`
    const [c, seq] = [Math.floor(id / SEQ_SPAN), id % SEQ_SPAN]
    const head = socket.spans.get(c)?.at(-1)?.last ?? 0
    if (seq < head) this.#findings.report('order.backward', `${where}: message ${c}/${seq} after ${head}`)
    this.#toldAsNew(socket, id, where)
    socket.isDocumented = true
    this.#evidence.heard.add(id)
    this.#noteHeardLate(socket, id, where)
  }

  /** It says no name, so when it was first sent is known only once the log is read. */
  #noteHeardLate({ who, session }: Socket, id: number, where: string): void {
    const { phase, removedOp } = this.#evidence.membership(Math.floor(id / SEQ_SPAN), who)
    if (phase === 'removed') this.#evidence.heardLate.push({ kind: 'removed.heard', where, id, since: removedOp })
    const since = this.#evidence.ended.get(session)
    if (since !== undefined) this.#evidence.heardLate.push({ kind: 'revoked.heard', where, id, since })
  }

  #checkRevision(socket: Socket, { c, rev, what, message }: Got, where: string): void {
    const last = socket.revs.get(c) ?? { rev: 0, events: new Set() }
    if (rev < last.rev) return this.#findings.report('order.backward', `${where}: after ${last.rev}`)
    const event = `${what} ${message?.id ?? ''}`
    // A message that is told as new twice is found where it is told.
    if (rev === last.rev && what !== 'message.created' && last.events.has(event))
      this.#findings.report('delivery.doubled', `${where}: ${event}`)
    socket.revs.set(c, { rev, events: rev === last.rev ? last.events.add(event) : new Set([event]) })
  }

  /** Everybody must see the same message at the same place. */
  see(c: number, message: Pick<Message, 'seq' | 'id' | 'sender' | 'clientId'>, where: string): void {
    const seen = this.#evidence.seenIn(c)
    const before = seen.get(message.seq)
    if (!before) {
      const { seq, id, sender, clientId } = message
      seen.set(seq, { seq, id, sender, clientId })
    } else if (before.id !== message.id || before.clientId !== message.clientId || before.sender !== message.sender) {
      this.#findings.report(
        'order.differs',
        `${where}: ${message.clientId} at ${message.seq}, others saw ${before.clientId}`,
      )
    }
  }

  #toldAsNew(socket: Socket, id: number, where: string): void {
    if (socket.created.has(id)) this.#findings.report('delivery.doubled', `${where}: message ${id}`)
    socket.created.add(id)
    const [c, seq] = [Math.floor(id / SEQ_SPAN), id % SEQ_SPAN]
    const spans = socket.spans.get(c) ?? [newSpan()]
    socket.spans.set(c, spans)
    const span = spans.at(-1)
    if (span) Object.assign(span, { first: Math.min(seq, span.first), last: Math.max(seq, span.last) })
  }

  /** What was first sent after somebody's removal, or after the end of a session, was answered can have no business there. */
  #checkNotForThem(event: Got, to: { who: number; session: string; sent: Sent | undefined }): void {
    const { who, session, sent } = to
    const { c, message } = event
    if (!sent) return this.#findings.report('message.unsent', `${c}: received ${message?.id}, which nobody had sent`)
    const at = sent.firstOp
    const membership = this.#evidence.membership(c, who)
    if (membership.phase === 'removed' && at > membership.removedOp) {
      this.#findings.report('removed.heard', `${c}: ${who} received message ${message?.id} after their removal`)
    }
    const endedOp = this.#evidence.ended.get(session)
    if (endedOp !== undefined && at > endedOp) {
      this.#findings.report('revoked.heard', `${c}: session ${session} received message ${message?.id} after its end`)
    }
  }

  #checkHeard(c: number, who: number): void {
    const { heard, leftAt } = this.#evidence.membership(c, who)
    if (leftAt === null) return
    const beyond = heard.find((rev) => rev > leftAt)
    if (beyond === undefined) return
    this.#findings.report('removed.heard', `${c}: ${who} left at revision ${leftAt} and received revision ${beyond}`)
    this.#evidence.membership(c, who).heard = []
  }
}

const newSpan = (): Span => ({ first: Number.POSITIVE_INFINITY, last: 0 })
