import { type Context, Hono } from 'hono'
import { beforeAll, expect, test } from 'vitest'
import { LEFT_OUT, PERFORMED } from '../../chaos/coverage.ts'
import { type Frame, framesOf, type Route, routesOf } from '../../fuzz/targets.ts'
import { resolved, isUnknownName, type Schemas } from '../../fuzz/values.ts'
import type { AsyncApi } from '../../src/contract/asyncapi.ts'
import type { OpenApi } from '../../src/contract/openapi.ts'
import { openApiPath } from '../../src/contract/operations.ts'
import type { Shape } from '../../src/contract/shapes.ts'
import { DIALECT_SOCKETS } from '../../src/dialects/contract.ts'
import { COMMAND_TYPES } from '../../src/protocol/commands.ts'
import { ask } from '../support/rest.ts'
import { servedRoutes } from '../support/routes.ts'

/** What is added to the server later must be in all that proves something of everything. For who may do what, see `test/authz`. */

let targets: { routes: Route[]; frames: Frame[] }

beforeAll(async () => {
  targets = {
    routes: routesOf((await ask<OpenApi>('GET', '/openapi.json')).body),
    frames: framesOf((await ask<AsyncApi>('GET', '/asyncapi.json')).body),
  }
})

const routes = servedRoutes()
const frames = [
  ...COMMAND_TYPES.map((type) => `native ${type}`),
  ...DIALECT_SOCKETS.flatMap(({ name, says }) => Object.keys(says).map((type) => `${name} ${type}`)),
]

test('one that serves every method is a route, and so is another one behind a slash', () => {
  const [one, other] = [(c: Context) => c.text('one'), (c: Context) => c.text('other')]
  const added = new Hono()
    .use(async (_, next) => next())
    .on('GET', ['/same', '/same/'], one)
    .get('/twin', one)
    .get('/twin/', other)
    .all('/every', one)

  expect(servedRoutes(added)).toEqual(['ALL /every', 'GET /same', 'GET /twin', 'GET /twin/'])
})

test('the fuzzer sends to every route, and says every frame, of the running app', () => {
  const names = targets.frames.map(({ name }) => name)

  expect(targets.routes.map(({ name }) => name).toSorted()).toEqual(routes.map(openApiPath).toSorted())
  expect(names.filter((name) => !name.endsWith(' anything')).toSorted()).toEqual(frames.toSorted())
  // Nor is a socket left alone that has a client say nothing.
  expect(names).toContain('sealed anything')
})

test('the fuzzer knows what every id in a path, a query, a body and a frame names', () => {
  const fields = [
    ...targets.routes.flatMap(({ name, params, query, body, schemas }) => [
      ...params.filter((each) => isUnknownName(each.name, each.behind)).map((each) => `${name} ${each.name}`),
      ...query.filter((each) => isUnknownName(each.name)).map((each) => `${name} ${each.name}`),
      ...namesIn(body ?? {}, schemas).map((field) => `${name} ${field}`),
    ]),
    ...targets.frames.flatMap(({ name, shape, schemas }) => namesIn(shape, schemas).map((field) => `${name} ${field}`)),
  ]

  expect(fields).toEqual([])
})

/** The fields of which the fuzzer does not know what they name. */
const namesIn = (shape: Shape, schemas: Schemas): string[] => {
  const { properties = {}, items, anyOf = [], oneOf = [] } = resolved(shape, schemas)
  const inner = [...Object.values(properties), ...(items ? [items] : []), ...anyOf, ...oneOf]
  return [
    ...Object.keys(properties).filter((name) => isUnknownName(name)),
    ...inner.flatMap((each) => namesIn(each, schemas)),
  ]
}

test('every route and frame that writes is performed by the people of the chaos, or it says why not', () => {
  const writing = [...routes.filter((route) => !route.startsWith('GET ')), ...frames]

  expect([...Object.keys(PERFORMED), ...Object.keys(LEFT_OUT)].toSorted()).toEqual(writing.toSorted())
})
