import type { Changes, Conversation, Member, MemberList } from '../protocol/conversation.ts'
import type { ConversationEvent } from '../protocol/events.ts'
import type { HistoryPage, Message } from '../protocol/message.ts'

/**
 * A copy of one conversation as of revision `rev`: what it is, who is in it, and every message from `from` on. Values, changed by the
 * functions of this file only; none of them does I/O.
 */
export type Replica = {
  readonly epoch: string
  readonly rev: number
  /** The highest revision that is known to exist. */
  readonly head: number
  /** Events that came before one that is still missing, by revision. */
  readonly waiting: readonly ConversationEvent[]
  readonly conversation: Conversation
  /** Who is in it, by user id. */
  readonly members: readonly Member[]
  /** The lowest `seq` that the copy holds; 1 means all. */
  readonly from: number
  /** By `seq`. */
  readonly messages: readonly Message[]
  /** What changed below the window while a page of it was on its way; null where none is. */
  readonly below: readonly ConversationEvent[] | null
}

/** Beyond this distance a copy is not worth mending: the newest page says more for less. */
const MAX_PULL = 500

type Reading = { conversation: Conversation; members: MemberList; page: HistoryPage }

/** A new copy from a reading. Its parts were read at different revisions: what lies between them is pulled and changes nothing twice. */
export const newReplica = ({ conversation, members, page }: Reading): Replica => ({
  epoch: page.epoch,
  rev: Math.min(members.rev, page.rev),
  head: Math.max(members.rev, page.rev),
  waiting: [],
  conversation,
  members: members.items.toSorted((a, b) => a.userId - b.userId),
  from: lowestOf(page),
  messages: page.items.toReversed(),
  below: null,
})

/** Takes an event: applied where it is the next, ignored where it is old, kept where something before it is missing. */
export const applyEvent = (replica: Replica, event: ConversationEvent): Replica => {
  if (event.rev <= replica.rev) return replica
  if (event.rev === replica.rev + 1) return drain({ ...change(replica, event), rev: event.rev })
  const waiting = [...replica.waiting, event].toSorted((a, b) => a.rev - b.rev)
  return hear({ ...replica, waiting }, event.rev)
}

/** Notes that revision `head` exists. */
export const hear = (replica: Replica, head: number): Replica => (head > replica.head ? { ...replica, head } : replica)

/** Two pages of one pull as one: the first alone would leave holes among the messages. */
export const joinPages = (first: Changes, second: Changes): Changes => ({
  ...second,
  since: first.since,
  conversation: second.conversation ?? first.conversation,
  members: [...first.members, ...second.members],
  messages: [...first.messages, ...second.messages],
})

/**
 * Takes in all that was pulled when the copy knew of `asked` as its head. Changes of another epoch do not fit: read anew. Where the
 * server stands below what it had said before, there is nothing more to wait for.
 */
export const applyChanges = (replica: Replica, changes: Changes, asked = replica.head): Replica => {
  let next = changes.messages.reduce(putMessage, replica)
  if (changes.rev > replica.rev) {
    next = changes.members.reduce(putMember, next)
    if (changes.conversation) next = putConversation(next, changes.conversation)
    next = { ...next, rev: changes.rev }
  }
  next = drain(next)
  const waiting = next.waiting.filter((event) => event.rev > asked)
  const head = next.head > asked ? next.head : next.rev
  return { ...next, waiting, head: Math.max(head, next.rev) }
}

export const isBehind = (replica: Replica): boolean => replica.head > replica.rev

export const isTooFarBehind = (replica: Replica): boolean => replica.head - replica.rev > MAX_PULL

/**
 * Takes a message as the answer to a command showed it. The revision stays, for the changes before it may still be on their way; where
 * messages before it are, it waits for them.
 */
export const mergeMessage = (replica: Replica, message: Message): Replica => {
  const next = replica.from + replica.messages.length
  return message.seq > next ? hear(replica, message.rev) : putMessage(replica, message)
}

/** From here until `applyOlder` changes below the window are kept: the page may have been read before them. */
export const expectOlder = (replica: Replica): Replica => ({ ...replica, below: [] })

export const giveUpOlder = (replica: Replica): Replica => ({ ...replica, below: null })

/** Widens the window by a page. Where an event was newer than the page, the event counts. */
export const applyOlder = (replica: Replica, page: HistoryPage): Replica => {
  const older = page.items.toReversed().filter((message) => message.seq < replica.from)
  const widened = { ...replica, from: lowestOf(page), messages: [...older, ...replica.messages], below: null }
  return (replica.below ?? []).reduce<Replica>(change, widened)
}

/** What two copies of the same revision must agree on, from message `from` on. */
export const snapshot = (replica: Replica, from = replica.from) => ({
  epoch: replica.epoch,
  rev: replica.rev,
  conversation: replica.conversation,
  members: replica.members,
  messages: replica.messages.filter((message) => message.seq >= from),
})

const lowestOf = (page: HistoryPage): number => (page.nextCursor === null ? 1 : (page.items.at(-1)?.seq ?? 1))

const drain = (replica: Replica): Replica => {
  let next = replica
  for (const event of replica.waiting) {
    if (event.rev === next.rev + 1) next = { ...change(next, event), rev: event.rev }
  }
  const waiting = next.waiting.filter((event) => event.rev > next.rev)
  return { ...next, waiting, head: Math.max(next.head, next.rev) }
}

const change = (replica: Replica, event: ConversationEvent): Replica => {
  switch (event.type) {
    case 'message.created':
    case 'message.updated':
    case 'message.deleted':
      return event.message.seq < replica.from ? keepBelow(replica, event) : putMessage(replica, event.message)
    case 'reaction.changed': {
      const message = replica.messages.find(({ id }) => id === event.messageId)
      if (!message) return keepBelow(replica, event)
      return putMessage(replica, { ...message, reactions: event.reactions, rev: event.rev })
    }
    case 'read.changed':
      return {
        ...replica,
        members: replica.members.map((member) =>
          member.userId === event.userId ? { ...member, readSeq: event.seq } : member,
        ),
      }
    case 'member.changed':
      return putMember(replica, event.member)
    case 'conversation.updated':
      return putConversation(replica, event.conversation)
  }
}

const keepBelow = (replica: Replica, event: ConversationEvent): Replica =>
  replica.below ? { ...replica, below: [...replica.below, event] } : replica

/** The higher revision of a message wins, whichever way it came. */
const putMessage = (replica: Replica, message: Message): Replica => {
  const { messages, from } = replica
  if (message.seq < from) {
    return keepBelow(replica, {
      type: 'message.updated',
      conversationId: message.conversationId,
      rev: message.rev,
      message,
    })
  }
  // Nearly always it is the newest.
  const after = messages.findLastIndex(({ seq }) => seq <= message.seq)
  const held = messages[after]
  if (held?.seq !== message.seq) return { ...replica, messages: messages.toSpliced(after + 1, 0, message) }
  return held.rev >= message.rev ? replica : { ...replica, messages: messages.with(after, message) }
}

const putMember = (replica: Replica, member: Member): Replica => {
  const others = replica.members.filter(({ userId }) => userId !== member.userId)
  const members = member.leftAt === null ? [...others, member].toSorted((a, b) => a.userId - b.userId) : others
  return { ...replica, members }
}

/** Once marks are no longer shared, those that were are of no use. */
const putConversation = (replica: Replica, conversation: Conversation): Replica => ({
  ...replica,
  conversation,
  members: conversation.readReceipts
    ? replica.members
    : replica.members.map((member) => ({ ...member, readSeq: null })),
})
