import { checkDeliveries } from './check-deliveries.ts'
import { checkCopy, checkReading, checkSameReading } from './check-readings.ts'
import { Attempts } from './attempts.ts'
import { Evidence, keyOf, type Sent, type Violation } from './evidence.ts'
import { Findings } from './findings.ts'
import type { Entry, Reading } from './history.ts'
import { Receipts } from './receipts.ts'
import { SEQ_SPAN } from './wire.ts'

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
  readonly #findings = new Findings()
  readonly #attempts = new Attempts(this.#evidence, this.#findings)
  readonly #receipts = new Receipts(this.#evidence, this.#findings)

  /** Takes the next entry. Copies come last, and the readings just before them. */
  take(entry: Entry): void {
    switch (entry.e) {
      case 'conversation':
        this.#evidence.members.set(entry.c, new Set(entry.memberIds))
        break
      case 'invoke':
        this.#attempts.begin(entry)
        break
      case 'ok':
        this.#attempts.succeed(entry)
        break
      case 'fail':
      case 'unknown':
        this.#attempts.fail(entry)
        break
      case 'open':
        this.#receipts.open(entry)
        break
      case 'got':
        this.#receipts.got(entry)
        break
      case 'heard':
        this.#receipts.heard(entry)
        break
      case 'begin':
        this.#receipts.begin(entry)
        break
      case 'epoch':
        this.#epoch(entry.c, entry.epoch)
        break
      case 'crash':
        this.#findings.report('server.fault', entry.what)
        break
      case 'live':
        this.#live.push(entry)
        break
      case 'reading':
        this.#reading(entry)
        break
      case 'copy':
        this.#copies.add(`${entry.device}/${entry.c}`)
        this.#findings.all(checkCopy(entry, this.#readings.get(`${entry.who}/${entry.c}`)))
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
        this.#findings.report(
          'received.lost',
          `${c}/${seq}: somebody received message ${message.id}, which is not there`,
        )
      }
    }
    for (const id of this.#evidence.heard) {
      const log = this.#logs.get(Math.floor(id / SEQ_SPAN))
      if (log?.messages[(id % SEQ_SPAN) - 1]?.id === id) continue
      this.#findings.report('received.lost', `somebody heard message ${id}, which is not there`)
    }
    for (const { kind, where, id, since } of this.#evidence.heardLate) {
      const c = Math.floor(id / SEQ_SPAN)
      const message = this.#logs.get(c)?.messages[(id % SEQ_SPAN) - 1]
      const sent = message && this.#evidence.sentIn(c).get(keyOf(message.sender, message.clientId))
      if (sent && sent.firstOp > since) this.#findings.report(kind, `${where}: message ${c}/${id % SEQ_SPAN}`)
    }
    for (const told of this.#evidence.sockets) {
      const { looked, missing } = checkDeliveries(told, { evidence: this.#evidence, logs: this.#logs })
      this.#findings.count('deliveries that had to come', looked)
      this.#findings.all(missing)
    }
    this.#checkLanes()
    for (const [c, members] of this.#evidence.members) for (const who of members) this.#checkRead(c, who)
    for (const { who, device } of this.#live) {
      for (const { who: reader, c } of this.#readings.values()) {
        if (reader !== who || this.#copies.has(`${device}/${c}`)) continue
        this.#findings.report('copy.missing', `${device} holds nothing of conversation ${c}`)
      }
    }
    return this.#findings.violations
  }

  get counts(): Record<string, number> {
    return this.#findings.counts
  }

  #epoch(c: number, epoch: string): void {
    const known = this.#evidence.epochs.get(c)
    if (known === undefined) this.#evidence.epochs.set(c, epoch)
    else if (known !== epoch) this.#findings.report('epoch.changed', `${c}: ${known}, then ${epoch}`)
  }

  #reading(reading: Reading): void {
    this.#findings.count('readings')
    this.#epoch(reading.c, reading.epoch)
    this.#readings.set(`${reading.who}/${reading.c}`, reading)
    const log = this.#logs.get(reading.c)
    if (log) {
      this.#findings.all(checkSameReading(reading, log))
      // What is the same need not be kept twice.
      reading.messages = log.messages
    } else {
      this.#logs.set(reading.c, reading)
      for (const message of reading.messages) this.#receipts.see(reading.c, message, `the log of ${reading.c}`)
    }
    this.#findings.all(checkReading(reading, { evidence: this.#evidence, isFirst: !log }))
  }

  #checkSent(c: number, { key, sent }: { key: string; sent: Sent }): void {
    if (!sent.acked) return
    const log = this.#logs.get(c)
    if (!log) return this.#findings.report('reading.missing', `nobody could read conversation ${c}`)
    const stored = log.messages[sent.acked.seq - 1]
    if (stored?.id === sent.acked.id && keyOf(stored.sender, stored.clientId) === key) return
    this.#findings.report(
      'ack.lost',
      `${c}/${sent.acked.seq}: ${key} was acknowledged as ${sent.acked.id} and is not there`,
    )
  }

  /** Whoever is in a conversation finds it in the inbox. */
  #checkRead(c: number, who: number): void {
    if (this.#evidence.membership(c, who).phase !== 'in' || this.#readings.has(`${who}/${c}`)) return
    this.#findings.report('reading.missing', `${who} is in conversation ${c} and could not read it`)
  }

  #checkLanes(): void {
    const seqs = new Map<string, number>()
    for (const log of this.#logs.values()) {
      for (const { sender, clientId, seq } of log.messages) seqs.set(`${log.c}/${keyOf(sender, clientId)}`, seq)
    }
    for (const [name, steps] of this.#evidence.lanes) {
      let before = { seq: 0, key: '' }
      for (const { c, key, hasStored, outcome } of steps) {
        const seq = seqs.get(`${c}/${key}`)
        if (seq === undefined || outcome === 'fail') continue
        if (hasStored && seq < before.seq) {
          this.#findings.report(
            'sender.reordered',
            `${name}: ${key} at ${seq}, sent after ${before.key} at ${before.seq}`,
          )
        }
        if (seq > before.seq) before = { seq, key }
      }
    }
  }
}
