import type { Context, Env as HonoEnv, MiddlewareHandler } from 'hono'
import type * as z from 'zod'
import { declares } from '../contract/declared.ts'
import { isRefusal, issuesOf, refuse, type Refusal } from '../protocol/errors.ts'
import { problem } from './problem.ts'

type Target = 'json' | 'query' | 'param'
type Validated<On extends Target, Schema extends z.ZodType> = MiddlewareHandler<
  HonoEnv,
  string,
  { in: { [Key in On]: z.input<Schema> }; out: { [Key in On]: z.output<Schema> } }
>

/** Parses the JSON body; the handler finds it in `c.req.valid('json')`. */
export const body = <Schema extends z.ZodType<object>>(schema: Schema): Validated<'json', Schema> =>
  validated('json', schema, readJson)

/** Parses the query; the handler finds it in `c.req.valid('query')`. */
export const query = <Schema extends z.ZodType<object>>(schema: Schema): Validated<'query', Schema> =>
  validated('query', schema, (c) => ({ value: c.req.query() }))

/** Parses the parameters in the path; the handler finds them in `c.req.valid('param')`. */
export const params = <Schema extends z.ZodType<object>>(schema: Schema): Validated<'param', Schema> =>
  validated('param', schema, (c) => ({ value: c.req.param() }))

type Input = { value: unknown }

const validated = <On extends Target, Schema extends z.ZodType<object>>(
  target: On,
  schema: Schema,
  read: (c: Context) => Promise<Input | Refusal> | Input,
): Validated<On, Schema> => {
  const handler: Validated<On, Schema> = async (c, next) => {
    const input = await read(c)
    if (isRefusal(input)) return problem(c, input)
    const parsed = schema.safeParse(input.value)
    if (!parsed.success) return problem(c, refuse('request.invalid', { issues: issuesOf(parsed.error) }))
    c.req.addValidatedData(target, parsed.data)
    return next()
  }
  return declares(handler, { [target]: schema })
}

const JSON_TYPE = /^application\/(?:[a-z0-9.+-]+\+)?json\s*(?:;|$)/i

const readJson = async (c: Context): Promise<Input | Refusal> => {
  if (!JSON_TYPE.test(c.req.header('content-type') ?? '')) return refuse('request.media_type')
  try {
    // Invalid UTF-8 is an error here, never a silent U+FFFD.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await c.req.arrayBuffer())
    return { value: JSON.parse(text) }
  } catch {
    return refuse('request.malformed')
  }
}
