import {
  heirOf,
  mayAddMembers,
  mayChangeRole,
  mayDelete,
  mayDeleteConversation,
  mayEdit,
  mayPin,
  mayRemoveMember,
  mayRename,
  withReaction,
} from '../core/conversation-rules.ts'
import type { Order } from '../core/orders.ts'
import type { CommandOf } from '../protocol/commands.ts'
import type { Changes, InboxEntry, MemberList } from '../protocol/conversation.ts'
import { isRefusal, refuse, type Refusal } from '../protocol/errors.ts'
import type { ConversationEvent, ReadReply } from '../protocol/events.ts'
import { messageIdOf, seqOfMessage } from '../protocol/ids.ts'
import { LIMITS } from '../protocol/limits.ts'
import type { HistoryPage, HistoryQuery, Message } from '../protocol/message.ts'
import type { Answer, CatchUp } from './batch.ts'
import type { ConversationRow, MemberRow, MessageBody, MessageRow } from './conversation-schema.ts'
import { type ConversationStore, type MessageChange, revOf } from './conversation-store.ts'
import { conversationView, memberView, messageView } from './views.ts'

/** A frame for the members: all who are in, or only one, or all but one. A `rev` of 0 is a signal without a place in the log. */
export type Emission = { rev: number; frame: string; only?: number; except?: number }
export type Outcome = { answer: Answer; emissions: Emission[] }

type Actor = MemberRow
type MessageEventType = 'message.created' | 'message.updated' | 'message.deleted'

/**
 * The log of one conversation: asks the rules, writes, and says what is to be told. It is the only writer of the store, and keeps
 * the head and the members in memory as a cache of it.
 */
export class ConversationLog {
  readonly #store: ConversationStore
  readonly #members: Map<number, MemberRow>
  #row: ConversationRow
  #rev: number
  #seq: number
  #lastCreatedAt: number
  #present: number

  constructor(store: ConversationStore, row: ConversationRow) {
    this.#store = store
    this.#row = row
    this.#members = new Map(store.members().map((member) => [member.userId, member]))
    const last = store.lastMessage()
    this.#seq = last?.seq ?? 0
    this.#lastCreatedAt = last?.createdAt ?? 0
    this.#rev = Math.max(row.rev, last?.rev ?? 0, store.lastChange(), ...[...this.#members.values()].map((m) => m.rev))
    this.#present = this.present().length
  }

  get id(): number {
    return this.#row.id
  }

  get rev(): number {
    return this.#rev
  }

  get isDeleted(): boolean {
    return this.#row.deletedAt !== null
  }

  /** The members who are in now. */
  present(): MemberRow[] {
    return [...this.#members.values()].filter((member) => member.leftAt === null)
  }

  /** Those whose hub does not know yet that they joined or left. */
  untold(): MemberRow[] {
    return [...this.#members.values()].filter((member) => !member.told)
  }

  member(userId: number): MemberRow | undefined {
    return this.#members.get(userId)
  }

  /** Whom to call for a frame: members who are in, whose hub knows of it and is awake. */
  audience(emission: Emission): number[] {
    const ids: number[] = []
    for (const member of this.#members.values()) {
      if (member.leftAt !== null || !member.told || member.asleep) continue
      if (member.userId === emission.except) continue
      if (emission.only === undefined || member.userId === emission.only) ids.push(member.userId)
    }
    return ids
  }

  /** Notes what is known of a member's hub; takes no revision, for no client sees it. */
  noteHub(userId: number, note: Partial<Pick<MemberRow, 'asleep' | 'nap' | 'told'>>): void {
    const member = this.#members.get(userId)
    if (member) this.#putMember({ ...member, ...note })
  }

  /** Adds the first members. The first one made the conversation; in a group that makes its owner. */
  found(userIds: number[], now: number): void {
    userIds.forEach((userId, i) => {
      this.#join(userId, i === 0 && this.#row.kind === 'group' ? 'owner' : 'member', now)
    })
  }

  apply(userId: number, order: Order, now: number): Outcome {
    const actor = this.#members.get(userId)
    if (!actor || actor.leftAt !== null || this.isDeleted) return refused(refuse('conversation.not_found'))
    switch (order.type) {
      case 'message.send':
        return this.#send(actor, order, now)
      case 'message.edit':
        return this.#edit(actor, order, now)
      case 'message.delete':
        return this.#delete(actor, order.messageId, now)
      case 'reaction.add':
      case 'reaction.remove':
        return this.#react(actor, order)
      case 'pin.add':
      case 'pin.remove':
        return this.#pin(actor, order, now)
      case 'message.get':
        return this.#withMessage(order.messageId, (row) => answered(this.#view(row)))
      case 'read.mark':
        return this.#markRead(actor, order.seq)
      case 'typing.start':
      case 'typing.stop':
        return this.#typing(actor, order.type === 'typing.start')
      case 'changes.get':
        return answered(this.changes(order.since, order.limit))
      case 'history.get':
        return answered(this.#history(order))
      case 'entry.get':
        return answered(this.entry(actor))
      case 'members.get':
        return answered(this.#memberList())
      case 'member.add':
        return this.#addMembers(actor, order.userIds, now)
      case 'member.remove':
        return this.#removeMember(actor, order.userId, now)
      case 'member.role':
        return this.#changeRole(actor, order)
      case 'conversation.rename':
        return this.#rename(actor, order.title)
      case 'conversation.delete':
        return this.#deleteConversation(actor, now)
    }
  }

  /** How the inbox of this member shows the conversation. */
  entry(member: MemberRow): InboxEntry {
    const last = this.#store.lastMessage()
    const present = this.present()
    return {
      conversation: conversationView(this.#row),
      epoch: this.#row.epoch,
      rev: this.#rev,
      seq: this.#seq,
      role: member.role,
      readSeq: member.readSeq,
      unread: member.readSeq >= this.#seq ? 0 : this.#store.unread(member.userId, member.readSeq),
      lastMessage: last ? this.#view(last) : null,
      memberCount: present.length,
      memberIds:
        present.length > LIMITS.intimateMembers ? [] : present.map((each) => each.userId).toSorted((a, b) => a - b),
    }
  }

  /** The present state of what changed above `since`, at most `limit` messages of it. */
  changes(since: number, limit: number): Changes {
    const rows = since >= this.#rev ? [] : this.#store.changedMessages(since, limit + 1)
    const more = rows.length > limit
    const page = rows.slice(0, limit)
    const lastRow = page.at(-1)
    const upTo = more && lastRow ? revOf(lastRow) : this.#rev
    const within = (rev: number): boolean => rev > since && rev <= upTo
    return {
      conversationId: this.id,
      epoch: this.#row.epoch,
      since,
      rev: upTo,
      more,
      conversation: within(this.#row.rev) ? conversationView(this.#row) : null,
      members: [...this.#members.values()].filter((member) => within(member.rev)).map((member) => this.#memberView(member)),
      messages: page.map((row) => this.#view(row)),
    }
  }

  /** The same as events, for a hub that missed some. */
  catchUp(after: number): CatchUp {
    const revs: number[] = []
    const frames: string[] = []
    const push = (event: ConversationEvent): void => {
      revs.push(event.rev)
      frames.push(JSON.stringify(event))
    }
    let since = after
    for (let more = true; more; ) {
      const page = this.changes(since, LIMITS.pageSize)
      const { conversationId } = page
      for (const message of page.messages) {
        const type = this.#eventTypeOf(message, after)
        push({ type, conversationId, rev: message.rev, message })
      }
      for (const member of page.members) {
        const rev = this.#members.get(member.userId)?.rev ?? page.rev
        push({ type: 'member.changed', conversationId, rev, member })
        if (member.readSeq !== null && member.readSeq > 0) {
          push({ type: 'read.changed', conversationId, rev, userId: member.userId, seq: member.readSeq })
        }
      }
      if (page.conversation) {
        push({ type: 'conversation.updated', conversationId, rev: this.#row.rev, conversation: page.conversation })
      }
      since = page.rev
      more = page.more
    }
    return { conversationId: this.id, after, upTo: since, revs, frames }
  }

  #eventTypeOf(message: Message, after: number): MessageEventType {
    if (message.deletedAt !== null) return 'message.deleted'
    return (this.#store.message(message.seq)?.rev ?? 0) > after ? 'message.created' : 'message.updated'
  }

  #send(actor: Actor, order: CommandOf<'message.send'>, now: number): Outcome {
    const body = bodyOf(order)
    const earlier = this.#store.messageByClientId(actor.userId, order.clientId)
    if (earlier) return this.#sendAgain(earlier, body)
    const replied = order.replyTo === undefined ? undefined : seqOfMessage(order.replyTo)
    if (order.replyTo !== undefined && order.replyTo !== messageIdOf(this.id, Math.min(replied ?? 0, this.#seq))) {
      return refused(refuse('message.not_found'))
    }
    const row = {
      seq: this.#seq + 1,
      rev: this.#rev + 1,
      senderId: actor.userId,
      clientId: order.clientId,
      // A clock that went back must not make a message older than the one before it.
      createdAt: Math.max(now, this.#lastCreatedAt),
      body,
    }
    this.#store.insertMessage(row)
    this.#seq = row.seq
    this.#rev = row.rev
    this.#lastCreatedAt = row.createdAt
    return this.#told('message.created', {
      ...row,
      changedRev: null,
      editedAt: null,
      deletedAt: null,
      pinnedAt: null,
      reactions: null,
    })
  }

  #sendAgain(earlier: MessageRow, body: MessageBody): Outcome {
    const untouched = earlier.editedAt === null && earlier.deletedAt === null
    if (untouched && JSON.stringify(earlier.body) !== JSON.stringify(body)) {
      return refused(refuse('message.client_id_reused'))
    }
    return this.#unchanged(earlier)
  }

  #edit(actor: Actor, order: CommandOf<'message.edit'>, now: number): Outcome {
    return this.#withMessage(order.messageId, (row) => {
      const no = mayEdit(actor, row)
      if (no) return refused(no)
      if (JSON.stringify(row.body?.content) === JSON.stringify(order.content)) return this.#unchanged(row)
      return this.#change('message.updated', row, { body: { ...row.body, content: order.content }, editedAt: now })
    })
  }

  #delete(actor: Actor, messageId: number, now: number): Outcome {
    return this.#withMessage(messageId, (row) => {
      const no = mayDelete({ actor, kind: this.#row.kind, message: row })
      if (no) return refused(no)
      if (row.deletedAt !== null) return this.#unchanged(row)
      return this.#change('message.deleted', row, { body: null, reactions: null, deletedAt: now, pinnedAt: null })
    })
  }

  #pin(actor: Actor, order: CommandOf<'pin.add' | 'pin.remove'>, now: number): Outcome {
    return this.#withMessage(order.messageId, (row) => {
      const no = mayPin(actor, this.#row.kind)
      if (no) return refused(no)
      if (row.deletedAt !== null) return refused(refuse('message.deleted'))
      const pinned = order.type === 'pin.add'
      if (pinned === (row.pinnedAt !== null)) return this.#unchanged(row)
      return this.#change('message.updated', row, { pinnedAt: pinned ? now : null })
    })
  }

  #react(actor: Actor, order: CommandOf<'reaction.add' | 'reaction.remove'>): Outcome {
    return this.#withMessage(order.messageId, (row) => {
      if (row.deletedAt !== null) return refused(refuse('message.deleted'))
      const { emoji } = order
      const added = order.type === 'reaction.add'
      const before = row.reactions ?? []
      const reactions = withReaction(before, { userId: actor.userId, emoji, added })
      if (isRefusal(reactions)) return refused(reactions)
      if (reactions === before) return this.#unchanged(row)
      const rev = this.#nextRev()
      this.#store.changeMessage(row.seq, { changedRev: rev, reactions })
      const message = this.#view({ ...row, changedRev: rev, reactions })
      const event: ConversationEvent = {
        type: 'reaction.changed',
        conversationId: this.id,
        rev,
        messageId: message.id,
        reactions,
        userId: actor.userId,
        emoji,
        added,
      }
      return {
        answer: { ok: true, json: replyJson(JSON.stringify(message), false) },
        emissions: [{ rev, frame: JSON.stringify(event) }],
      }
    })
  }

  #markRead(actor: Actor, wanted: number): Outcome {
    const seq = Math.min(wanted, this.#seq)
    const unreadAt = (mark: number): number => (mark >= this.#seq ? 0 : this.#store.unread(actor.userId, mark))
    if (seq <= actor.readSeq) {
      return answered({ seq: actor.readSeq, unread: unreadAt(actor.readSeq) } satisfies ReadReply)
    }
    const shared = this.#row.readReceipts
    // A private mark takes no revision: those who are not told of it would see a hole.
    const rev = shared ? this.#nextRev() : actor.rev
    this.#putMember({ ...actor, readSeq: seq, rev })
    const event: ConversationEvent = {
      type: 'read.changed',
      conversationId: this.id,
      rev: this.#rev,
      userId: actor.userId,
      seq,
    }
    return {
      answer: { ok: true, json: JSON.stringify({ seq, unread: unreadAt(seq) } satisfies ReadReply) },
      emissions: [{ rev: shared ? rev : 0, frame: JSON.stringify(event), ...(shared ? {} : { only: actor.userId }) }],
    }
  }

  #typing(actor: Actor, typing: boolean): Outcome {
    if (this.#present > LIMITS.intimateMembers) return answered({})
    const frame = JSON.stringify({ type: 'typing.changed', conversationId: this.id, userId: actor.userId, typing })
    return { ...answered({}), emissions: [{ rev: 0, frame, except: actor.userId }] }
  }

  #history(query: HistoryQuery): HistoryPage {
    const { rows, more } = this.#store.history(query)
    const next = query.after !== undefined && query.before === undefined ? rows[0] : rows.at(-1)
    return {
      items: rows.map((row) => this.#view(row)),
      nextCursor: more && next ? String(next.seq) : null,
      epoch: this.#row.epoch,
      rev: this.#rev,
    }
  }

  #memberList(): MemberList {
    return {
      items: this.present().map((member) => this.#memberView(member)),
      nextCursor: null,
      epoch: this.#row.epoch,
      rev: this.#rev,
    }
  }

  #addMembers(actor: Actor, userIds: number[], now: number): Outcome {
    const added = [...new Set(userIds)].filter((id) => this.#members.get(id)?.leftAt !== null)
    const no = mayAddMembers({ actor, kind: this.#row.kind, present: this.#present, added: added.length })
    if (no) return refused(no)
    const emissions = added.map((userId) => this.#memberChanged(this.#join(userId, 'member', now)))
    const tooMany = this.#row.readReceipts && this.#present > LIMITS.intimateMembers
    if (tooMany) emissions.push(this.#changeConversation({ readReceipts: false }))
    return { ...answered(this.#memberList()), emissions }
  }

  #removeMember(actor: Actor, userId: number, now: number): Outcome {
    const target = this.#members.get(userId)
    if (!target || target.leftAt !== null) return refused(refuse('member.not_found'))
    const no = mayRemoveMember({ actor, kind: this.#row.kind, target })
    if (no) return refused(no)
    const emissions: Emission[] = []
    if (target.role === 'owner') {
      const heir = heirOf(this.present().filter((member) => member !== target))
      if (heir) emissions.push(this.#memberChanged(this.#putMember({ ...heir, role: 'owner', rev: this.#nextRev() })))
    }
    const gone = { ...target, role: 'member' as const, leftAt: now, rev: this.#nextRev(), told: false }
    emissions.push(this.#memberChanged(this.#putMember(gone)))
    return { ...answered({}), emissions }
  }

  #changeRole(actor: Actor, order: Extract<Order, { type: 'member.role' }>): Outcome {
    const target = this.#members.get(order.userId)
    if (!target || target.leftAt !== null) return refused(refuse('member.not_found'))
    const no = mayChangeRole(actor, this.#row.kind)
    if (no) return refused(no)
    // The owner stays owner until there is another one.
    if (target.role === order.role || target === actor) return answered(this.#memberList())
    const emissions = [this.#memberChanged(this.#putMember({ ...target, role: order.role, rev: this.#nextRev() }))]
    if (order.role === 'owner') {
      emissions.push(this.#memberChanged(this.#putMember({ ...actor, role: 'admin', rev: this.#nextRev() })))
    }
    return { ...answered(this.#memberList()), emissions }
  }

  #rename(actor: Actor, title: string): Outcome {
    const no = mayRename(actor, this.#row.kind)
    if (no) return refused(no)
    const emissions = this.#row.title === title ? [] : [this.#changeConversation({ title })]
    return { ...answered(this.entry(actor)), emissions }
  }

  /** Everybody leaves at once; the rows stay until their hubs know. */
  #deleteConversation(actor: Actor, now: number): Outcome {
    const no = mayDeleteConversation(actor, this.#row.kind)
    if (no) return refused(no)
    for (const member of this.present()) {
      this.#putMember({ ...member, leftAt: now, rev: this.#nextRev(), told: false })
    }
    this.#row = { ...this.#row, deletedAt: now, rev: this.#nextRev() }
    this.#store.updateConversation({ deletedAt: now, rev: this.#row.rev })
    return answered({})
  }

  #join(userId: number, role: MemberRow['role'], now: number): MemberRow {
    const nap = this.#members.get(userId)?.nap ?? 0
    const rev = this.#nextRev()
    const member = { userId, role, joinedAt: now, leftAt: null, readSeq: this.#seq, rev, asleep: false, nap, told: false }
    return this.#putMember(member)
  }

  #putMember(member: MemberRow): MemberRow {
    this.#store.putMember(member)
    this.#members.set(member.userId, member)
    this.#present = this.present().length
    return member
  }

  #memberChanged(member: MemberRow): Emission {
    const event: ConversationEvent = {
      type: 'member.changed',
      conversationId: this.id,
      rev: member.rev,
      member: this.#memberView(member),
    }
    return { rev: member.rev, frame: JSON.stringify(event) }
  }

  #changeConversation(change: Partial<ConversationRow>): Emission {
    const rev = this.#nextRev()
    this.#row = { ...this.#row, ...change, rev }
    this.#store.updateConversation({ ...change, rev })
    const event: ConversationEvent = {
      type: 'conversation.updated',
      conversationId: this.id,
      rev,
      conversation: conversationView(this.#row),
    }
    return { rev, frame: JSON.stringify(event) }
  }

  #change(type: MessageEventType, row: MessageRow, change: Omit<MessageChange, 'changedRev'>): Outcome {
    const changed = { ...change, changedRev: this.#nextRev() }
    this.#store.changeMessage(row.seq, changed)
    return this.#told(type, { ...row, ...changed })
  }

  /** The message is encoded once; the event and the answer share the text. */
  #told(type: MessageEventType, row: MessageRow): Outcome {
    const rev = revOf(row)
    const json = JSON.stringify(this.#view(row))
    const frame = `{"type":"${type}","conversationId":${this.id},"rev":${rev},"message":${json}}`
    return { answer: { ok: true, json: replyJson(json, false) }, emissions: [{ rev, frame }] }
  }

  #unchanged(row: MessageRow): Outcome {
    return { answer: { ok: true, json: replyJson(JSON.stringify(this.#view(row)), true) }, emissions: [] }
  }

  #withMessage(messageId: number, then: (row: MessageRow) => Outcome): Outcome {
    const row = this.#store.message(seqOfMessage(messageId))
    return row ? then(row) : refused(refuse('message.not_found'))
  }

  #view(row: MessageRow): Message {
    return messageView(this.id, row)
  }

  #memberView(member: MemberRow) {
    return memberView(member, this.#row.readReceipts)
  }

  #nextRev(): number {
    this.#rev += 1
    return this.#rev
  }
}

const refused = (refusal: Refusal): Outcome => ({ answer: refusal, emissions: [] })
const answered = (result: unknown): Outcome => ({ answer: { ok: true, json: JSON.stringify(result) }, emissions: [] })
const replyJson = (messageJson: string, repeated: boolean): string => `{"message":${messageJson},"repeated":${repeated}}`

const bodyOf = (order: CommandOf<'message.send'>): MessageBody => ({
  content: order.content,
  ...(order.replyTo === undefined ? {} : { replyTo: order.replyTo }),
  ...(order.attachments?.length ? { attachments: order.attachments } : {}),
  ...(order.mentions?.length ? { mentions: order.mentions } : {}),
})
