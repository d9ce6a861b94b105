import { expect, test } from 'vitest'
import type { ServerEvent } from '../../src/protocol/events.ts'
import { problemsOf } from './judge.ts'

const conversationId = 7
const MESSAGES = [1, 2, 3].map((seq) => ({ seq, rev: seq + 1, isDeleted: false }))

const event = (type: string, fields: object) => ({ type, conversationId, ...fields }) as unknown as ServerEvent
const hello = event('hello', { conversations: [{ conversation: { id: conversationId }, rev: 1 }] })
const created = (seq: number) => event('message.created', { rev: seq + 1, message: { seq } })
const updated = (seq: number, rev: number) => event('message.updated', { rev, message: { seq } })
const out = event('conversation.deleted', {})
const head = event('conversation.head', { entry: { rev: 3 } })

const judged = (told: ServerEvent[], isMember = true) =>
  problemsOf({ told, conversationId, isMember, messages: MESSAGES })

test('what is right has no problem', () => {
  expect(judged([hello, created(1), created(2), updated(1, 4), created(3)])).toEqual([])
  expect(judged([hello, created(1), head, created(3)])).toEqual([])
  expect(judged([hello, created(1), out], false)).toEqual([])
})

test.each([
  ['a message that did not come', [hello, created(1), created(3)], ['message 2 did not come']],
  ['one that is new twice', [hello, created(1), created(2), created(2), created(3)], ['message 2 is new twice']],
  ["an order that is not the log's", [hello, created(2), created(1), created(3)], ['message.created 2 comes after 3']],
  [
    'a change of what was never new',
    [hello, created(1), updated(3, 5), created(2)],
    ['message 3 changes before it is new', 'message.created 3 comes after 5', 'message 3 did not come'],
  ],
  ['a conversation that nobody told of', [], ['it does not have the conversation']],
])('%s is found', (_, told, problems) => {
  expect(judged(told)).toEqual(problems)
})

test('somebody who is out and was not told is found', () => {
  expect(judged([hello, created(1)], false)).toEqual(['nobody said that its user is out'])
})
