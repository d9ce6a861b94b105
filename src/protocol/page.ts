import * as z from 'zod'
import { LIMITS } from './limits.ts'

/** `{ items, nextCursor }`: hand `nextCursor` back as `cursor` for the next page; null means that this was the last. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() })

/** A number in a query or a path, where everything is a string. Only plain decimal digits count. */
export const numberParam = <Schema extends z.ZodType<number, number>>(schema: Schema) =>
  z
    .string()
    .regex(/^\d{1,16}$/, 'must be a whole number')
    .transform(Number)
    .pipe(schema)

export const PageLimit = numberParam(z.int().min(1).max(LIMITS.pageSize)).default(LIMITS.defaultPageSize)

/** How a list goes on after the last item of a page. */
export const PageQuery = z.object({ cursor: numberParam(z.int()).optional(), limit: PageLimit })
export type PageQuery = z.infer<typeof PageQuery>
