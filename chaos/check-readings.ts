import { type Evidence, keyOf, type State, type Violation, type ViolationKind } from './evidence.ts'
import type { Copy, Held, Message, Reading } from './history.ts'
import { SEQ_SPAN } from './wire.ts'

/** Counts stop here. */
const MAX_UNREAD = 1_000

/** What one member reads in the end. The log itself is looked at once per conversation, where `isFirst`. */
export const checkReading = (reading: Reading, known: { evidence: Evidence; isFirst: boolean }): Violation[] => {
  const { evidence, isFirst } = known
  return [...(isFirst ? checkLog(reading, evidence) : []), ...checkMember(reading, evidence)]
}

/** Everybody reads the same. */
export const checkSameReading = (reading: Reading, log: Reading): Violation[] => {
  const who = `${reading.c}: ${reading.who} and ${log.who}`
  if (reading.rev !== log.rev || reading.seq !== log.seq) {
    return [found('reading.differs', `${who} stand at ${reading.rev}/${reading.seq} and ${log.rev}/${log.seq}`)]
  }
  if (reading.messages.length !== log.messages.length) {
    return [found('reading.differs', `${who} read ${reading.messages.length} and ${log.messages.length} messages`)]
  }
  const at = reading.messages.findIndex((message, i) => !isSame(message, log.messages[i]))
  return at === -1 ? [] : [found('reading.differs', `${who} differ at ${at + 1}`)]
}

/** A client that stayed holds what a fresh reading shows. */
export const checkCopy = (copy: Copy, reading: Reading | undefined): Violation[] => {
  const where = `${copy.device}, conversation ${copy.c}`
  // Somebody who is no member any more need not have heard of it yet.
  if (!reading) return []
  if (copy.epoch !== reading.epoch || copy.rev !== reading.rev) {
    return [found('copy.differs', `${where}: at ${copy.epoch}/${copy.rev}, not ${reading.epoch}/${reading.rev}`)]
  }
  const expected = reading.messages.slice(copy.from - 1)
  if (copy.messages.length !== expected.length) {
    return [found('copy.differs', `${where}: ${copy.messages.length} messages, not ${expected.length}`)]
  }
  const at = copy.messages.findIndex((message, i) => !holdsSame(message, expected[i]))
  const violations =
    at === -1 ? [] : [found('copy.differs', `${where}: ${differenceOf(copy.messages[at], expected[at])}`)]
  if (copy.unread !== null && copy.unread !== reading.unread) {
    violations.push(found('unread.wrong', `${where}: counts ${copy.unread} unread, not ${reading.unread}`))
  }
  return violations
}

const checkLog = ({ c, seq, messages }: Reading, evidence: Evidence): Violation[] => {
  const violations: Violation[] = []
  const keys = new Set<string>()
  messages.forEach((message, i) => {
    const where = `${c}/${message.seq}`
    if (message.seq !== i + 1) violations.push(found('seq.hole', `${where}: at place ${i + 1}`))
    if (message.id !== c * SEQ_SPAN + message.seq) violations.push(found('id.wrong', `${where}: ${message.id}`))
    const key = keyOf(message.sender, message.clientId)
    if (keys.has(key)) violations.push(found('message.doubled', `${where}: ${key} is there before`))
    keys.add(key)
    violations.push(...checkMessage(where, message, evidence))
  })
  if (seq !== messages.length)
    violations.push(found('seq.hole', `${c}: stands at ${seq} with ${messages.length} messages`))
  return violations
}

const checkMessage = (where: string, message: Message, evidence: Evidence): Violation[] => {
  const c = Math.floor(message.id / SEQ_SPAN)
  const sent = evidence.sentIn(c).get(keyOf(message.sender, message.clientId))
  const isPossible = sent && [...sent.texts.values()].some((tries) => tries > 0)
  if (!isPossible) return [found('message.unsent', `${where}: ${message.clientId} of ${message.sender}`)]
  const changes = evidence.changesSeen(message.id)
  const violations: Violation[] = []
  const deletes = [...changes.deletes.values()]
  if (message.text === null) {
    if (deletes.length === 0) violations.push(found('delete.unasked', where))
    return violations
  }
  if (deletes.includes('ok')) violations.push(found('delete.lost', where))
  const edits = [...changes.edits.values()]
  const acked = edits.filter(({ outcome }) => outcome === 'ok').toSorted((a, b) => a.rev - b.rev)
  const last = acked.at(-1)
  const open = edits.filter(({ outcome }) => outcome !== 'ok').map(({ text }) => text)
  const original = [...sent.texts].flatMap(([text, tries]) => (tries > 0 ? [text] : []))
  const allowed = [...open, ...(last ? [last.text] : original)]
  if (!allowed.includes(message.text)) {
    const everWritten = [...original, ...edits.map(({ text }) => text)].includes(message.text)
    violations.push(found(everWritten ? 'edit.lost' : 'text.unwritten', `${where}: ${message.text.slice(0, 60)}`))
  }
  violations.push(...checkReactions(where, message, [...changes.reactions.values()]))
  return violations
}

/** Whoever reacts does so with one hand: their attempts are in order. */
const checkReactions = (
  where: string,
  message: Message,
  attempts: { who: number; emoji: string; added: boolean; outcome: State }[],
): Violation[] => {
  const settled = new Map<string, boolean>()
  const open = new Set<string>()
  for (const { who, emoji, added, outcome } of attempts) {
    const key = `${emoji} of ${who}`
    if (outcome === 'ok') settled.set(key, added)
    // One without an answer may have had its effect at any time since.
    else open.add(`${key} ${added}`)
  }
  const there = new Set(
    message.reactions
      .split(' ')
      .filter((part) => part !== '')
      .flatMap((part) => {
        const [emoji = '', userIds = ''] = part.split(':')
        return userIds.split(',').map((userId) => `${emoji} of ${userId}`)
      }),
  )
  const lost = [...settled.keys()].filter((key) => settled.get(key) && !there.has(key) && !open.has(`${key} false`))
  const unasked = [...there].filter((key) => !settled.get(key) && !open.has(`${key} true`))
  return [
    ...lost.map((key) => found('reaction.lost', `${where}: ${key}`)),
    ...unasked.map((key) => found('reaction.unasked', `${where}: ${key}`)),
  ]
}

const checkMember = (reading: Reading, evidence: Evidence): Violation[] => {
  const { c, who, readSeq, unread, inboxUnread, memberIds, messages } = reading
  const violations: Violation[] = []
  const counted = messages.filter(({ sender, seq, text }) => sender !== who && seq > readSeq && text !== null).length
  for (const [where, count] of [
    ['entry', unread],
    ['inbox', inboxUnread],
  ] as const) {
    if (count === Math.min(counted, MAX_UNREAD)) continue
    violations.push(found('unread.wrong', `${c}: the ${where} of ${who} says ${count}, there are ${counted}`))
  }
  const mark = evidence.reads.get(`${c}/${who}`) ?? 0
  if (readSeq < mark) violations.push(found('read.lost', `${c}: ${who} had read up to ${mark}, now ${readSeq}`))
  const known = evidence.members.get(c)
  if (!known) return [...violations, found('conversation.unasked', `${c}: ${who} finds what nobody opened`)]
  const strangers = [who, ...memberIds].filter((userId) => !known.has(userId))
  if (strangers.length > 0) {
    violations.push(found('members.wrong', `${c}: ${who} reads that ${strangers.join(', ')} are in, uninvited`))
  }
  for (const userId of known) {
    const { phase } = evidence.membership(c, userId)
    const isIn = memberIds.includes(userId)
    if ((phase === 'in' && !isIn) || (phase === 'removed' && isIn)) {
      violations.push(found('members.wrong', `${c}: ${who} reads that ${userId} is ${isIn ? 'in' : 'out'}`))
    }
  }
  return violations
}

const isSame = (a: Message, b: Message | undefined): boolean =>
  a.id === b?.id && a.seq === b.seq && a.sender === b.sender && a.clientId === b.clientId && holdsSame(a, b)

const holdsSame = (a: Held, b: Held | undefined): boolean =>
  a.seq === b?.seq && a.rev === b.rev && a.text === b.text && a.reactions === b.reactions

const differenceOf = (held: Held | undefined, read: Held | undefined): string =>
  `holds ${shown(held)}, reads ${shown(read)}`

const shown = (held: Held | undefined): string =>
  held ? `${held.seq}@${held.rev} ${held.text?.slice(0, 40) ?? '(deleted)'} [${held.reactions}]` : 'nothing'

const found = (kind: ViolationKind, detail: string): Violation => ({ kind, detail })
