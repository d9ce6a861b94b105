import { describe, expect, test } from 'vitest'
import { isCommonPassword } from '../../src/core/common-passwords.ts'
import { deviceOf, nameKey } from '../../src/core/names.ts'
import { judgeRefresh, REPLAY_MS } from '../../src/core/refresh.ts'
import { GUESS_WINDOW_MS, GUESSES_PER_LOGIN, networkOf, secondsUntilGuess } from '../../src/core/throttle.ts'

describe('names', () => {
  test.each([
    ['Marie', 'MARIE'],
    ['Straße', 'STRASSE'],
    ['ｍａｒｉｅ', 'Marie'],
    ['Zoe\u0301', 'Zoé'],
    ['ﬁn', 'FIN'],
  ])('[AUTH2] %s and %s are one name', (a, b) => {
    expect(nameKey(a)).toBe(nameKey(b))
  })

  test('a device is what the browser says of itself, shortened and on one line', () => {
    expect(deviceOf('Firefox\r\n on Linux')).toBe('Firefox   on Linux')
    expect(deviceOf('x'.repeat(1_000))).toHaveLength(120)
    expect(deviceOf('  ')).toBeNull()
    expect(deviceOf(undefined)).toBeNull()
  })
})

describe('passwords', () => {
  const own = { username: 'marie.curie', email: 'marie@sorbonne.example' }

  test.each(['password', 'PassWord123', 'aaaaaaaaaa', '12345678', 'zyxwvuts', 'Marie.Curie', 'marie@sorbonne.example'])(
    '[AUTH3] %s is too common',
    (password) => {
      expect(isCommonPassword(password, own)).toBe(true)
    },
  )

  test.each(['correct horse battery', 'Xq7#mmzz', 'aaaaaaab1'])('[AUTH3] %s is not', (password) => {
    expect(isCommonPassword(password, own)).toBe(false)
  })
})

describe('guesses', () => {
  test('[AUTH6] those above the limit wait for the end of the window', () => {
    const windowStart = 1_000_000

    expect(secondsUntilGuess({ windowStart, count: GUESSES_PER_LOGIN }, windowStart)).toBe(0)
    expect(secondsUntilGuess({ windowStart, count: GUESSES_PER_LOGIN + 1 }, windowStart)).toBe(GUESS_WINDOW_MS / 1000)
    expect(secondsUntilGuess({ windowStart, count: 99 }, windowStart + GUESS_WINDOW_MS - 1)).toBe(1)
  })

  test.each([
    ['203.0.113.7', '203.0.113.7'],
    ['2001:db8:0:1:aaaa:bbbb:cccc:dddd', '2001:db8:0:1::/64'],
    ['2001:0DB8::1:2', '2001:db8:0:0::/64'],
    ['2001:db8:0:1::', '2001:db8:0:1::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('[AUTH7] %s belongs to %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})

describe('refresh tokens', () => {
  const now = 5_000_000
  const token = { spentAt: null, sessionExpiresAt: now + 1, sessionRevokedAt: null, isAskedAgain: false }

  test.each([
    ['a fresh one', token, 'rotate'],
    ['one spent a moment ago', { ...token, spentAt: now - REPLAY_MS }, 'rotate'],
    ['one spent longer ago', { ...token, spentAt: now - REPLAY_MS - 1 }, 'refresh.reused'],
    ['one of the same attempt, however long ago', { ...token, spentAt: 0, isAskedAgain: true }, 'rotate'],
    ['one of an ended session', { ...token, sessionRevokedAt: now }, 'session.revoked'],
    ['a spent one of an ended session', { ...token, spentAt: 0, sessionRevokedAt: now }, 'session.revoked'],
    ['one of an expired session', { ...token, sessionExpiresAt: now }, 'refresh.invalid'],
    ['an unknown one', undefined, 'refresh.invalid'],
  ] as const)('[AUTH8] %s: %#', (_, known, verdict) => {
    expect(judgeRefresh(known, now)).toBe(verdict)
  })
})
