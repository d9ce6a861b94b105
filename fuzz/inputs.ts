import * as fc from 'fast-check'
import { corruption } from './corruption.ts'
import { mutate, type Mutation, mutations } from './mutations.ts'
import { asText, nasty } from './nasties.ts'
import type { Frame, Route } from './targets.ts'
import { put, valueOf, type World } from './values.ts'

/** Hostile inputs: each is nearly right, and wrong in one respect or a few. */

/** Whose token a request carries, or what stands in its place. */
export type Bearer = 'own' | 'none' | { authorization: string }

export type Request = {
  kind: 'request'
  route: Route
  method: string
  /** Path and query, fit to be sent. */
  url: string
  bearer: Bearer
  type: string | null
  body: string | Uint8Array | null
}

export type Said = { kind: 'said'; frame: Frame; data: string | Uint8Array }

/** An input before the things that it names are put in. `isRight` where it may well be taken, `isPlain` where nothing of it is spoilt. */
export type Draft<Input> = { target: string; isRight: boolean; isPlain: boolean; make: (world: World) => Input }

/** A value as it is written in an address: a list with commas. */
const inPath = (value: unknown, world: World): string =>
  encodeURIComponent(
    (Array.isArray(value) ? value : [value])
      .map((each) => put(plain(each), world, String))
      .join(',')
      .toWellFormed(),
  )
const inJson = (value: string | number): string => JSON.stringify(value)

export const requestsTo = (route: Route): fc.Arbitrary<Draft<Request>> => {
  const { params, query, body, schemas } = route
  const spoilable: Spoilt[] = [
    'nothing',
    'query',
    'bearer',
    'method',
    ...(params.length > 0 ? (['params', 'params', 'params'] as const) : []),
    ...(query.length > 0 ? (['query', 'query'] as const) : []),
    ...(body
      ? (['body', 'body', 'body', 'body', 'body', 'body', 'text', 'text', 'type'] as const)
      : (['text'] as const)),
  ]
  return fc
    .record({
      spoilt: fc.constantFrom(...spoilable),
      params: fc.tuple(...params.map(({ name, shape, behind }) => valueOf(shape, { name, behind, schemas }))),
      oddParams: fc.array(oddParam, { minLength: 2, maxLength: 2 }),
      query: fc.record(Object.fromEntries(query.map(({ name, shape }) => [name, valueOf(shape, { name, schemas })])), {
        requiredKeys: [],
      }),
      oddQuery: fc.array(fc.tuple(fc.constantFrom(...QUERY_NAMES, ...query.map(({ name }) => name)), oddParam), {
        minLength: 1,
        maxLength: 3,
      }),
      body: body ? valueOf(body, { name: '', schemas }) : fc.constant({ x: 1 }),
      mutations,
      corruption,
      bearer: fc.constantFrom<Bearer>(...BEARERS),
      method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
      type: fc.constantFrom(...TYPES),
      form: fc.nat(9),
      slash: fc.nat(9),
    })
    .map((made) => {
      const { spoilt } = made
      const make = (world: World): Request => requestOf(route, made, world)
      return {
        target: route.name,
        isRight: spoilt === 'nothing' || spoilt === 'query',
        isPlain: spoilt === 'nothing',
        make,
      }
    })
}

export const framesLike = (frame: Frame): fc.Arbitrary<Draft<Said>> =>
  fc
    .record({
      spoilt: fc.constantFrom('nothing', 'nothing', 'body', 'body', 'body', 'body', 'body', 'text', 'text', 'nasty'),
      body: valueOf(frame.shape, { name: '', schemas: frame.schemas }),
      mutations,
      corruption,
      nasty,
    })
    .map(({ spoilt, body, mutations: changes, corruption: corrupt, nasty: other }) => {
      const { shape, schemas } = frame
      const value = spoilt === 'nasty' ? other : spoilt === 'body' ? mutate(body, changes, shape, schemas) : body
      const make = (world: World): Said => {
        const text = put(asText(value), world, inJson)
        return { kind: 'said', frame, data: spoilt === 'text' ? corrupt(text) : text }
      }
      return { target: frame.name, isRight: spoilt === 'nothing', isPlain: spoilt === 'nothing', make }
    })

type Made = {
  spoilt: Spoilt
  params: unknown[]
  oddParams: string[]
  query: Record<string, unknown>
  oddQuery: [string, string][]
  body: unknown
  mutations: Mutation[]
  corruption: (text: string) => string | Uint8Array
  bearer: Bearer
  method: string
  type: string | null
  form: number
  slash: number
}

const requestOf = (route: Route, made: Made, world: World): Request => {
  const { spoilt } = made
  const { params, body, schemas } = route
  const values = made.params.map((value, i) => (spoilt === 'params' ? (made.oddParams[i] ?? '') : inPath(value, world)))
  const path = params.reduce((path, { name }, i) => path.replace(`{${name}}`, () => values[i] ?? ''), route.path)
  const slash = !route.isNative && made.slash === 0 ? '/' : ''
  const pairs =
    spoilt === 'query'
      ? made.oddQuery.map(([name, value]) => `${name}=${value}`)
      : Object.entries(made.query).map(([name, value]) => `${name}=${inPath(value, world)}`)
  const url = `${path}${slash}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`
  const method = spoilt === 'method' ? made.method : route.method
  const bearer = spoilt === 'bearer' ? made.bearer : 'own'
  const common = { kind: 'request' as const, route, method, url, bearer }
  if (!body && spoilt !== 'text') return { ...common, type: null, body: null }
  const value = spoilt === 'body' && body ? mutate(made.body, made.mutations, body, schemas) : made.body
  // The documents take forms as well.
  if (!route.isNative && made.form < 2 && isFlat(value)) {
    const fields = Object.entries(value).map(([name, each]) => `${inPath(name, world)}=${inPath(each, world)}`)
    return { ...common, type: 'application/x-www-form-urlencoded', body: fields.join('&') }
  }
  const text = put(asText(value), world, inJson)
  const type = spoilt === 'type' ? made.type : 'application/json'
  return { ...common, type, body: spoilt === 'text' ? made.corruption(text) : text }
}

type Spoilt = 'nothing' | 'params' | 'query' | 'body' | 'text' | 'type' | 'bearer' | 'method'

/** Names that some route takes, with those that only the documents know. */
const QUERY_NAMES = [
  'limit',
  'before',
  'after',
  'since',
  'cursor',
  'query',
  'ids',
  'skip',
  'from',
  'token',
  'have',
  'q',
]

/** In an address: something nasty, encoded, or what an encoding can be abused for. */
const oddParam: fc.Arbitrary<string> = fc.oneof(
  { weight: 2, arbitrary: nasty.map((value) => encodeURIComponent(plain(value).slice(0, 500).toWellFormed())) },
  fc.constantFrom(
    ...'% %2 %ff %F0%9F %00 %c0%af %2e%2e%2f ..%2f . .. %20 %22 %31 %5c %D9%A1 1%00 1%0d%0ax:y [object%20Object]'.split(
      ' ',
    ),
    ...`+1 0 -1 1.0 1e3 0x1 1;2 1,2 1/ 1//pin 67108864 134217728 9007199254740993 ${'9'.repeat(40)}`.split(' '),
    ...`null undefined NaN me * ' ${'x'.repeat(3_000)}`.split(' '),
  ),
)

const BEARERS: Bearer[] = [
  'none',
  ...[
    'Bearer',
    'Bearer ',
    'Bearer x',
    'Bearer a.b.c',
    'Bearer eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJzdWIiOiIxIn0.',
    'Basic YTpi',
    'bearer  null',
    `Bearer ${'a'.repeat(6_000)}`,
  ].map((authorization) => ({ authorization })),
]

const TYPES = [
  null,
  '',
  'text/plain',
  'application/json; charset=utf-16',
  'application/x-www-form-urlencoded',
  'multipart/form-data',
  'multipart/form-data; boundary=x',
  'multipart/form-data; boundary=',
  'application/vnd.api+json',
  'application/jsonp',
  'application/json, text/html',
  '*/*',
]

const plain = (value: unknown): string => (typeof value === 'string' ? value : asText(value))

const isFlat = (value: unknown): value is Record<string, string> =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every((each) => typeof each === 'string' || typeof each === 'number')
