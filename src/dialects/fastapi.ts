import type { Context, ErrorHandler, MiddlewareHandler } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import * as z from 'zod'
import { hubOf } from '../objects/stubs.ts'
import { ERRORS, type ErrorCode, isRefusal, issuesOf, refuse, type Refusal } from '../protocol/errors.ts'
import { callerOf } from '../worker/caller.ts'
import { reportFailure } from '../worker/failure.ts'
import { refusalHeaders } from '../worker/refusal-headers.ts'
import { signInLimit } from '../worker/sign-in-limit.ts'
import type { DialectEnv } from './dialect.ts'

/** The documents describe programs on FastAPI: what their clients find in any such program, whatever it is about. */

export type C = Context<DialectEnv>

/** A path is the same with a slash behind it. */
export const slashed = (path: string): string[] => [path, `${path}/`]

/** Lets a request with a live session pass, as `c.var.caller`. */
export const signedIn = createMiddleware<DialectEnv>(async (c, next) => {
  // A route that passed the request on has looked already.
  if (c.get('caller')) return next()
  const caller = await callerOf(c)
  if (isRefusal(caller)) return detail(c, caller)
  c.set('caller', caller)
  return next()
})

/** Takes one from the caller's budget: for what asks much of others, and is no order that the hub would count. */
export const budgeted = createMiddleware<DialectEnv>(async (c, next) => {
  const refusal = await hubOf(c.env, c.var.caller.userId).charge()
  return refusal ? detail(c, refusal) : next()
})

/** Bounds what one network may try in a minute. */
export const throttled: MiddlewareHandler<DialectEnv> = async (c, next) => {
  const refusal = await signInLimit(c, 'password')
  return refusal ? detail(c, refusal) : next()
}

/** Bounds what one network may read in a minute where nobody need be signed in. Who is has a budget. */
export const openToAll: MiddlewareHandler<DialectEnv> = async (c, next) => {
  const caller = c.req.header('authorization') === undefined ? null : await callerOf(c)
  const refusal =
    caller === null || isRefusal(caller) ? await signInLimit(c, 'listing') : await hubOf(c.env, caller.userId).charge()
  return refusal ? detail(c, refusal) : next()
}

/** A refusal as `{detail}`: a sentence, or a list of what is wrong with the input. */
export const detail = (c: Context, refusal: Refusal): Response => {
  const { code, issues } = refusal
  const [usual, sentence] = ERRORS[code]
  const status: ContentfulStatusCode = STATUS[code] ?? usual
  const wrong = issues?.map(({ path, message }) => ({ type: 'value_error', loc: path.split('.'), msg: message }))
  return c.json({ detail: wrong ?? sentence }, status, refusalHeaders(refusal, status))
}

/** A result as JSON, or its refusal. */
export const answer = (c: Context, result: object, status: ContentfulStatusCode = 200): Response =>
  isRefusal(result) ? detail(c, result) : c.json(result, status)

export const onError: ErrorHandler = (error, c) => detail(c, reportFailure(c, error))

/** The body, JSON or a form, as this schema has it. */
export const bodyIn = async <Schema extends z.ZodType<object>>(
  c: Context,
  schema: Schema,
): Promise<z.output<Schema> | Refusal> => {
  const fields = await fieldsIn(c)
  return isRefusal(fields) ? fields : checked(schema, fields, 'body')
}

export const queryIn = <Schema extends z.ZodType<object>>(c: Context, schema: Schema): z.output<Schema> | Refusal =>
  checked(schema, c.req.query(), 'query')

/** What the body holds, JSON or a form, before anybody says what it should. Of a field that a form repeats the last counts, but for `lists`. */
export const fieldsIn = async (c: Context, lists: string[] = []): Promise<Record<string, unknown> | Refusal> => {
  try {
    if (FORM.test(c.req.header('content-type') ?? '')) {
      const form = Object.entries(await c.req.parseBody({ all: true }))
      return Object.fromEntries(
        form.map(([name, value]) => [name, Array.isArray(value) && !lists.includes(name) ? value.at(-1) : value]),
      )
    }
    // Invalid UTF-8 is an error here, never a silent U+FFFD.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await c.req.arrayBuffer())
    return checked(Fields, JSON.parse(text), 'body')
  } catch {
    return refuse('request.malformed', { issues: [{ path: 'body', message: 'is not JSON, nor a form that says so' }] })
  }
}

/** An id in the path: any whole number is one, though perhaps of nothing. */
export const idIn = (c: Context, name: string): number | Refusal => {
  const value = c.req.param(name) ?? ''
  if (/^-?\d+$/.test(value)) return Number(value)
  return refuse('request.invalid', { issues: [{ path: `path.${name}`, message: 'must be a whole number' }] })
}

/** A whole number, also as the text that a form or a query makes of it. */
export const WholeNumber = z.union([
  z.int(),
  z
    .string()
    .regex(/^-?\d{1,16}$/)
    .transform(Number)
    .pipe(z.int()),
])

/** No document has a field `ok`, and a body must not pass for a refusal of ours. */
const Fields = z.record(z.string(), z.unknown()).refine((fields) => !('ok' in fields), 'must not hold `ok`')

const FORM = /^(?:application\/x-www-form-urlencoded|multipart\/form-data)\s*(?:;|$)/i

/** Where the documents say another status than the native API does. */
const STATUS: Partial<Record<ErrorCode, ContentfulStatusCode>> = {
  'request.invalid': 422,
  'request.malformed': 422,
  'username.taken': 400,
  'email.taken': 400,
  'event.title_taken': 400,
  // A message that was deleted is one that does not exist.
  'message.deleted': 404,
}

/** A value as this schema has it, or what is wrong with it. */
export const checked = <Schema extends z.ZodType<object>>(
  schema: Schema,
  value: unknown,
  place: 'body' | 'query',
): z.output<Schema> | Refusal => {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issues = issuesOf(parsed.error).map((issue) => ({
    ...issue,
    path: issue.path === '' ? place : `${place}.${issue.path}`,
  }))
  return refuse('request.invalid', { issues })
}
