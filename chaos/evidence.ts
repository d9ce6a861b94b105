import type { Invoke, Message } from './history.ts'

export type Violation = { kind: ViolationKind; detail: string }

/** Each is one thing that must never be. */
export const VIOLATION_KINDS = [
  'ack.lost',
  'conversation.unasked',
  'copy.differs',
  'copy.missing',
  'delete.lost',
  'delete.unasked',
  'delivery.doubled',
  'delivery.missing',
  'delivery.unannounced',
  'edit.lost',
  'epoch.changed',
  'id.wrong',
  'members.wrong',
  'message.doubled',
  'message.unsent',
  'order.backward',
  'order.differs',
  'reaction.lost',
  'reaction.unasked',
  'read.lost',
  'reading.differs',
  'reading.missing',
  'received.lost',
  'removed.acked',
  'removed.heard',
  'repeat.differs',
  'revoked.acked',
  'revoked.heard',
  'sender.reordered',
  'seq.hole',
  'server.fault',
  'text.unwritten',
  'unread.wrong',
] as const
export type ViolationKind = (typeof VIOLATION_KINDS)[number]

/** `open`: there was no answer before the history ended. */
export type State = 'open' | 'ok' | 'fail' | 'unknown'

/** A message as its sender tried to send it, perhaps many times. `texts` counts the tries that were not refused. */
export type Sent = {
  firstOp: number
  texts: Map<string, number>
  acked: { id: number; seq: number } | null
}

/** What was asked of one message; what was refused is not in it. */
export type Changes = {
  edits: Map<number, { text: string; outcome: State; rev: number }>
  deletes: Map<number, State>
  reactions: Map<number, { who: number; emoji: string; added: boolean; outcome: State }>
}

/** How a member stands in a conversation, as far as answers tell. */
export type Membership = {
  phase: 'in' | 'leaving' | 'removed' | 'coming'
  /** The last attempt that was begun before the removal was answered. */
  removedOp: number
  /** At most the revision of this removal, once somebody heard of it. */
  leftAt: number | null
  /** At least the revision of the last coming. */
  joinedAt: number
  /** Revisions that came to them since the removal was asked. */
  heard: number[]
}

/** Numbers of messages. */
export type Span = { first: number; last: number }

export type Socket = {
  who: number
  session: string
  /** The highest revision that came, by conversation, and what came with it. */
  revs: Map<number, { rev: number; events: Set<string> }>
  /** Messages that came as new. */
  created: Set<number>
  /** By conversation, the first and the last message that came as new: all between them must have. Another one begins with each coming. */
  spans: Map<number, Span[]>
  /** It speaks a documented API, which may leave out what its own user said. */
  isDocumented: boolean
}

/** `hasStored`: it was this attempt, not another way of the same message, that stored it. */
export type Step = { key: string; c: number; hasStored: boolean; outcome: State }

/** A message that somebody heard who was out, or whose session had ended, when the attempt `since` was the last to have begun. */
export type HeardLate = { kind: 'removed.heard' | 'revoked.heard'; where: string; id: number; since: number }

export type Seen = Pick<Message, 'seq' | 'id' | 'sender' | 'clientId'>

/** Who sent or opened it, and under which name of their choosing. */
export const keyOf = (sender: number, clientId: string): string => `${sender}:${clientId}`

/** Everything that a history says, put where the checks look for it. */
export class Evidence {
  readonly members = new Map<number, Set<number>>()
  /** Groups that were opened, by who opened them and what they called them. */
  readonly opened = new Map<string, number>()
  /** Attempts that have no answer yet. */
  readonly ops = new Map<number, Invoke>()
  /** Attempts made with a session, or by a member, that had ended. */
  readonly late = new Set<number>()
  readonly afterRemoval = new Set<number>()
  /** Sessions that were ended, and the last attempt that was begun before that was answered. */
  readonly ended = new Map<string, number>()
  readonly sockets = new Map<number, Socket>()
  readonly epochs = new Map<number, string>()
  /** The highest mark that was acknowledged, by `conversation/user`. */
  readonly reads = new Map<string, number>()
  /** What was sent in an order that must be kept. */
  readonly lanes = new Map<string, Step[]>()
  readonly steps = new Map<number, Step>()
  readonly seen = new Map<number, Map<number, Seen>>()
  readonly sent = new Map<number, Map<string, Sent>>()
  /** Messages that somebody heard over a documented API. */
  readonly heard = new Set<number>()
  readonly heardLate: HeardLate[] = []
  readonly #changes = new Map<number, Changes>()
  readonly memberships = new Map<string, Membership>()

  sentIn(c: number): Map<string, Sent> {
    return entryOf(this.sent, c, () => new Map<string, Sent>())
  }

  seenIn(c: number): Map<number, Seen> {
    return entryOf(this.seen, c, () => new Map<number, Seen>())
  }

  laneOf(name: string): Step[] {
    return entryOf(this.lanes, name, () => [])
  }

  membership(c: number, who: number): Membership {
    const start = (): Membership => ({ phase: 'in', removedOp: 0, leftAt: null, joinedAt: 0, heard: [] })
    return entryOf(this.memberships, `${c}/${who}`, start)
  }

  /** Somebody who was away heard nothing of what was said meanwhile. */
  wasAlwaysIn(c: number, who: number): boolean {
    const { phase, joinedAt } = this.membership(c, who)
    return phase === 'in' && joinedAt === 0
  }

  /** Whether anybody tried to, and was not refused. */
  wasChanged(id: number): boolean {
    const { edits, deletes, reactions } = this.changesSeen(id)
    return edits.size + deletes.size + reactions.size > 0
  }

  changesOf(id: number): Changes {
    return entryOf(this.#changes, id, newChanges)
  }

  /** The same for reading. */
  changesSeen(id: number): Changes {
    return this.#changes.get(id) ?? NO_CHANGES
  }
}

const newChanges = (): Changes => ({ edits: new Map(), deletes: new Map(), reactions: new Map() })
const NO_CHANGES = newChanges()

const entryOf = <Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value => {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}
