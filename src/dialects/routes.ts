import { Hono } from 'hono'
import type { DialectEnv } from './dialect.ts'
import { onError } from './fastapi.ts'
import { DIALECTS } from './index.ts'
import { socketRoutes } from './sockets.ts'

/** The sockets and routes of all documents, at the root. */
export const dialectRoutes = new Hono<DialectEnv>()

for (const { routes } of Object.values(DIALECTS)) dialectRoutes.route('/', routes)
dialectRoutes.route('/', socketRoutes(Object.values(DIALECTS)))
dialectRoutes.onError(onError)
