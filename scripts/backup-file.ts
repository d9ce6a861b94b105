import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

/** A row of the directory, or of a conversation. */
export type Line = { conversation?: number; table: string; row: object }
type End = { end: { rows: number; sha256: string } }

const HEAD = JSON.stringify({ causerie: 'backup', version: 1 })

/**
 * Writes a file of one line per row, which only its owner may read: it holds all that the database holds. The last line says how many
 * rows there are, and what all before it comes to, and there is no file of that name before it is written.
 */
export const writeBackup = async (path: string, lines: AsyncIterable<Line>): Promise<number> => {
  const part = `${path}.part`
  // One that is there already is another's, and stays.
  const file = await open(part, 'wx', 0o600)
  const hash = createHash('sha256')
  let rows = 0
  const hashed = (line: string): string => {
    hash.update(`${line}\n`)
    return `${line}\n`
  }
  async function* text(): AsyncGenerator<string> {
    yield hashed(HEAD)
    for await (const line of lines) {
      rows += 1
      yield hashed(JSON.stringify(line))
    }
    const end: End = { end: { rows, sha256: hash.digest('hex') } }
    yield `${JSON.stringify(end)}\n`
  }
  try {
    await pipeline(text, file.createWriteStream({ flush: true }))
    await rename(part, path)
    return rows
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

/** The rows of such a file, in their order. */
export async function* readBackup(path: string): AsyncGenerator<Line> {
  for await (const line of linesOf(path)) {
    const parsed = JSON.parse(line) as object
    if ('table' in parsed) yield parsed as Line
  }
}

/** Throws where it is not whole. */
export const checkBackup = async (path: string): Promise<void> => {
  const hash = createHash('sha256')
  let rows = -1
  let last: string | null = null
  for await (const line of linesOf(path)) {
    if (last === null && line !== HEAD) throw new Error(`${path} is no backup that this version reads.`)
    if (last !== null) {
      hash.update(`${last}\n`)
      rows += 1
    }
    last = line
  }
  const end: End = { end: { rows, sha256: hash.digest('hex') } }
  if (last !== JSON.stringify(end)) throw new Error(`${path} is not whole.`)
}

/** By line feeds only: Node's own reader also parts them at U+2028, which people may write. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of createReadStream(path, 'utf8')) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
  if (rest !== '') yield rest
}
