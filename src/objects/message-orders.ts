import { mayAddMessage, mayDelete, mayEdit, mayPin, mayWrite, withReaction } from '../core/conversation-rules.ts'
import type { CommandOf } from '../protocol/commands.ts'
import { isRefusal, type Refusal, refuse } from '../protocol/errors.ts'
import type { ReadReply } from '../protocol/events.ts'
import { conversationOfMessage, messageIdOf, seqOfMessage } from '../protocol/ids.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { Reaction } from '../protocol/message.ts'
import type { MemberRow, MessageBody, MessageRow } from './conversation-schema.ts'
import { erasedClientId, type MessageChange, revOf } from './conversation-store.ts'
import { unreadAt } from './log-reading.ts'
import type { LogState } from './log-state.ts'
import { answered, type Emission, emissionOf, type Outcome, refused } from './outcome.ts'
import { messageView } from './views.ts'

/** What a member may do with messages: ask the rule, write, say what is to be told. */

type Given<Order> = { state: LogState; actor: MemberRow; order: Order; now: number }
type MessageEventType = 'message.created' | 'message.updated' | 'message.deleted'

export const sendMessage = ({ state, actor, order, now }: Given<CommandOf<'message.send'>>): Outcome => {
  const body = bodyOf(order)
  const { clientId } = order
  const no = mayWrite(state) ?? mayReplyTo(state, order.replyTo) ?? mayAddMessage(state)
  const row = no ? null : state.addMessage({ senderId: actor.userId, clientId, body }, now)
  if (row) return messageOutcome(state, 'message.created', row)
  // Looked for only now: the insert found out by itself, and nearly every message is new. What may not be sent may yet be a repeat.
  return repeatOf(state, { actor, order, otherwise: no ?? refuse('server.fault') })
}

/** The answer to a message that was sent before; `otherwise` where it was not. */
export const repeatOf = (
  state: LogState,
  given: { actor: MemberRow; order: CommandOf<'message.send'>; otherwise: Refusal },
): Outcome => {
  const { actor, order, otherwise } = given
  const earlier = state.store.messageByClientId(actor.userId, order.clientId)
  return earlier ? sendAgain(state, earlier, bodyOf(order)) : refused(otherwise)
}

const sendAgain = (state: LogState, earlier: MessageRow, body: MessageBody): Outcome => {
  // What it was sent as is known only while nobody changed it; after that any repeat is taken for one.
  const untouched = earlier.editedAt === null && earlier.deletedAt === null
  const isSame = JSON.stringify(earlier.body) === JSON.stringify(body)
  return untouched && !isSame ? refused(refuse('message.client_id_reused')) : unchanged(state, earlier)
}

export const editMessage = ({ state, actor, order, now }: Given<CommandOf<'message.edit'>>): Outcome =>
  withMessage(state, order.messageId, (row) => {
    const no = mayEdit(actor, row) ?? mayWrite(state)
    if (no) return refused(no)
    if (JSON.stringify(row.body?.content) === JSON.stringify(order.content)) return unchanged(state, row)
    return change(state, 'message.updated', row, { body: { ...row.body, content: order.content }, editedAt: now })
  })

export const deleteMessage = ({ state, actor, order, now }: Given<CommandOf<'message.delete'>>): Outcome =>
  withMessage(state, order.messageId, (row) => {
    const no = mayDelete({ actor, kind: state.kind, message: row })
    if (no) return refused(no)
    if (row.deletedAt !== null) return unchanged(state, row)
    return eraseMessage(state, row, now)
  })

/** The message keeps its place and nothing else; its client id only for repeats of the call that sent it. */
const eraseMessage = (state: LogState, row: MessageRow, now: number, clientId = row.clientId): Outcome =>
  change(state, 'message.deleted', row, { body: null, reactions: null, deletedAt: now, pinnedAt: null, clientId })

/** A message whose author's account ends: nobody will repeat the call. */
export const forgetMessage = (state: LogState, row: MessageRow, now: number): Emission[] => {
  const clientId = erasedClientId(row.seq)
  if (row.deletedAt === null) return eraseMessage(state, row, now, clientId).emissions
  state.store.changeMessage(row.seq, { clientId })
  return []
}

/** Takes back every reaction of a user to this message. */
export const withdrawReactions = (state: LogState, row: MessageRow, userId: number): Emission[] => {
  const emissions: Emission[] = []
  let current = row
  for (const { emoji, userIds } of row.reactions ?? []) {
    if (!userIds.includes(userId)) continue
    const reactions = withReaction(current.reactions ?? [], { userId, emoji, added: false })
    if (isRefusal(reactions)) continue
    const changed = changeReactions(state, current, { reactions, userId, emoji, added: false })
    current = changed.row
    emissions.push(changed.emission)
  }
  return emissions
}

export const pinMessage = ({ state, actor, order, now }: Given<CommandOf<'pin.add' | 'pin.remove'>>): Outcome =>
  withMessage(state, order.messageId, (row) => {
    const no = mayPin(actor, state.kind) ?? mayWrite(state)
    if (no) return refused(no)
    if (row.deletedAt !== null) return refused(refuse('message.deleted'))
    const isPinned = order.type === 'pin.add'
    if (isPinned === (row.pinnedAt !== null)) return unchanged(state, row)
    return change(state, 'message.updated', row, { pinnedAt: isPinned ? now : null })
  })

export const reactToMessage = ({
  state,
  actor,
  order,
}: Given<CommandOf<'reaction.add' | 'reaction.remove'>>): Outcome =>
  withMessage(state, order.messageId, (row) => {
    const no = mayWrite(state)
    if (no) return refused(no)
    if (row.deletedAt !== null) return refused(refuse('message.deleted'))
    const { userId } = actor
    const { emoji } = order
    const added = order.type === 'reaction.add'
    const before = row.reactions ?? []
    const reactions = withReaction(before, { userId, emoji, added })
    if (isRefusal(reactions)) return refused(reactions)
    if (reactions === before) return unchanged(state, row)
    const changed = changeReactions(state, row, { reactions, userId, emoji, added })
    return answered({ message: messageView(state.id, changed.row), repeated: false }, [changed.emission])
  })

const changeReactions = (
  state: LogState,
  row: MessageRow,
  change: { reactions: Reaction[]; userId: number; emoji: string; added: boolean },
): { row: MessageRow; emission: Emission } => {
  const rev = state.nextRev()
  const { reactions } = change
  state.store.changeMessage(row.seq, { changedRev: rev, reactions })
  const facts = { conversationId: state.id, rev, messageId: messageIdOf(state.id, row.seq), ...change }
  return { row: { ...row, changedRev: rev, reactions }, emission: emissionOf({ type: 'reaction.changed', ...facts }) }
}

export const getMessage = (state: LogState, messageId: number): Outcome =>
  withMessage(state, messageId, (row) => answered(messageView(state.id, row)))

export const markRead = ({ state, actor, order }: Given<CommandOf<'read.mark'>>): Outcome => {
  const { userId } = actor
  const seq = Math.max(actor.readSeq, Math.min(order.seq, state.seq))
  const reply = { seq, unread: unreadAt(state, userId, seq) } satisfies ReadReply
  if (seq === actor.readSeq) return answered(reply)
  const isShared = state.row.readReceipts
  // A private mark takes no revision: those who are not told of it would see a hole.
  const rev = isShared ? state.nextRev() : actor.rev
  state.putMember({ ...actor, readSeq: seq, rev })
  const emission = emissionOf({ type: 'read.changed', conversationId: state.id, rev: isShared ? rev : 0, userId, seq })
  return answered(reply, [isShared ? emission : { ...emission, only: userId }])
}

export const signalTyping = ({ state, actor, order }: Given<CommandOf<'typing.start' | 'typing.stop'>>): Outcome => {
  const no = mayWrite(state)
  if (no) return refused(no)
  if (state.presentCount > LIMITS.intimateMembers) return answered({})
  const { userId } = actor
  const typing = order.type === 'typing.start'
  const frame = JSON.stringify({ type: 'typing.changed', conversationId: state.id, userId, typing })
  return answered({}, [{ rev: 0, frame, except: userId }])
}

const mayReplyTo = (state: LogState, messageId: number | undefined): Refusal | null =>
  messageId === undefined || (conversationOfMessage(messageId) === state.id && seqOfMessage(messageId) <= state.seq)
    ? null
    : refuse('message.not_found')

const withMessage = (state: LogState, messageId: number, then: (row: MessageRow) => Outcome): Outcome => {
  const row = state.store.message(seqOfMessage(messageId))
  return row ? then(row) : refused(refuse('message.not_found'))
}

const change = (
  state: LogState,
  type: MessageEventType,
  row: MessageRow,
  what: Omit<MessageChange, 'changedRev'>,
): Outcome => {
  const changed = { ...what, changedRev: state.nextRev() }
  state.store.changeMessage(row.seq, changed)
  return messageOutcome(state, type, { ...row, ...changed })
}

/** The message is encoded once: the event and the answer share the text. */
const messageOutcome = (state: LogState, type: MessageEventType, row: MessageRow): Outcome => {
  const rev = revOf(row)
  const json = JSON.stringify(messageView(state.id, row))
  const frame = `{"type":"${type}","conversationId":${state.id},"rev":${rev},"message":${json}}`
  return { answer: { ok: true, json: `{"message":${json},"repeated":false}` }, emissions: [{ rev, frame }] }
}

const unchanged = (state: LogState, row: MessageRow): Outcome =>
  answered({ message: messageView(state.id, row), repeated: true })

const bodyOf = (order: CommandOf<'message.send'>): MessageBody => ({
  content: order.content,
  ...(order.replyTo === undefined ? {} : { replyTo: order.replyTo }),
  ...(order.attachments?.length ? { attachments: order.attachments } : {}),
  ...(order.mentions?.length ? { mentions: order.mentions } : {}),
})
