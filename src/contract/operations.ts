import type * as z from 'zod'
import type { ErrorCode } from '../protocol/errors.ts'
import { type Declared, declaredBy } from './declared.ts'

/** A body in JSON by its schema, another one by its media type, or none. */
type Answer = z.ZodType | string | null

/** What a route does, what it answers by status, and the refusals that are its own. */
export type RouteContract = [does: string, gives: Record<number, Answer>, ...refuses: ErrorCode[]]

export type Operation = {
  method: string
  /** As OpenAPI writes it. */
  path: string
  tags: string[]
  does: string
  declared: Declared
  gives: Record<number, Answer>
  /** The codes of its problems; or, where refusals have none, how they look. */
  refuses: ErrorCode[] | z.ZodType
}

export type Route = { method: string; path: string; handler: object }

/** The routes of the native API, each with what its middlewares declare and what the table tells of it. */
export const operationsOf = (routes: Route[], contracts: Record<string, RouteContract>): Operation[] =>
  [...Map.groupBy(routes, ({ method, path }) => `${method} ${path}`)].flatMap(([key, handlers]) => {
    const [first] = handlers
    const entry = contracts[key]
    if (!first || !entry) return []
    const { method, path } = first
    const [does, gives, ...own] = entry
    const above = routes.filter((each) => each.method === 'ALL' && isBelow(path, each.path))
    const declared = Object.assign({}, ...[...above, ...handlers].map(({ handler }) => declaredBy(handler))) as Declared
    // A body that is too large or breaks off is refused where none is asked for, too.
    const ofBodies = method === 'GET' ? [] : (['request.too_large', 'request.malformed'] as const)
    const refuses = [...new Set([...own, ...ofBodies, ...refusalsOf(declared)])]
    const tag = path.startsWith('/v1/') ? path.split('/')[2] : undefined
    return [{ method, path: openApiPath(path), tags: [tag ?? 'server'], does, declared, gives, refuses }]
  })

/** `/:id` as `/{id}`, and `/:file{.+\.ics}` as `/{file}.ics`. */
export const openApiPath = (path: string): string =>
  path.replaceAll(/:(\w+)(?:\{([^}]*)\})?/g, (_, name: string, pattern = '') => {
    return `{${name}}${/\\(\.\w+)$/.exec(pattern)?.[1] ?? ''}`
  })

const isBelow = (path: string, wildcard: string): boolean => `${path}/`.startsWith(wildcard.replace(/\*$/, ''))

/** What follows from what a route asks for. */
const refusalsOf = ({ json, query, param, signedIn, limited }: Declared): ErrorCode[] => [
  ...(json || query || param ? (['request.invalid'] as const) : []),
  ...(json ? (['request.media_type'] as const) : []),
  ...(signedIn ? (['auth.required', 'token.invalid', 'token.expired', 'session.revoked'] as const) : []),
  ...(signedIn || limited ? (['rate.limited'] as const) : []),
  'server.fault',
  'server.unavailable',
]
