import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ViolationKind } from './evidence.ts'
import { copyProject } from '../harness/project-copy.ts'

type Edit = { file: string; find: string; replace: string }

/** A mistake that a server of this kind could have: what is changed in the code, and as what the checker must see it. */
export type PlantedFault = { edits: Edit[]; seenAs: ViolationKind[] }

export const PLANTED_FAULTS: Record<string, PlantedFault> = {
  'acknowledged and not written, one in a hundred': {
    edits: [
      {
        file: 'src/objects/log-state.ts',
        find: 'if (!this.store.insertMessage(row)) return null',
        replace: 'if (Math.random() > 0.01 && !this.store.insertMessage(row)) return null',
      },
    ],
    seenAs: ['ack.lost', 'seq.hole'],
  },
  'a repeated message is a new one': {
    edits: [
      {
        file: 'src/objects/message-orders.ts',
        find: 'const row = no ? null : state.addMessage({ senderId: actor.userId, clientId, body }, now)',
        replace:
          'const row = no ? null : (state.addMessage({ senderId: actor.userId, clientId, body }, now) ?? ' +
          'state.addMessage({ senderId: actor.userId, clientId: `${clientId}~${state.seq}`, body }, now))',
      },
      // Else clients wait for ever for the answer to what they sent.
      {
        file: 'src/objects/message-orders.ts',
        find: "if (row) return messageOutcome(state, 'message.created', row)",
        replace: "if (row) return messageOutcome(state, 'message.created', { ...row, clientId })",
      },
    ],
    seenAs: ['repeat.differs', 'message.unsent'],
  },
  'after a restart revisions are counted by messages': {
    edits: [
      {
        file: 'src/objects/log-state.ts',
        find: 'this.#rev = Math.max(row.rev, last?.rev ?? 0, store.lastChange())',
        replace: 'this.#rev = Math.max(row.rev, last?.seq ?? 0)',
      },
    ],
    seenAs: ['copy.differs', 'order.backward', 'reading.differs', 'delivery.missing'],
  },
  'a lost frame is passed over': {
    edits: [
      {
        file: 'src/core/rev-order.ts',
        find: 'else if (order.known === null || rev === order.known + 1) {',
        replace: 'else if (order.known === null || rev > order.known) {',
      },
    ],
    seenAs: ['delivery.missing'],
  },
  'a frame that comes twice is told twice': {
    edits: [
      {
        file: 'src/core/rev-order.ts',
        find: '} else if (rev > order.known) order.held.set(rev, frame)',
        replace: '} else if (rev > order.known) order.held.set(rev, frame)\n    else due.push(frame)',
      },
    ],
    seenAs: ['delivery.doubled'],
  },
  'frames of a batch are told backwards': {
    edits: [
      {
        file: 'src/objects/conversation-feed.ts',
        find: 'else this.#deps.broadcast(this.#deps.inbox.receive(batch))',
        replace: 'else this.#deps.broadcast(this.#deps.inbox.receive(batch).toReversed())',
      },
    ],
    seenAs: ['order.backward'],
  },
  'what waits to be sent is sent backwards': {
    edits: [
      {
        file: 'src/objects/upward-queue.ts',
        find: 'const taken = queue.waiting.splice(0, count)',
        replace: 'const taken = queue.waiting.splice(0, count).reverse()',
      },
    ],
    seenAs: ['sender.reordered'],
  },
  'every other change is acknowledged and not written': {
    edits: [
      {
        file: 'src/objects/message-orders.ts',
        find: 'state.store.changeMessage(row.seq, changed)',
        replace: 'if (Math.random() > 0.5) state.store.changeMessage(row.seq, changed)',
      },
    ],
    seenAs: ['edit.lost', 'delete.lost'],
  },
  'a deleted message keeps what it said': {
    edits: [
      {
        file: 'src/objects/message-orders.ts',
        find: '{ body: null, reactions: null, deletedAt: now, pinnedAt: null, clientId }',
        replace: '{ pinnedAt: null, clientId }',
      },
    ],
    seenAs: ['delete.lost'],
  },
  'a reaction is acknowledged and not written': {
    edits: [
      {
        file: 'src/objects/message-orders.ts',
        find: 'state.store.changeMessage(row.seq, { changedRev: rev, reactions })',
        replace: 'state.store.changeMessage(row.seq, { changedRev: rev })',
      },
    ],
    seenAs: ['reaction.lost'],
  },
  'a read mark is acknowledged and not kept': {
    edits: [
      {
        file: 'src/objects/message-orders.ts',
        find: 'state.putMember({ ...actor, readSeq: seq, rev })',
        replace: 'state.putMember({ ...actor, rev })',
      },
    ],
    seenAs: ['read.lost'],
  },
  'what somebody wrote counts as unread to them': {
    edits: [
      {
        file: 'src/objects/conversation-store.ts',
        find: 'WHERE seq > ${readSeq} AND sender_id <> ${userId} AND',
        replace: 'WHERE seq > ${readSeq} AND ${userId} > 0 AND',
      },
    ],
    seenAs: ['unread.wrong'],
  },
  'who was removed goes on hearing': {
    edits: [
      {
        file: 'src/objects/log-state.ts',
        find: 'member.leftAt === null && member.told && !member.asleep',
        replace: 'member.told && !member.asleep',
      },
      {
        file: 'src/objects/member-orders.ts',
        find: "role: 'member' as const, leftAt: now, rev: state.nextRev(), told: false }",
        replace: "role: 'member' as const, leftAt: now, rev: state.nextRev(), told: true }",
      },
    ],
    seenAs: ['removed.heard'],
  },
  'who was removed may still write': {
    edits: [
      // The hub would refuse it in the place of the conversation.
      {
        file: 'src/objects/inbox-book.ts',
        find: 'if (left && entry?.epoch === left.epoch && entry.rev > left.rev) return false',
        replace: 'if (left && entry) return false',
      },
      {
        file: 'src/objects/conversation-log.ts',
        find: 'if (actor.leftAt !== null) {',
        replace: "if (actor.leftAt !== null && order.type !== 'message.send') {",
      },
    ],
    seenAs: ['removed.acked'],
  },
  'who was removed and is added again does not find the conversation': {
    edits: [
      {
        file: 'src/objects/inbox-book.ts',
        find: 'return left?.epoch === epoch && left.rev > rev',
        replace: 'return left?.epoch === epoch && rev > 0',
      },
    ],
    seenAs: ['reading.missing'],
  },
  'the sockets of an ended session stay open': {
    edits: [
      {
        file: 'src/objects/session-desk.ts',
        find: 'this.#deps.endSockets((id) => sessionIds.includes(id))',
        replace: 'this.#deps.endSockets(() => false)',
      },
    ],
    seenAs: ['revoked.heard', 'revoked.acked'],
  },
  'the tokens of an ended session stay good': {
    edits: [
      {
        file: 'src/directory/sessions.ts',
        find: 'and(isNull(sessions.revokedAt), gt(sessions.expiresAt, now))',
        replace: 'and(gt(sessions.expiresAt, now))',
      },
      // Else its device would be let in by REST and by no socket, and try for ever.
      {
        file: 'src/objects/hub-store.ts',
        find: 'this.#db.insert(endedSessions).values({ sessionId, endedAt: now }).onConflictDoNothing().run()',
        replace: '',
      },
    ],
    seenAs: ['revoked.acked'],
  },
}

/** Makes a copy of the project that has this fault. */
export const plant = (folder: string, { edits }: PlantedFault): string => {
  copyProject(folder)
  for (const { file, find, replace } of edits) {
    const path = join(folder, file)
    const parts = readFileSync(path, 'utf8').split(find)
    if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`)
    writeFileSync(path, parts.join(replace))
  }
  return folder
}
