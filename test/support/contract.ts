import { expect } from 'vitest'
import * as z from 'zod'
import { type Operation, operationsOf } from '../../src/contract/operations.ts'
import { dialectOperations } from '../../src/dialects/contract.ts'
import { ROUTES } from '../../src/http/contract.ts'
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

/** Whatever a test asks for, the answer looks as the contract says, to the last field; a route that there is not has none. */
export const expectByContract = (method: string, path: string, answered: Answered): void => {
  const operation = operationAt(method, path)
  if (operation) expect(complaintOf(operation, answered), `${method} ${path} ${JSON.stringify(answered)}`).toBeNull()
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
