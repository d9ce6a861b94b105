import { expect } from 'vitest'
import * as z from 'zod'
import { REPLY, type Socket } from '../../src/contract/asyncapi.ts'
import { type Operation, operationsOf } from '../../src/contract/operations.ts'
import type { Shape } from '../../src/contract/shapes.ts'
import { DIALECT_SOCKETS, dialectOperations } from '../../src/dialects/contract.ts'
import { ROUTES } from '../../src/http/contract.ts'
import { nativeSocket } from '../../src/http/frames.ts'
import app from '../../src/index.ts'
import { ERRORS, Problem } from '../../src/protocol/errors.ts'

type Answered = { status: number; type: string; body: unknown }

/** Fewer parameters first: where two fit, the route that says more words is the one. */
const operations = [...operationsOf(app.routes, ROUTES), ...dialectOperations(app.routes)]
  .map((operation) => ({ operation, parameters: operation.path.split('{').length }))
  .toSorted((a, b) => a.parameters - b.parameters)
  .map(({ operation }) => ({ operation, fits: patternOf(operation.path) }))

function patternOf(path: string): RegExp {
  const literal = path.split(/\{\w+\}/).map((part) => part.replaceAll('.', String.raw`\.`))
  // Only the documents' routes may end with a slash.
  return new RegExp(`^${literal.join('[^/]+')}${path.startsWith('/v1/') ? '' : '/?'}$`)
}

const operationAt = (method: string, path: string): Operation | undefined => {
  const { pathname } = new URL(`https://causerie.test${path}`)
  return operations.find(({ operation, fits }) => operation.method === method && fits.test(pathname))?.operation
}

/** The route that takes this call, as the contract writes it: `PATCH /v1/events/{id}`. */
export const routeOf = (method: string, path: string): string => `${method} ${operationAt(method, path)?.path}`

/**
 * Whatever a test asks for, the answer looks as the contract says, to the last field, and what was taken is what the contract lets one ask. A
 * route that there is not has none.
 */
export const expectByContract = (method: string, path: string, asked: unknown, answered: Answered): void => {
  const operation = operationAt(method, path)
  if (!operation) return
  expect(complaintOf(operation, answered), `${method} ${path} ${JSON.stringify(answered)}`).toBeNull()
  if (answered.status >= 300 || asked === undefined) return
  const taken = operation.declared.json?.safeParse(asked)
  expect(taken?.error?.issues, `${method} ${path} took ${JSON.stringify(asked)}`).toBeUndefined()
}

const complaintOf = ({ gives, refuses }: Operation, { status, type, body }: Answered): string | null => {
  const given = gives[status]
  if (given === null) return body === null ? null : 'says something'
  if (typeof given === 'string') return type.startsWith(given) ? null : `is not ${given}`
  if (given) return differenceFrom(given, body)
  if (!Array.isArray(refuses)) return status < 400 ? 'has a status of its own' : differenceFrom(refuses, body)
  const problem = Problem.safeParse(body)
  if (!problem.success) return z.prettifyError(problem.error)
  const { code } = problem.data
  return refuses.includes(code) && ERRORS[code][0] === status ? null : `is not to be refused by ${code}`
}

const differenceFrom = (schema: z.ZodType, body: unknown): string | null => {
  const read = schema.safeParse(body)
  if (!read.success) return z.prettifyError(read.error)
  expect(read.data).toEqual(body)
  return null
}

type Frame = Record<string, unknown> & { type: string }

const sockets = [nativeSocket(), ...DIALECT_SOCKETS]

/** The sockets that the contract has at this path: two documents share one. */
export const socketsAt = (path: string): Socket[] => {
  const { pathname } = new URL(`https://causerie.test${path}`)
  const literally = sockets.filter(({ address }) => address === pathname)
  return literally.length > 0 ? literally : sockets.filter(({ address }) => patternOf(address).test(pathname))
}

/**
 * What is wrong with a frame that was heard on these sockets, or null. `command` is what a reply may answer. Of a frame that two documents
 * share each reads its own fields, and there are no others.
 */
export const complaintOfFrame = (at: Socket[], frame: Frame, command: string | undefined): string | null => {
  const name = frame.type !== 'reply' ? frame.type : frame['ok'] === true ? `${command}${REPLY}` : 'refused'
  const schemas = at.flatMap(({ replies, hears }) => ({ ...replies, ...hears })[name] ?? [])
  if (schemas.length === 0) return `${name} is not in the contract`
  const read = schemas.map((schema) => schema.safeParse(frame))
  const [error] = read.flatMap((each) => (each.error ? [z.prettifyError(each.error)] : []))
  if (error !== undefined) return `${name}: ${error}`
  for (const { name: socket } of at) heard.add(`${socket} ${name}`)
  const fields = Object.assign({}, ...read.map(({ data }) => data)) as unknown
  return equals(fields, frame) ? null : `${name}: holds more than the contract says`
}

const equals = (a: unknown, b: unknown): boolean => {
  try {
    expect(a).toEqual(b)
    return true
  } catch {
    return false
  }
}

/** The frames that were heard since this file of tests began, as `native message.created`. */
export const heard = new Set<string>()

/** A schema of a document, as something that can look at a value. */
export const readerOf = (schema: Shape, document: { components: { schemas: Record<string, Shape> } }): z.ZodType => {
  const local = JSON.stringify({ ...schema, $defs: document.components.schemas })
  return z.fromJSONSchema(JSON.parse(local.replaceAll('#/components/schemas/', '#/$defs/')))
}
