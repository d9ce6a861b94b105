import { expect, test } from 'vitest'
import { secretsIn } from '../../chaos/secrets-in-log.ts'

const TOKEN = 'q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA'

test.each([
  ['an access token', `{"authorization":"Bearer eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"}`],
  ['a token', `{"refreshToken":"${TOKEN}"}`],
  ['a token', `{"protocol":"ticket.12.${TOKEN}"}`],
  ['a password', '{"message":"Failed query: … params: correct horse battery"}'],
  ['an address of somebody', '{"login":"person1@example.org"}'],
  ['what somebody said', '{"text":"the quick brown raisin"}'],
])('[CHAOS] a log that has %s is found out', (kind, line) => {
  expect(secretsIn(`{"event":"request.unavailable"}\n${line}\n`)).toEqual([`${kind}: ${line}`])
})

test('[CHAOS] names of objects and of requests are no secrets', () => {
  const object = '0f3c2a'.repeat(11).slice(0, 64)
  const line = `{"requestId":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","object":"${object}","event":"fan-out.failed"}`
  expect(secretsIn(line)).toEqual([])
})
