import type { Hono } from 'hono'
import { findTargetHandler, isMiddleware } from 'hono/utils/handler'
import app from '../../src/index.ts'

/** `POST /users`. The same with a slash behind it is the same where the same handlers serve it, and another route where not. */
export const servedRoutes = (of: Pick<Hono, 'routes'> = app): string[] => {
  const routes = of.routes.map(({ method, path, handler }) => ({ method, path, handler: findTargetHandler(handler) }))
  const handlersOf = (method: string, path: string) =>
    routes.filter((each) => each.method === method && each.path === path).map(({ handler }) => handler)
  const isTwin = (method: string, path: string): boolean => {
    const [own, other] = [handlersOf(method, path), handlersOf(method, path.slice(0, -1))]
    return own.length === other.length && own.every((handler, i) => handler === other[i])
  }
  const names = routes
    .filter(({ method, handler }) => method !== 'ALL' || !isMiddleware(handler))
    .map(({ method, path }) => {
      const isSame = path.length > 1 && path.endsWith('/') && isTwin(method, path)
      return `${method} ${isSame ? path.slice(0, -1) : path}`
    })
  return [...new Set(names)].toSorted()
}
