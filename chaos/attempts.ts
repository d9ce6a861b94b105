import { type Evidence, keyOf, type Sent, type Step } from './evidence.ts'
import type { Findings } from './findings.ts'
import type { Entry, Invoke } from './history.ts'

/** What clients asked, and what they were answered: attempts that should have been refused, and repeats that were answered otherwise. */
export class Attempts {
  readonly #evidence: Evidence
  readonly #findings: Findings
  #lastOp = 0

  constructor(evidence: Evidence, findings: Findings) {
    this.#evidence = evidence
    this.#findings = findings
  }

  begin(entry: Invoke): void {
    const evidence = this.#evidence
    evidence.ops.set(entry.op, entry)
    this.#lastOp = Math.max(this.#lastOp, entry.op)
    this.#findings.count(`attempts: ${entry.do}`)
    if (evidence.ended.has(entry.session)) evidence.late.add(entry.op)
    const membership = 'c' in entry ? evidence.membership(entry.c, entry.who) : null
    if (membership?.phase === 'removed') evidence.afterRemoval.add(entry.op)
    switch (entry.do) {
      case 'send': {
        const key = keyOf(entry.who, entry.clientId)
        const sent = evidence.sentIn(entry.c).get(key) ?? newSent(entry)
        if (sent.texts.size > 0) this.#findings.count('repeats')
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
        evidence.membership(entry.c, entry.userId).phase = 'leaving'
        break
      case 'add': {
        const added = evidence.membership(entry.c, entry.userId)
        added.phase = 'coming'
        added.leftAt = null
        added.heard = []
        break
      }
      case 'revoke':
      case 'open':
        break
    }
  }

  succeed(entry: Extract<Entry, { e: 'ok' }>): void {
    const evidence = this.#evidence
    const invoke = evidence.ops.get(entry.op)
    if (!invoke) return
    evidence.ops.delete(entry.op)
    this.#findings.count(`acknowledged: ${invoke.do}`)
    if (evidence.late.has(entry.op)) {
      this.#findings.report(
        'revoked.acked',
        `${invoke.do} of session ${invoke.session} was taken after the session had ended`,
      )
    }
    if (evidence.afterRemoval.has(entry.op)) {
      this.#findings.report('removed.acked', `${invoke.do} of ${invoke.who} was taken after their removal`)
    }
    const { id = 0, seq = 0, rev = 0 } = entry
    switch (invoke.do) {
      case 'send': {
        const sent = evidence.sentIn(invoke.c).get(keyOf(invoke.who, invoke.clientId))
        if (!sent) break
        if (!sent.acked) this.#findings.count('acknowledged messages')
        else if (entry.repeated === true) this.#findings.count('repeats answered')
        if (sent.acked && (sent.acked.id !== id || sent.acked.seq !== seq)) {
          this.#findings.report('repeat.differs', `${invoke.clientId}: first ${sent.acked.id}, then ${id}`)
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
        const membership = evidence.membership(invoke.c, invoke.userId)
        if (membership.phase !== 'leaving') break
        membership.phase = 'removed'
        membership.removedOp = this.#lastOp
        break
      }
      case 'add': {
        const membership = evidence.membership(invoke.c, invoke.userId)
        if (membership.phase === 'coming') membership.phase = 'in'
        membership.joinedAt = Math.max(membership.joinedAt, rev)
        break
      }
      case 'revoke':
        evidence.ended.set(invoke.ended, this.#lastOp)
        break
      case 'open': {
        const key = keyOf(invoke.who, invoke.clientId)
        const before = evidence.opened.get(key) ?? id
        if (before !== id) this.#findings.report('repeat.differs', `${key}: first conversation ${before}, then ${id}`)
        evidence.opened.set(key, before)
        break
      }
    }
  }

  fail(entry: Extract<Entry, { e: 'fail' | 'unknown' }>): void {
    const evidence = this.#evidence
    const invoke = evidence.ops.get(entry.op)
    if (!invoke) return
    evidence.ops.delete(entry.op)
    this.#findings.count(entry.e === 'fail' ? `refused: ${entry.code}` : `unknown: ${invoke.do}`)
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
}

const newSent = (entry: Extract<Invoke, { do: 'send' }>): Sent => ({
  firstOp: entry.op,
  texts: new Map(),
  acked: null,
})
