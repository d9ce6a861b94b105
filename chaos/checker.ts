import { checkDeliveries } from './check-deliveries.ts'
import { checkCopy, checkReading, checkSameReading } from './check-readings.ts'
import type { Entry, Got, Invoke, Message, Reading } from './history.ts'
import { Evidence, keyOf, SEQ_SPAN, type Sent, type Socket, type Span, type Step, type Violation } from './evidence.ts'

/**
 * Says what a history shows that must not be. It knows nothing of how the server works: only what was asked, what was answered, what was
 * received, and what can be read in the end. An attempt without an answer may have had its effect or not.
 */
export class Checker {
  readonly #evidence = new Evidence()
  /** The log of each conversation, as the first to read it in the end found it. */
  readonly #logs = new Map<number, Reading>()
  readonly #readings = new Map<string, Reading>()
  readonly #copies = new Set<string>()
  readonly #live: { who: number; device: string }[] = []
  readonly #violations: Violation[] = []
  readonly #counts = new Map<string, number>()
  #lastOp = 0

  /** Takes the next entry. Copies come last, and the readings just before them. */
  take(entry: Entry): void {
    switch (entry.e) {
      case 'conversation':
        this.#evidence.members.set(entry.c, new Set(entry.memberIds))
        break
      case 'invoke':
        this.#invoke(entry)
        break
      case 'ok':
        this.#ok(entry)
        break
      case 'fail':
      case 'unknown':
        this.#notDone(entry)
        break
      case 'open': {
        const { who, session } = entry
        const nothing = { revs: new Map(), created: new Set<number>(), spans: new Map(), isDocumented: false }
        this.#evidence.sockets.set(entry.socket, { who, session, ...nothing })
        break
      }
      case 'got':
        this.#got(entry)
        break
      case 'heard':
        this.#heard(entry)
        break
      case 'begin':
        this.#evidence.sockets.get(entry.socket)?.spans.get(entry.c)?.push(newSpan())
        break
      case 'epoch':
        this.#epoch(entry.c, entry.epoch)
        break
      case 'crash':
        this.#report('server.fault', entry.what)
        break
      case 'live':
        this.#live.push(entry)
        break
      case 'reading':
        this.#reading(entry)
        break
      case 'copy':
        this.#copies.add(`${entry.device}/${entry.c}`)
        this.#all(checkCopy(entry, this.#readings.get(`${entry.who}/${entry.c}`)))
        break
      case 'close':
      case 'fault':
        break
    }
  }

  /** What is wrong, once everything was taken. */
  finish(): Violation[] {
    for (const [c, all] of this.#evidence.sent) for (const [key, sent] of all) this.#checkSent(c, { key, sent })
    for (const [c, seen] of this.#evidence.seen) {
      const log = this.#logs.get(c)
      for (const [seq, message] of seen) {
        const stored = log?.messages[seq - 1]
        if (stored && stored.id === message.id) continue
        this.#report('received.lost', `${c}/${seq}: somebody received message ${message.id}, which is not there`)
      }
    }
    for (const id of this.#evidence.heard) {
      const log = this.#logs.get(Math.floor(id / SEQ_SPAN))
      if (log?.messages[(id % SEQ_SPAN) - 1]?.id === id) continue
      this.#report('received.lost', `somebody heard message ${id}, which is not there`)
    }
    for (const told of this.#evidence.sockets) {
      const { looked, missing } = checkDeliveries(told, { evidence: this.#evidence, logs: this.#logs })
      this.#count('deliveries that had to come', looked)
      this.#all(missing)
    }
    this.#checkLanes()
    for (const { who, device } of this.#live) {
      for (const { who: reader, c } of this.#readings.values()) {
        if (reader !== who || this.#copies.has(`${device}/${c}`)) continue
        this.#report('copy.missing', `${device} holds nothing of conversation ${c}`)
      }
    }
    return this.#violations
  }

  /** How many of each kind were looked at: a check that saw nothing shows nothing. */
  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts)
  }

  #invoke(entry: Invoke): void {
    const evidence = this.#evidence
    evidence.ops.set(entry.op, entry)
    this.#lastOp = Math.max(this.#lastOp, entry.op)
    this.#count(`attempts: ${entry.do}`)
    if (evidence.ended.has(entry.session)) evidence.late.add(entry.op)
    const place = 'c' in entry ? evidence.place(entry.c, entry.who) : null
    if (place?.phase === 'removed') evidence.afterRemoval.add(entry.op)
    switch (entry.do) {
      case 'send': {
        const key = keyOf(entry.who, entry.clientId)
        const sent = evidence.sentIn(entry.c).get(key) ?? newSent(entry)
        if (sent.texts.size > 0) this.#count('repeats')
        sent.texts.set(entry.text, (sent.texts.get(entry.text) ?? 0) + 1)
        evidence.sentIn(entry.c).set(key, sent)
        if (entry.lane !== null) {
          const step: Step = { key, c: entry.c, hasStored: false, outcome: 'open' }
          evidence.laneOf(`${entry.lane}/${entry.c}`).push(step)
          evidence.steps.set(entry.op, step)
        }
        break
      }
      case 'edit':
        evidence.changesOf(entry.id).edits.set(entry.op, { text: entry.text, outcome: 'open', rev: 0 })
        break
      case 'delete':
        evidence.changesOf(entry.id).deletes.set(entry.op, 'open')
        break
      case 'react':
      case 'unreact':
        evidence.changesOf(entry.id).reactions.set(entry.op, {
          who: entry.who,
          emoji: entry.emoji,
          added: entry.do === 'react',
          outcome: 'open',
        })
        break
      case 'read':
        break
      case 'remove':
        evidence.place(entry.c, entry.userId).phase = 'leaving'
        break
      case 'add': {
        const added = evidence.place(entry.c, entry.userId)
        added.phase = 'coming'
        added.leftAt = null
        added.heard = []
        break
      }
      case 'revoke':
        break
    }
  }

  #ok(entry: Extract<Entry, { e: 'ok' }>): void {
    const evidence = this.#evidence
    const invoke = evidence.ops.get(entry.op)
    if (!invoke) return
    evidence.ops.delete(entry.op)
    this.#count(`acknowledged: ${invoke.do}`)
    if (evidence.late.has(entry.op)) {
      this.#report('revoked.acked', `${invoke.do} of session ${invoke.session} was taken after the session had ended`)
    }
    if (evidence.afterRemoval.has(entry.op)) {
      this.#report('removed.acked', `${invoke.do} of ${invoke.who} was taken after their removal`)
    }
    const { id = 0, seq = 0, rev = 0 } = entry
    switch (invoke.do) {
      case 'send': {
        const sent = evidence.sentIn(invoke.c).get(keyOf(invoke.who, invoke.clientId))
        if (!sent) break
        if (!sent.acked) this.#count('acknowledged messages')
        else if (entry.repeated === true) this.#count('repeats answered')
        if (sent.acked && (sent.acked.id !== id || sent.acked.seq !== seq)) {
          this.#report('repeat.differs', `${invoke.clientId}: first ${sent.acked.id}, then ${id}`)
        }
        sent.acked ??= { id, seq }
        const step = evidence.steps.get(entry.op)
        if (step) Object.assign(step, { outcome: 'ok', hasStored: entry.repeated !== true })
        evidence.steps.delete(entry.op)
        break
      }
      case 'edit': {
        const edit = evidence.changesOf(invoke.id).edits.get(entry.op)
        if (edit) Object.assign(edit, { outcome: 'ok', rev })
        break
      }
      case 'delete':
        evidence.changesOf(invoke.id).deletes.set(entry.op, 'ok')
        break
      case 'react':
      case 'unreact': {
        const reaction = evidence.changesOf(invoke.id).reactions.get(entry.op)
        if (reaction) reaction.outcome = 'ok'
        break
      }
      case 'read': {
        const key = `${invoke.c}/${invoke.who}`
        evidence.reads.set(key, Math.max(evidence.reads.get(key) ?? 0, Math.min(seq, invoke.seq)))
        break
      }
      case 'remove': {
        const place = evidence.place(invoke.c, invoke.userId)
        if (place.phase !== 'leaving') break
        place.phase = 'removed'
        place.removedOp = this.#lastOp
        break
      }
      case 'add': {
        const place = evidence.place(invoke.c, invoke.userId)
        if (place.phase === 'coming') place.phase = 'in'
        place.joinedAt = Math.max(place.joinedAt, rev)
        break
      }
      case 'revoke':
        evidence.ended.set(invoke.ended, this.#lastOp)
        break
    }
  }

  #notDone(entry: Extract<Entry, { e: 'fail' | 'unknown' }>): void {
    const evidence = this.#evidence
    const invoke = evidence.ops.get(entry.op)
    if (!invoke) return
    evidence.ops.delete(entry.op)
    this.#count(entry.e === 'fail' ? `refused: ${entry.code}` : `unknown: ${invoke.do}`)
    if (invoke.do === 'send') {
      const step = evidence.steps.get(entry.op)
      // Who was told to come later has its place where it came again.
      const isRefused = entry.e === 'fail' || entry.why === 'server.unavailable'
      if (step) step.outcome = isRefused ? 'fail' : 'unknown'
      evidence.steps.delete(entry.op)
    }
    if (entry.e === 'unknown') return
    if (invoke.do === 'send') {
      const texts = evidence.sentIn(invoke.c).get(keyOf(invoke.who, invoke.clientId))?.texts
      texts?.set(invoke.text, (texts.get(invoke.text) ?? 1) - 1)
    } else if ('id' in invoke) {
      const changes = evidence.changesOf(invoke.id)
      changes.edits.delete(entry.op)
      changes.deletes.delete(entry.op)
      changes.reactions.delete(entry.op)
    }
  }

  #got(event: Got): void {
    const { c, rev, what, message, member } = event
    const socket = this.#evidence.sockets.get(event.socket)
    if (!socket) return
    this.#count('deliveries')
    const where = `${c}, revision ${rev}, socket ${event.socket} of ${socket.who}`
    // A mark that is nobody else's has no revision.
    if (rev > 0) {
      if (rev < (socket.revs.get(c) ?? 0)) this.#report('order.backward', `${where}: after ${socket.revs.get(c)}`)
      socket.revs.set(c, Math.max(rev, socket.revs.get(c) ?? 0))
    }
    if (message) {
      if (what === 'message.created') {
        this.#toldAsNew(socket, message.id, where)
      } else if (what === 'message.updated' && !socket.created.has(message.id)) {
        if (message.seq > (socket.spans.get(c)?.at(-1)?.first ?? Number.POSITIVE_INFINITY)) {
          this.#report('delivery.unannounced', `${where}: message ${message.id} came as a change`)
        }
      }
      this.#see(c, message, where)
      const sent = this.#evidence.sentIn(c).get(keyOf(message.sender, message.clientId))
      if (what === 'message.created') this.#checkNotForThem(event, { who: socket.who, session: socket.session, sent })
    }
    const own = this.#evidence.place(c, socket.who)
    if (own.phase === 'leaving' || own.phase === 'removed') {
      own.heard.push(rev)
      this.#checkHeard(c, socket.who)
    }
    if (!member?.left) return
    const place = this.#evidence.place(c, member.userId)
    if (place.phase === 'in' || place.phase === 'coming' || rev <= place.joinedAt) return
    place.leftAt = Math.max(rev, place.leftAt ?? 0)
    this.#checkHeard(c, member.userId)
  }

  #heard({ socket: number, id }: Extract<Entry, { e: 'heard' }>): void {
    const socket = this.#evidence.sockets.get(number)
    if (!socket) return
    this.#count('deliveries')
    this.#count('deliveries over the documented APIs')
    this.#toldAsNew(socket, id, `socket ${number} of ${socket.who}`)
    socket.isDocumented = true
    this.#evidence.heard.add(id)
  }

  #toldAsNew(socket: Socket, id: number, where: string): void {
    if (socket.created.has(id)) this.#report('delivery.doubled', `${where}: message ${id}`)
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
    if (!sent) return this.#report('message.unsent', `${c}: received ${message?.id}, which nobody had sent`)
    const at = sent.firstOp
    const place = this.#evidence.place(c, who)
    if (place.phase === 'removed' && at > place.removedOp) {
      this.#report('removed.heard', `${c}: ${who} received message ${message?.id} after their removal`)
    }
    const endedOp = this.#evidence.ended.get(session)
    if (endedOp !== undefined && at > endedOp) {
      this.#report('revoked.heard', `${c}: session ${session} received message ${message?.id} after its end`)
    }
  }

  #checkHeard(c: number, who: number): void {
    const { heard, leftAt } = this.#evidence.place(c, who)
    if (leftAt === null) return
    const beyond = heard.find((rev) => rev > leftAt)
    if (beyond === undefined) return
    this.#report('removed.heard', `${c}: ${who} left at revision ${leftAt} and received revision ${beyond}`)
    this.#evidence.place(c, who).heard = []
  }

  /** Everybody must see the same message at the same place. */
  #see(c: number, message: Pick<Message, 'seq' | 'id' | 'sender' | 'clientId'>, where: string): void {
    const seen = this.#evidence.seenIn(c)
    const before = seen.get(message.seq)
    if (!before) {
      const { seq, id, sender, clientId } = message
      seen.set(seq, { seq, id, sender, clientId })
    } else if (before.id !== message.id || before.clientId !== message.clientId || before.sender !== message.sender) {
      this.#report('order.differs', `${where}: ${message.clientId} at ${message.seq}, others saw ${before.clientId}`)
    }
  }

  #epoch(c: number, epoch: string): void {
    const known = this.#evidence.epochs.get(c)
    if (known === undefined) this.#evidence.epochs.set(c, epoch)
    else if (known !== epoch) this.#report('epoch.changed', `${c}: ${known}, then ${epoch}`)
  }

  #reading(reading: Reading): void {
    this.#count('readings')
    this.#epoch(reading.c, reading.epoch)
    this.#readings.set(`${reading.who}/${reading.c}`, reading)
    const log = this.#logs.get(reading.c)
    if (log) {
      this.#all(checkSameReading(reading, log))
      // What is the same need not be kept twice.
      reading.messages = log.messages
    } else {
      this.#logs.set(reading.c, reading)
      for (const message of reading.messages) this.#see(reading.c, message, `the log of ${reading.c}`)
    }
    this.#all(checkReading(reading, { evidence: this.#evidence, isFirst: !log }))
  }

  #checkSent(c: number, { key, sent }: { key: string; sent: Sent }): void {
    if (!sent.acked) return
    const log = this.#logs.get(c)
    if (!log) return this.#report('reading.missing', `nobody could read conversation ${c}`)
    const stored = log.messages[sent.acked.seq - 1]
    if (stored?.id === sent.acked.id && keyOf(stored.sender, stored.clientId) === key) return
    this.#report('ack.lost', `${c}/${sent.acked.seq}: ${key} was acknowledged as ${sent.acked.id} and is not there`)
  }

  #checkLanes(): void {
    const places = new Map<string, number>()
    for (const log of this.#logs.values()) {
      for (const { sender, clientId, seq } of log.messages) places.set(`${log.c}/${keyOf(sender, clientId)}`, seq)
    }
    for (const [name, steps] of this.#evidence.lanes) {
      let before = { seq: 0, key: '' }
      for (const { c, key, hasStored, outcome } of steps) {
        const seq = places.get(`${c}/${key}`)
        if (seq === undefined || outcome === 'fail') continue
        if (hasStored && seq < before.seq) {
          this.#report('sender.reordered', `${name}: ${key} at ${seq}, sent after ${before.key} at ${before.seq}`)
        }
        if (seq > before.seq) before = { seq, key }
      }
    }
  }

  #count(what: string, by = 1): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + by)
  }

  #report(kind: Violation['kind'], detail: string): void {
    this.#violations.push({ kind, detail })
  }

  #all(violations: Violation[]): void {
    for (const { kind, detail } of violations) this.#report(kind, detail)
  }
}

const newSpan = (): Span => ({ first: Number.POSITIVE_INFINITY, last: 0 })

const newSent = (entry: Extract<Invoke, { do: 'send' }>): Sent => ({
  firstOp: entry.op,
  texts: new Map(),
  acked: null,
})

/** The whole of it at once. */
export const check = (entries: Iterable<Entry>): Violation[] => {
  const checker = new Checker()
  for (const entry of entries) checker.take(entry)
  return checker.finish()
}
