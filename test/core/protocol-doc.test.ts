import { globSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Command, COMMAND_TYPES, FrameId } from '../../src/protocol/commands.ts'
import { ERRORS } from '../../src/protocol/errors.ts'
import { ServerFrame } from '../../src/protocol/events.ts'
import { LIMITS } from '../../src/protocol/limits.ts'
import { CLOSE } from '../../src/protocol/wire.ts'

const DOC = readFileSync('docs/protocol.md', 'utf8')
const RULES = [...DOC.matchAll(/^- \*\*\[([A-Z]+\d+)\]\*\* \S/gm)].map(([, id = '']) => id)

/** The ids that begin the titles of tests, with the files that have them. */
const titles = (): Map<string, Set<string>> => {
  const found = new Map<string, Set<string>>()
  for (const file of globSync('test/**/*.{ts,tsx}')) {
    for (const [, id = ''] of readFileSync(file, 'utf8').matchAll(/['"`]\[([A-Z]+\d+)\] /g)) {
      found.set(id, (found.get(id) ?? new Set()).add(file))
    }
  }
  return found
}

/** The rows of the table whose columns begin with these. */
const rowsBelow = (...columns: string[]): string[][] => {
  const cells = (line: string) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''))
  const tables = DOC.split('\n\n').map((block) =>
    block
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map(cells),
  )
  return tables.find(([head]) => columns.every((column, i) => head?.[i] === column))?.slice(2) ?? []
}

test('every rule of the protocol has an id of its own and a test, and every test that names a rule names one that exists', () => {
  const proved = titles()

  expect(RULES.length).toBeGreaterThan(100)
  expect(RULES.filter((id, i) => RULES.indexOf(id) !== i)).toEqual([])
  expect(RULES.filter((id) => !proved.has(id))).toEqual([])
  expect(
    [...proved].filter(([id]) => !RULES.includes(id)).map(([id, files]) => `${id} in ${[...files].join()}`),
  ).toEqual([])
})

test('the error codes, the close codes and the limits are those of the code', () => {
  const errors = Object.entries(ERRORS).map(([code, [status, sentence]]) => [code, String(status), sentence])
  const limits = Object.entries(LIMITS).map(([name, value]) => [name, value.toLocaleString('en')])

  expect(rowsBelow('code', 'status')).toEqual(errors)
  expect(rowsBelow('name', 'code').map(([name, code]) => [name, Number(code)])).toEqual(Object.entries(CLOSE))
  expect(rowsBelow('name', 'value').map(([name, value]) => [name, value])).toEqual(limits)
})

test('every example is a frame that the schemas take, and no command lacks one', () => {
  const frames = [...DOC.matchAll(/```json\n([^`]*)```/g)].flatMap(([, block = '']) => block.trim().split('\n'))
  const parsed = frames.flatMap((frame) => JSON.parse(frame) as { id?: unknown; type: string })
  const isCommand = ({ type }: { type: string }) => COMMAND_TYPES.some((known) => known === type)

  for (const frame of parsed) {
    if (isCommand(frame)) {
      const { id, ...command } = frame
      expect([FrameId.parse(id), Command.parse(command)]).toEqual([id, command])
    } else expect(ServerFrame.parse(frame)).toEqual(frame)
  }
  expect([...new Set(parsed.filter(isCommand).map(({ type }) => type))].toSorted()).toEqual(COMMAND_TYPES.toSorted())
})
