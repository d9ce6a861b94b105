import * as fc from 'fast-check'

/** Values that some parser, some database or some page once stumbled over. */

/** Stands for a number that JavaScript cannot write: `asText` puts its digits in. */
export const DIGITS = (digits: string): string => `digits:${digits}`

export const asText = (value: unknown): string =>
  (JSON.stringify(value) ?? 'nothing').replaceAll(/"digits:([^"]*)"/g, '$1')

export const wrongIds: unknown[] = [
  0,
  -1,
  1.5,
  '1',
  null,
  true,
  [],
  {},
  2 ** 60,
  DIGITS('9007199254740993'),
  DIGITS('1e999'),
  DIGITS('-0'),
]

export const wrongTexts: unknown[] = [
  '',
  'x'.repeat(8_001),
  '\uD800',
  'a\uDC00b',
  'x\0',
  7,
  null,
  ['x'],
  { toString: 'x' },
  true,
]

export const noEmoji = [
  '',
  ' ',
  'a',
  '1',
  '12',
  '#',
  '*',
  '👍👍',
  '👍 ',
  'a👍',
  '\u200D',
  '\uFE0F',
  '\u{1F3FB}',
  '🇫',
  '\uD83D',
  '👍\0',
  '<b>',
  '👍'.repeat(9),
  '__proto__',
]

const numbers: unknown[] = [0.1, -1e308, 1e21, 2 ** 31, 2 ** 32, 2 ** 53 - 1, -(2 ** 53), DIGITS('-1e-999')]

const texts: unknown[] = [
  'null',
  '[]',
  'true',
  'NaN',
  '-0',
  '1e3',
  '0x10',
  '١',
  '1\u00A0',
  '\u202E',
  '\u2066',
  '\uFFFD',
  '\uFEFF',
  '\u2028',
  '\u001B[31m',
  'a\r\nset-cookie: a=b',
  '${7*7}',
  '{{7*7}}',
  '%s%n%p',
  "' OR 1=1 --",
  '"; --',
  '*) OR (1=1',
  '%',
  '_',
  '../../etc/passwd',
  '<img src=x onerror=alert(1)>',
  'javascript:alert(1)',
  '__proto__',
  'constructor',
  'toString',
  'ﷺ'.repeat(500),
  `a${'\u0301'.repeat(1_000)}`,
  'İ'.repeat(33),
  'ß'.repeat(64),
  '👩‍👩‍👧'.repeat(50),
  '2030-02-30T00:00:00.000Z',
  '-000001-01-01T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  'digits',
]

const structures: unknown[] = [[[]], [null], { length: 1, 0: 1 }, { toJSON: 1 }, { constructor: {} }]

/** One such value, from these lists or made up. */
export const nasty: fc.Arbitrary<unknown> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom<unknown>(
      ...[...wrongIds, ...wrongTexts, ...noEmoji, ...numbers, ...texts, ...structures].filter(
        (each) => asText(each).length < 3_000,
      ),
    ),
  },
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: 'binary' }),
  fc.jsonValue({ maxDepth: 2 }),
)

/** Fields that a client has no business to set. */
export const PRIVILEGED = [
  'id',
  'isAdmin',
  'is_admin',
  'admin',
  'role',
  'roles',
  'userId',
  'user_id',
  'senderId',
  'sender_id',
  'ownerId',
  'organizerId',
  'organizer_id',
  'createdBy',
  'createdAt',
  'created_at',
  'editedAt',
  'deletedAt',
  'leftAt',
  'joinedAt',
  'seq',
  'rev',
  'epoch',
  'readSeq',
  'is_read',
  'passwordHash',
  'password_hash',
  'sessionId',
  'session_id',
  'sub',
  'sid',
  'status',
  'pinnedAt',
  'reactions',
  'ok',
  'then',
  'toString',
  'hasOwnProperty',
]
