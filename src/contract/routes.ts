import { Hono } from 'hono'
import { type AsyncApi, asyncApiOf, type Socket } from './asyncapi.ts'
import { type OpenApi, openApiOf } from './openapi.ts'
import type { Operation } from './operations.ts'
import { pageOf } from './page.ts'

/** What the contract is made of. The routes are asked for late, when all are there. */
export type Parts = {
  operations: () => Operation[]
  tags: Record<string, string>
  sockets: () => Socket[]
}

const MINUTES_5 = { 'cache-control': 'public, max-age=300' }
/** It runs nothing, and its style comes from here. */
const POLICY =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The contract, for machines and for people. It is made when it is first asked for, and kept. */
export const contractRoutes = (parts: Parts): Hono => {
  const openApi = once((): OpenApi => openApiOf(parts.operations(), parts.tags))
  const asyncApi = once((): AsyncApi => asyncApiOf(parts.sockets()))
  const openApiText = once(() => JSON.stringify(openApi()))
  const asyncApiText = once(() => JSON.stringify(asyncApi()))
  const page = once(() => pageOf(openApi(), asyncApi()))
  const json = { 'content-type': 'application/json', ...MINUTES_5 }
  return new Hono()
    .get('/openapi.json', (c) => c.body(openApiText(), 200, json))
    .get('/asyncapi.json', (c) => c.body(asyncApiText(), 200, json))
    .get('/docs', (c) => c.html(page(), 200, { 'content-security-policy': POLICY, ...MINUTES_5 }))
}

const once = <Made>(make: () => Made): (() => Made) => {
  let made: Made | undefined
  return () => (made ??= make())
}
