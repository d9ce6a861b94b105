import { Hono } from 'hono'
import { publicKeys } from '../directory/tokens.ts'
import type { Public } from './authenticated.ts'

/** What monitors and other servers look for at the root. */
export const wellKnown = new Hono<Public>()
  .get('/health', (c) => c.json({ status: 'ok' }))
  .get('/.well-known/jwks.json', (c) => c.json(publicKeys(c.env), 200, { 'cache-control': 'public, max-age=300' }))
