import { abortAllDurableObjects, createExecutionContext, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import * as fc from 'fast-check'
import { beforeEach, expect, test } from 'vitest'
import { appointment } from '../../src/directory/administrators.ts'
import app from '../../src/index.ts'
import { conversationOf, hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'
import type { Snapshot } from '../../src/protocol/backup.ts'
import type { InboxPage } from '../../src/protocol/conversation.ts'
import type { Friend } from '../../src/protocol/friend.ts'
import type { HistoryPage } from '../../src/protocol/message.ts'
import {
  backUp,
  backUpConversations,
  backUpDirectory,
  BACKUP_TOKEN,
  empty,
  type Line,
  load,
  restore,
} from '../support/backup.ts'
import { entryFor, openDirect, openGroup, pair, say, text } from '../support/people.ts'
import { RawSocket } from '../support/raw-socket.ts'
import { ask, newName, PASSWORD, refreshWith, signIn, signUp } from '../support/rest.ts'

beforeEach(empty)

const as = ({ accessToken: token }: SignedIn, json?: object) => ({ token, ...(json && { json }) })
const again = async ({ user }: SignedIn): Promise<SignedIn> => (await signIn(user.username)).body

/** Everything that people do, once. */
const life = async () => {
  const [alice, bob, carol, dave] = [await signUp(), await signUp(), await signUp(), await signUp()]
  const erin = await signUp()
  const direct = await openDirect(alice, bob)
  const group = await openGroup(alice, bob, carol, dave, erin)
  const gone = await openGroup(bob, alice)
  const [hers, his] = [await RawSocket.arrive(alice), await RawSocket.arrive(bob)]
  const first = await say(hers, direct, 'first, with a line\u2028separator, "quotes", NULs no: \\u0000 and 🧿')
  const second = await say(his, direct, 'to be edited')
  const third = await say(his, group, 'to be deleted')
  const fourth = await say(hers, group, 'pinned')
  const sealed = { kind: 'sealed', nonce: 'AAAA', ciphertext: 'A'.repeat(120_000), authTag: 'AAAA', associatedData: '' }
  await hers.request({
    type: 'message.send',
    conversationId: direct,
    clientId: 's',
    content: sealed,
    replyTo: first.id,
    mentions: [bob.user.id],
  })
  await his.request({ type: 'message.edit', messageId: second.id, content: text('edited') })
  await his.request({ type: 'message.delete', messageId: third.id })
  await hers.request({ type: 'reaction.add', messageId: second.id, emoji: '👍' })
  await hers.request({ type: 'pin.add', messageId: fourth.id })
  await his.request({ type: 'read.mark', conversationId: direct, seq: 1 })
  await ask('DELETE', `/v1/conversations/${gone}`, as(bob))
  const carols = await RawSocket.arrive(carol)
  await say(carols, group, 'from who left')
  await ask('DELETE', `/v1/conversations/${group}/members/${carol.user.id}`, as(carol))
  const erins = await RawSocket.arrive(erin)
  await say(erins, group, 'of an account that ended')
  await ask('DELETE', '/v1/me', as(erin, { password: PASSWORD }))
  await ask('POST', '/v1/friend-requests', as(alice, { userId: bob.user.id }))
  await ask('POST', '/v1/friend-requests', as(bob, { userId: alice.user.id }))
  await ask('POST', '/v1/friend-requests', as(carol, { userId: bob.user.id }))
  await ask('PUT', `/v1/blocks/${dave.user.id}`, as(alice))
  const barred = await openDirect(bob, dave)
  await ask('PUT', `/v1/blocks/${bob.user.id}`, as(dave))
  await ask('POST', '/v1/invitations', as(bob, { userId: carol.user.id, message: 'come' }))
  const plan = { title: newName('Ball'), description: 'd', location: 'l', startsAt: '1960-01-01T00:00:00.000Z' }
  const event = await ask<{ id: number }>('POST', '/v1/events', as(alice, plan))
  await ask('PUT', `/v1/events/${event.body.id}/rsvp`, as(bob, { answer: 'maybe' }))
  for (const socket of [hers, his, carols]) socket.close()
  return { alice, bob, carol, dave, direct, group, barred }
}

const inbox = async (who: SignedIn) => (await ask<InboxPage>('GET', '/v1/conversations', as(who))).body.items
const history = async (who: SignedIn, conversationId: number) =>
  (await ask<HistoryPage>('GET', `/v1/conversations/${conversationId}/messages`, as(who))).body.items
const statusesOf = (answers: { status: number }[]) => [...new Set(answers.map(({ status }) => status))]

test('[ADMN4] what is restored into an empty deployment makes the same backup, to the letter', async () => {
  await life()
  const before = await backUp()
  await empty()

  const answers = await restore(before)

  expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  expect((await backUp()).map((line) => JSON.stringify(line))).toEqual(before.map((line) => JSON.stringify(line)))
  const kept = new Set(before.map(({ table }) => table))
  expect([...kept].toSorted()).toEqual(
    [
      'messages members conversation users sessions refresh_tokens sqlite_sequence conversations',
      'friendships friend_requests blocks invitations events rsvps',
    ]
      .flatMap((names) => names.split(' '))
      .toSorted(),
  )
})

test('[ADMN4] people sign in as before, see what they saw, and go on', async () => {
  const { alice, bob, dave, direct, group, barred } = await life()
  const lines = await Promise.all([barred, group, direct].map((id) => entryFor(bob, id)))
  const seen = { direct: await history(bob, direct), group: await history(bob, group) }
  const { accessToken: _, refreshToken } = alice
  const backup = await backUp()
  await empty()
  await restore(backup)

  const [hers, his] = [await refreshWith(refreshToken), await again(bob)]

  expect(hers.status).toBe(200)
  expect(await history(his, direct)).toEqual(seen.direct)
  expect(await history(his, group)).toEqual(seen.group)
  const now = await inbox(his)
  const epochs = lines.map(({ epoch }) => epoch)
  expect(new Set(now.map((entry) => ({ ...entry, epoch: '' })))).toEqual(
    new Set(lines.map((entry) => ({ ...entry, epoch: '' }))),
  )
  expect(now.filter(({ epoch }) => epochs.includes(epoch))).toEqual([])
  const [her, him] = [await RawSocket.arrive(hers.body), await RawSocket.arrive(his)]
  const last = seen.direct[0]?.seq ?? 0
  expect((await say(her, direct, 'and on')).seq).toBe(last + 1)
  await him.waitFor((frame) => JSON.stringify(frame).includes('"and on"'))
  expect((await say(him, direct, 'and back')).seq).toBe(last + 2)
  // Their blocks hold, and their numbers go on.
  const refused = await him.reply({ type: 'message.send', conversationId: barred, clientId: 'x', content: text('x') })
  expect(refused).toMatchObject({ ok: false, error: { code: 'conversation.blocked' } })
  const latest = await signUp()
  expect(latest.user.id).toBeGreaterThan(dave.user.id + 1)
  expect((await ask<{ items: Friend[] }>('GET', '/v1/friends', as(his))).body.items).toHaveLength(1)
})

test('[ADMN4] a client that has a copy is told that it is of another log', async () => {
  const { alice, bob, conversationId } = await pair()
  const socket = await RawSocket.arrive(alice)
  await say(socket, conversationId)
  const backup = await backUp()
  await say(socket, conversationId, 'after the backup')
  const [entry] = await inbox(bob)
  socket.close()
  await empty()
  await restore(backup)

  const have = `${conversationId.toString(36)}.${entry?.rev.toString(36)}.${entry?.readSeq.toString(36)}.${entry?.epoch.slice(0, 8)}`
  const back = await RawSocket.connect((await again(bob)).accessToken, have)
  const hello = await back.waitForType('hello')

  expect(hello['conversations']).toMatchObject([{ seq: 1, conversation: { id: conversationId } }])
  expect(hello['conversations']).not.toMatchObject([{ epoch: entry?.epoch }])
})

test('[ADMN4] of an account that ends while a backup is made, nothing comes back', async () => {
  const { alice, bob, conversationId } = await pair()
  await say(await RawSocket.arrive(alice), conversationId, 'mine')
  const conversations = await backUpConversations()
  await ask('DELETE', '/v1/me', as(alice, { password: PASSWORD }))
  const backup = [...conversations, ...(await backUpDirectory())]
  await empty()

  await restore(backup)

  expect((await history(await again(bob), conversationId)).map(({ content }) => content)).toEqual([null])
  expect((await signIn(alice.user.username)).status).toBe(401)
})

test('[ADMN4] who ends the account later is erased also where they had left before', async () => {
  const [alice, bob] = [await signUp(), await signUp()]
  const group = await openGroup(alice, bob)
  await say(await RawSocket.arrive(bob), group, 'mine')
  await ask('DELETE', `/v1/conversations/${group}/members/${bob.user.id}`, as(bob))
  const backup = await backUp()
  await empty()
  await restore(backup)

  await ask('DELETE', '/v1/me', as(await again(bob), { password: PASSWORD }))

  expect((await history(await again(alice), group)).map(({ content }) => content)).toEqual([null])
  const parted = await runInDurableObject(hubOf(env, bob.user.id), (_, { storage }) =>
    storage.sql.exec('SELECT * FROM parted').toArray(),
  )
  expect(parted).toEqual([])
})

test('[ADMN4] a long conversation comes in pages, the last of which fits together', async () => {
  const { alice, conversationId } = await pair()
  const socket = await RawSocket.arrive(alice)
  const all = Array.from({ length: 450 }, (_, i) => say(socket, conversationId, `no. ${i + 1}`))
  await Promise.all(all)
  const backup = await backUp()
  const messages = backup.filter(({ table }) => table === 'messages')
  expect(messages.map(({ row }) => row['seq'])).toEqual(all.map((_, i) => i + 1))
  await empty()
  const others = backup.filter(({ table }) => table !== 'messages')
  await restore(others.filter(({ table }) => table !== 'conversation' && table !== 'members'))

  // In parts, and some of them twice: who got no answer asks again. The object may end in between, and is not there until all is.
  for (const part of [messages.slice(0, 300), messages.slice(0, 300), messages.slice(300), messages.slice(300)]) {
    expect((await load(part)).status).toBe(200)
    await abortAllDurableObjects()
    expect((await ask('GET', `/v1/conversations/${conversationId}`, as(await again(alice)))).status).toBe(404)
  }
  await restore(others.filter(({ table }) => table === 'members'))
  await restore(others.filter(({ table }) => table === 'conversation'))

  expect(await backUpConversations()).toEqual(backup.filter(({ conversation }) => conversation !== undefined))
})

test('[ADMN5] nothing is written over what there is', async () => {
  const { alice, conversationId } = await pair()
  const backup = await backUp()
  const socket = await RawSocket.arrive(alice)
  await say(socket, conversationId, 'since')
  await signUp()
  const since = await backUp()

  const answers = await restore(backup.map((line) => ({ ...line, row: changed(line.row) })))
  const whole = await restore(backup)

  expect(statusesOf(answers)).toEqual([409])
  expect(answers[0]?.body.code).toBe('backup.occupied')
  // What is there already is just not written again.
  expect(whole.filter(({ status, body }) => status === 200 && body.added > 0)).toEqual([])
  expect(await backUp()).toEqual(since)
  expect((await say(socket, conversationId, 'on')).seq).toBe(2)
})

/** The same key, and something else. */
const changed = (row: Line['row']): Line['row'] =>
  Object.fromEntries(
    Object.entries(row).map(([name, value], i) => [
      name,
      i > 0 && typeof value === 'number' && /_at$|seq$|rev$/.test(name) ? value + 1 : value,
    ]),
  )

test('[ADMN5] rows that are none are refused, and nothing of them is written', async () => {
  const { conversationId: conversation } = await pair()
  const backup = await backUp()
  await empty()
  const rowOf = (name: string) => backup.find(({ table }) => table === name)?.row ?? {}
  await restore(backup.filter(({ conversation: of, table }) => of === undefined && table !== 'blocks'))
  const [user, member, head] = [rowOf('users'), rowOf('members'), rowOf('conversation')]
  const message = { seq: 1, rev: 9, changed_rev: null, sender_id: 1, client_id: 'a', created_at: 1, edited_at: null }
  const whole = { ...message, deleted_at: null, pinned_at: null, body: null, reactions: null }
  const bad: [line: Line, code: string][] = [
    [{ table: 'nothing', row: user }, 'request.invalid'],
    [{ table: 'metrics', row: { id: 1, totals: '{}' } }, 'request.invalid'],
    [{ table: 'users', row: {} }, 'request.invalid'],
    [{ table: 'users', row: { ...user, more: 1 } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, id: 'one' } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, id: null } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, id: 1.5 } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, id: 2 ** 60 } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, is_admin: 2 } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, username: '\u0000' } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, username: '\ud800' } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, created_at: Date.parse('+010000-01-01T00:00:00.000Z') } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, created_at: Date.parse('-000001-12-31T23:59:59.999Z') } }, 'request.invalid'],
    [{ table: 'users', row: { ...user, id: 99 } }, 'backup.occupied'],
    [{ table: 'sqlite_sequence', row: { name: 'd1_migrations', seq: 1 } }, 'request.invalid'],
    [{ table: 'blocks', row: { blocker_id: 98, blocked_id: 99, created_at: 1 } }, 'backup.occupied'],
    [{ conversation, table: 'users', row: user }, 'request.invalid'],
    [{ conversation, table: 'members', row: { ...member, role: 'king' } }, 'request.invalid'],
    [{ conversation, table: 'members', row: { ...member, asleep: 0 } }, 'request.invalid'],
    [{ conversation, table: 'conversation', row: { ...head, id: conversation + 1 } }, 'request.invalid'],
    [{ conversation, table: 'conversation', row: { ...head, epoch: 'mine' } }, 'request.invalid'],
    [{ conversation, table: 'messages', row: { ...whole, body: 'no JSON' } }, 'request.invalid'],
    [{ conversation, table: 'messages', row: { ...whole, body: '{"content":{"kind":"x"}}' } }, 'request.invalid'],
    [
      { conversation, table: 'messages', row: { ...whole, body: '{"content":{"kind":"text","text":""}}' } },
      'request.invalid',
    ],
    [{ conversation, table: 'messages', row: { ...whole, seq: 2 ** 26 } }, 'request.invalid'],
    [{ conversation, table: 'messages', row: { ...whole, sender_id: 0 } }, 'request.invalid'],
    [{ conversation, table: 'messages', row: { ...whole, reactions: '[{"emoji":1}]' } }, 'request.invalid'],
    [{ conversation, table: 'members', row: { ...member, user_id: 0 } }, 'request.invalid'],
    [{ conversation, table: 'members', row: { ...member, read_seq: 2 ** 26 } }, 'request.invalid'],
    [{ conversation: 99_999, table: 'messages', row: whole }, 'conversation.not_found'],
  ]

  for (const [line, code] of bad) expect((await load([line])).body.code, JSON.stringify(line)).toBe(code)
  // One that is good with one that is not: neither.
  const two = [whole, { ...whole, seq: 2 }].map((row) => ({ conversation, table: 'messages', row }))
  expect((await load(two)).body.code).toBe('backup.occupied')
  // A conversation with a hole is none.
  expect((await load([{ conversation, table: 'messages', row: { ...whole, seq: 7 } }])).body.added).toBe(1)
  expect((await load([{ conversation, table: 'conversation', row: head }])).body.code).toBe('request.invalid')
  const stored = await runInDurableObject(conversationOf(env, conversation), (_, { storage }) =>
    ['messages', 'members', 'conversation'].map((name) => storage.sql.exec(`SELECT * FROM ${name}`).toArray().length),
  )
  expect(stored).toEqual([1, 0, 0])
  expect(await backUpDirectory()).toEqual(backup.filter(({ conversation: of }) => of === undefined))
})

test('[ADMN5] whatever a row holds, it is taken or refused, and what is taken can be read', async () => {
  const { alice, conversationId } = await pair()
  const socket = await RawSocket.arrive(alice)
  const { id } = await say(socket, conversationId)
  await socket.request({ type: 'reaction.add', messageId: id, emoji: '👍' })
  const backup = await backUp()
  const values = fc.oneof(
    fc.constantFrom<string | number | null>(
      null,
      0,
      1,
      -1,
      2 ** 31,
      2 ** 53 - 1,
      -(2 ** 53 - 1),
      8.64e15,
      '',
      '{}',
      '[]',
    ),
    fc.constantFrom<string>('null', '{"content":null}', '{"content":{"kind":"text"}}', '[{"emoji":"","userIds":[-1]}]'),
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.maxSafeInteger(),
  )
  const lines = fc.constantFrom(...backup)
  const changes = fc.array(fc.tuple(lines, fc.nat(), values), { minLength: 1, maxLength: 2 })

  await fc.assert(
    fc.asyncProperty(changes, async (made) => {
      await empty()
      const changed = backup.map((line) => {
        const row = { ...line.row }
        for (const [, at, value] of made.filter(([which]) => which === line)) {
          row[Object.keys(row)[at % Object.keys(row).length] ?? ''] = value
        }
        return { ...line, row }
      })
      const statuses = statusesOf(await restore(changed))
      const person = await again(alice)
      const paths = ['/v1/conversations', '/v1/users?query=p', '/v1/me', '/v1/auth/sessions', '/v1/friends']
      const texts = [`/v1/conversations/${conversationId}`, `/v1/conversations/${conversationId}/messages`]
      const read = await Promise.all([...paths, ...texts].map((path) => ask('GET', path, as(person))))
      expect([...statuses, ...statusesOf(read)].filter((status) => status >= 500)).toEqual([])
    }),
    { numRuns: 15 },
  )
}, 60_000)

test('[ADMN4] a backup of before there was a column goes in', async () => {
  await life()
  const whole = await backUp()
  const lacking = whole.map((line) => {
    const columns = Object.entries(line.row).filter(([name]) => name !== 'device' && name !== 'pinned_at')
    return { ...line, row: Object.fromEntries(columns) }
  })
  await empty()

  expect(statusesOf(await restore(lacking))).toEqual([200])

  const rows = await backUp()
  expect(rows).toHaveLength(whole.length)
  expect(rows.filter(({ row }) => (row['device'] ?? row['pinned_at'] ?? null) !== null)).toEqual([])
})

test('[ADMN5] a body may be larger than elsewhere, and not without end', async () => {
  const row = { key: 'x'.repeat(5_000_000) }

  expect((await load([{ table: 'users', row }])).body.code).toBe('request.too_large')
  expect((await load([{ table: 'users', row: { key: 'x'.repeat(3_000_000) } }])).body.code).toBe('request.invalid')
})

test('[ADMN3] the token of the deployment opens it, and where none is set, or one that could be guessed, none does', async () => {
  const admin = await signUp()
  await env.DIRECTORY.prepare(appointment(admin.user.username, true)).run()
  const statusWith = async (token: string, bindings: Partial<Env>) => {
    const headers = { authorization: `Bearer ${token}` }
    const request = new Request('https://causerie.test/v1/backup/conversations', { headers })
    return (await app.fetch(request, { ...env, ...bindings }, createExecutionContext())).status
  }

  expect(await statusWith(BACKUP_TOKEN, {})).toBe(200)
  expect(await statusWith(`${BACKUP_TOKEN}x`, {})).toBe(401)
  expect(await statusWith('', { BACKUP_TOKEN: '' })).toBe(401)
  expect(await statusWith('short', { BACKUP_TOKEN: 'short' })).toBe(401)
  expect((await ask('GET', '/v1/backup/conversations', as(admin))).body).toMatchObject({ code: 'backup.not_allowed' })
  expect((await ask('GET', '/v1/me', { token: BACKUP_TOKEN })).status).toBe(401)
})

test('[ADMN3] a copy of the directory is read by who took the last, and stays no longer than accounts do', async () => {
  const { alice } = await pair()
  const take = async () => (await ask<Snapshot>('POST', '/v1/backup/snapshots', { token: BACKUP_TOKEN })).body.id
  const codeOf = async (id: string) =>
    (await ask('GET', `/v1/backup/snapshots/${id}`, { token: BACKUP_TOKEN })).body.code ?? 'there'

  const [first, second] = [await take(), await take()]
  expect([await codeOf(first), await codeOf(second)]).toEqual(['snapshot.not_found', 'there'])
  await ask('DELETE', '/v1/me', as(alice, { password: PASSWORD }))
  expect(await codeOf(second)).toBe('snapshot.not_found')
  expect(await codeOf(await take())).toBe('there')
})
