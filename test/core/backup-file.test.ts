import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkBackup, type Line, readBackup, writeBackup } from '../../scripts/backup-file.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backup-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const LINES: Line[] = [
  { conversation: 1, table: 'messages', row: { body: 'one\u2028two\nthree' } },
  { table: 'users', row: { id: 1 } },
]

async function* from(lines: Line[], fault?: Error): AsyncGenerator<Line> {
  yield* lines
  if (fault) throw fault
}

test('a backup holds the rows in their order, and only its owner may read it', async () => {
  const path = join(folder, 'backup')

  expect(await writeBackup(path, from(LINES))).toBe(2)

  await checkBackup(path)
  const read: Line[] = []
  for await (const line of readBackup(path)) read.push(line)
  expect(read).toEqual(LINES)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(folder)).toEqual(['backup'])
})

test('a backup that broke off leaves no file', async () => {
  await expect(writeBackup(join(folder, 'backup'), from(LINES, new Error('broken off')))).rejects.toThrow('broken off')

  expect(readdirSync(folder)).toEqual([])
})

test('a backup that another is writing is left to it', async () => {
  writeFileSync(join(folder, 'backup.part'), 'half of it')

  await expect(writeBackup(join(folder, 'backup'), from(LINES))).rejects.toThrow('EEXIST')

  expect(readFileSync(join(folder, 'backup.part'), 'utf8')).toBe('half of it')
})

test('a file that lost a line, or a letter of one, is not whole', async () => {
  const path = join(folder, 'backup')
  await writeBackup(path, from(LINES))
  const whole = readFileSync(path, 'utf8')
  const lines = whole.split('\n')

  for (const spoiled of [
    '',
    lines.slice(0, -2).join('\n'),
    lines.toSpliced(1, 1).join('\n'),
    whole.replace('three', 'Three'),
    `${whole}${lines[1]}\n`,
  ]) {
    writeFileSync(path, spoiled)
    await expect(checkBackup(path), spoiled).rejects.toThrow('is not whole')
  }
  writeFileSync(path, lines.toSpliced(0, 1).join('\n'))
  await expect(checkBackup(path)).rejects.toThrow('is no backup that this version reads')
})
