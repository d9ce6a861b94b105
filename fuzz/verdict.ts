import { ERRORS, Problem } from '../src/protocol/errors.ts'
import type { Answer } from './client.ts'
import type { Request } from './inputs.ts'

/** What a runtime, a database or a library says of itself, and no client should hear. */
const LEAK =
  /\n\s+at \S|\(?(?:file:\/\/|\/)\S+\.[cm]?[jt]s:\d+|SQLITE_|D1_\w*ERROR|\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM) ["`a-z]|drizzle|node_modules|\b(?:Type|Range|Reference|Syntax|Zod|Drizzle\w*|DataClone)Error\b|durable object reset/

/** What a text gives away; null where nothing, or only what it was told. */
export const leakIn = (text: string, told: string): string | null => {
  // As it reads once JSON is undone.
  const [leak] = LEAK.exec(text.replaceAll('\\n', '\n').replaceAll('\\"', '"')) ?? []
  return leak === undefined || told.includes(leak.trim()) ? null : leak.trim()
}

/** What is wrong with an answer, whatever was asked. */
export const faultOf = (asked: Request, answer: Answer, hangMs: number): string | null => {
  const { status, headers, text, ms, failed } = answer
  if (failed !== null) return `no answer: ${failed}`
  if (ms > hangMs) return `an answer after ${(ms / 1000).toFixed(1)} s`
  if (status >= 500 && !isBusy(answer)) return `status ${status}`
  const leak = leakIn(text, `${asked.url}${String(asked.body)}`)
  if (leak !== null) return `the answer says ${JSON.stringify(leak)}`
  if (status < 400 || asked.method === 'HEAD' || status === 426) return null
  const said = parsed(text)
  if (headers['content-type'] === 'application/problem+json') {
    const problem = Problem.safeParse(said)
    if (!problem.success || problem.data.status !== status || ERRORS[problem.data.code][0] !== status)
      return `status ${status} with a problem that is none`
    return null
  }
  // What climbs out of its route comes to the files of the page, which say nothing.
  if (isElsewhere(asked.url)) return null
  const isTold = typeof said === 'object' && said !== null && ('detail' in said || 'error' in said)
  return asked.route.isNative || !isTold ? `status ${status} and no word of why` : null
}

const isElsewhere = (url: string): boolean => new URL(url, 'http://server').pathname !== url.split('?')[0]

/** Refused for now, with a time to come back: the contract allows it everywhere. */
export const isBusy = ({ status, headers }: Answer): boolean => status === 503 && headers['retry-after'] !== undefined

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
