import { expect, test, vi } from 'vitest'
import { refuse } from '../../src/protocol/errors.ts'
import { DialectDesk } from '../../src/objects/dialect-desk.ts'

vi.mock('cloudflare:workers', () => ({}))

test('who was told to wait while a direct conversation was looked for finds it afterwards', async () => {
  const answers = [refuse('rate.limited', { retryAfter: 3 }), null]
  const entry = { conversation: { kind: 'direct' }, memberIds: [1, 2] }
  const desk = new DialectDesk({
    userId: 1,
    ids: () => [9],
    entry: () => entry,
    spend: () => answers.shift(),
  } as unknown as ConstructorParameters<typeof DialectDesk>[0])

  expect(await desk.directWith(2)).toMatchObject({ code: 'rate.limited' })
  expect(desk.directWith(2)).toBe(9)
  expect(desk.directWith(2)).toBe(9)
  expect(answers).toEqual([])
})
