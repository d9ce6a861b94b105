import * as fc from 'fast-check'
import type { Shape } from '../src/contract/shapes.ts'
import { DIGITS, noEmoji } from './nasties.ts'

/** Values as a schema of the contract wants them, and values just beyond its edges. */

export type Schemas = Record<string, Shape>

/** What there is to be named: the things of the person who asks, of those around, of others, and of nobody. */
export const THINGS = [
  'conversation',
  'group',
  'foreignConversation',
  'noConversation',
  'message',
  'groupMessage',
  'theirMessage',
  'deletedMessage',
  'foreignMessage',
  'noMessage',
  'me',
  'other',
  'third',
  'stranger',
  'nobody',
  'request',
  'foreignRequest',
  'invitation',
  'foreignInvitation',
  'event',
  'foreignEvent',
  'noNumber',
  'session',
  'foreignSession',
  'snapshot',
  'fresh',
  'used',
  'freshName',
  'takenName',
  'freshEmail',
  'takenEmail',
  'password',
  'token',
  'refreshToken',
] as const
export type Thing = (typeof THINGS)[number]

/** Stands for a thing until the input is sent: `put` writes it in. */
const thing = (name: Thing): string => `thing:${name}`
export type World = Record<Thing, () => string | number>

/** A text with the things that it names, as JSON or as they are in a path. */
export const put = (text: string, world: World, write: (value: string | number) => string): string =>
  text.replaceAll(/"?thing:(\w+)"?/g, (whole, name: string) => {
    const value = (world as Record<string, World[Thing]>)[name]?.()
    return value === undefined ? whole : write(value)
  })

const CONVERSATIONS: Thing[] = [
  'conversation',
  'conversation',
  'group',
  'group',
  'foreignConversation',
  'noConversation',
]
const MESSAGES: Thing[] = [
  'message',
  'message',
  'groupMessage',
  'groupMessage',
  'theirMessage',
  'deletedMessage',
  'foreignMessage',
  'noMessage',
]
const PEOPLE: Thing[] = ['other', 'other', 'third', 'third', 'me', 'stranger', 'nobody']
const REQUESTS: Thing[] = ['request', 'request', 'foreignRequest', 'noNumber']
const INVITATIONS: Thing[] = ['invitation', 'invitation', 'foreignInvitation', 'noNumber']
const EVENTS: Thing[] = ['event', 'event', 'foreignEvent', 'noNumber']

/** What a field of this name names, in whatever route or frame it is. */
const MEANINGS: Record<string, Thing[]> = {
  conversationId: CONVERSATIONS,
  conversation_id: CONVERSATIONS,
  conv_id: CONVERSATIONS,
  messageId: MESSAGES,
  message_id: MESSAGES,
  replyTo: MESSAGES,
  userId: PEOPLE,
  userIds: PEOPLE,
  user_id: PEOPLE,
  memberIds: PEOPLE,
  mentions: PEOPLE,
  receiver_id: PEOPLE,
  other_user_id: PEOPLE,
  friend_id: PEOPLE,
  sender_id: PEOPLE,
  to_user_id: PEOPLE,
  ids: PEOPLE,
  request_id: REQUESTS,
  friend_request_id: REQUESTS,
  event_id: EVENTS,
  file: EVENTS,
  clientId: ['fresh', 'fresh', 'used'],
  username: ['freshName', 'takenName'],
  receiver_username: ['takenName', 'freshName'],
  friend_username: ['takenName', 'freshName'],
  sender_username: ['takenName', 'freshName'],
  login: ['takenName', 'takenEmail', 'freshName'],
  email: ['freshEmail', 'takenEmail'],
  password: ['password'],
  currentPassword: ['password'],
  newPassword: ['password'],
  refreshToken: ['refreshToken', 'fresh'],
  token: ['token', 'fresh'],
  ticket: ['fresh'],
}

/** What `{id}` names behind this part of a path, or in the object of this name. */
const MEANINGS_BEHIND: Record<string, Thing[]> = {
  conversations: CONVERSATIONS,
  messages: MESSAGES,
  users: PEOPLE,
  events: EVENTS,
  invitations: INVITATIONS,
  'friend-requests': REQUESTS,
  sessions: ['session', 'foreignSession', 'fresh'],
  snapshots: ['snapshot', 'snapshot', 'fresh'],
  message: MESSAGES,
}

/** Numbers that name no thing of the world, though their names end like it. */
const PLAIN = new Set(['media_ids', 'fileId', 'id'])

/** Values that a schema alone does not lead to. */
const WORDS: Record<string, unknown[]> = {
  emoji: ['👍', '👍🏽', '❤️', '🇫🇷', '1️⃣', '👩‍👩‍👧', ...noEmoji],
  have: ['', '1.1.1', '1.1.1_2.zz.1', 'zzzzzzzzzzzz.1.1', '-1.1.1', `1.1.1${'_1.1.1'.repeat(4_000)}`],
  date: ['2030-01-01T20:00:00', '2030-01-01T20:00:00+02:00', '2030-01-01', '9999-12-31T23:59:59-23:59'],
  startsAt: ['2030-01-01T20:00:00.000Z', '0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z'],
}

const TEXTS = [
  'x',
  'bonjour',
  'Ça va ?',
  '<b>x</b>',
  "Robert'); --",
  '𝒳'.repeat(20),
  '\u200B',
  'a\nb',
  ' x ',
  '{"a":1}',
]

/** Every field that names something by its number, and of which nobody has said what. */
export const isUnknownName = (name: string, behind = ''): boolean =>
  /(?:^i|I|_i)ds?$/.test(name) && (behind !== '' || !PLAIN.has(name)) && !meaningOf(name, behind)

const meaningOf = (name: string, behind: string): Thing[] | undefined =>
  name === 'id' ? MEANINGS_BEHIND[behind] : MEANINGS[name]

export const resolved = (shape: Shape, schemas: Schemas): Shape => {
  const name = shape.$ref?.split('/').at(-1)
  return name === undefined ? shape : (schemas[name] ?? {})
}

type Place = { name: string; behind?: string; schemas: Schemas }

/** A value that the schema takes, as far as it can be told. `behind` is what stands before it in a path, or the field that it is in. */
export const valueOf = (shape: Shape, place: Place): fc.Arbitrary<unknown> => {
  const { name, behind = '', schemas } = place
  const own = resolved(shape, schemas)
  const branches = own.oneOf ?? own.anyOf
  if (branches) return fc.oneof(...branches.map((branch) => valueOf(branch, place)))
  if (own.const !== undefined) return fc.constant(own.const)
  if (own.enum) return fc.constantFrom(...own.enum)
  const type = Array.isArray(own.type) ? own.type[0] : own.type
  if (type === 'object') return recordOf(own, place)
  if (type === 'array') return fc.array(valueOf(own.items ?? {}, place), { maxLength: Math.min(own.maxItems ?? 4, 4) })
  const meaning = meaningOf(name, behind)
  if (meaning) return fc.constantFrom(...meaning.map(thing))
  const words = WORDS[name]
  if (words) return fc.constantFrom(...words)
  if (type === 'integer' || type === 'number') return numberOf(own)
  if (type === 'boolean') return fc.boolean()
  if (type === 'null') return fc.constant(null)
  return textOf(own)
}

const recordOf = ({ properties = {}, required = [] }: Shape, { name: behind, schemas }: Place): fc.Arbitrary<unknown> =>
  fc.record(
    Object.fromEntries(
      Object.entries(properties).map(([name, field]) => [name, valueOf(field, { name, behind, schemas })]),
    ),
    { requiredKeys: required },
  )

const numberOf = ({ minimum, exclusiveMinimum, maximum }: Shape): fc.Arbitrary<number> => {
  const min = minimum ?? (exclusiveMinimum === undefined ? 0 : exclusiveMinimum + 1)
  return fc.integer({ min, max: Math.min(maximum ?? min + 1_000, min + 1_000) })
}

const textOf = ({ format, pattern, minLength = 0, maxLength = 100 }: Shape): fc.Arbitrary<string> => {
  if (format === 'date-time') return fc.constantFrom('2030-01-01T20:00:00.000Z', '1970-01-01T00:00:00Z')
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern))
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...TEXTS.map((text) => text.slice(0, maxLength))) },
    fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 30) }),
    fc.constant('x'.repeat(Math.min(maxLength, 8_000))),
  )
}

/** What such a field just does not take. */
export const edgesOf = (shape: Shape, schemas: Schemas): unknown[] => {
  const own = resolved(shape, schemas)
  const branches = own.oneOf ?? own.anyOf
  if (branches) return [...branches.flatMap((branch) => edgesOf(branch, schemas)), {}, '']
  if (own.const !== undefined || own.enum) {
    const [first] = own.enum ?? [own.const]
    return ['', null, [first], `${String(first)} `, String(first).toUpperCase(), '__proto__', 'constructor', 0]
  }
  switch (Array.isArray(own.type) ? own.type[0] : own.type) {
    case 'integer':
    case 'number':
      return edgesOfNumber(own)
    case 'string':
      return edgesOfText(own)
    case 'array': {
      const size = (own.maxItems ?? 1_000) + 1
      return [
        Array.from({ length: size }, (_, i) => i + 1),
        Array(size).fill(1),
        {},
        { length: 1, 0: 1 },
        null,
        [null],
        [[]],
        '1',
      ]
    }
    case 'object':
      return [null, [], '', 'x', 0, true, [{}], {}]
    case undefined:
    default:
      return [null, {}, []]
  }
}

const edgesOfNumber = ({ minimum, exclusiveMinimum, maximum }: Shape): unknown[] => {
  const min = minimum ?? exclusiveMinimum
  return [
    ...(min === undefined ? [-1, DIGITS('-1e999')] : [min - 1, min]),
    ...(maximum === undefined ? [2 ** 53, DIGITS('1e999')] : [maximum + 1, maximum]),
    0.5,
    '1',
    '',
    null,
    true,
    [1],
    DIGITS('9007199254740993'),
    DIGITS('-0'),
    DIGITS('1.0'),
  ]
}

const edgesOfText = ({ maxLength, minLength = 0 }: Shape): unknown[] => [
  'x'.repeat((maxLength ?? 1_000) + 1),
  ...(minLength > 0 ? ['x'.repeat(minLength - 1)] : []),
  '',
  ' ',
  '\uD800',
  'a\uDC00b',
  'x\0',
  '\u202Ex',
  7,
  null,
  ['x'],
  { toString: 'x' },
  true,
]
