import type { AsyncApi } from '../src/contract/asyncapi.ts'
import type { OpenApi } from '../src/contract/openapi.ts'
import type { Shape } from '../src/contract/shapes.ts'
import type { Schemas } from './values.ts'

/** What can be sent to: every route and every frame that the contract of the running server names. */

type Field = { name: string; shape: Shape }

export type Route = {
  kind: 'route'
  /** `PUT /v1/messages/{id}/pin` */
  name: string
  method: string
  path: string
  params: (Field & { behind: string })[]
  query: Field[]
  body: Shape | null
  isNative: boolean
  schemas: Schemas
}

export type Frame = {
  kind: 'frame'
  /** `friends mark_read` */
  name: string
  socket: string
  type: string
  shape: Shape
  schemas: Schemas
}

export const routesOf = ({ paths, components }: OpenApi): Route[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([lower, { parameters = [], requestBody }]) => {
      const method = lower.toUpperCase()
      const fields = (place: 'path' | 'query') =>
        parameters.filter((each) => each.in === place).map(({ name, schema }) => ({ name, shape: schema }))
      return {
        kind: 'route' as const,
        name: `${method} ${path}`,
        method,
        path,
        params: fields('path').map((field) => ({ ...field, behind: partBefore(path, field.name) })),
        query: fields('query'),
        body: requestBody?.content?.['application/json']?.schema ?? null,
        isNative: path.startsWith('/v1/'),
        schemas: components.schemas,
      }
    }),
  )

export const framesOf = ({ channels, operations, components: { schemas } }: AsyncApi): Frame[] => {
  const frames = Object.entries(operations).flatMap(([name, { action }]) => {
    const [socket = '', ...words] = name.split('.')
    const type = words.join('.')
    const shape = channels[socket]?.messages[type]?.payload
    if (action !== 'receive' || !shape) return []
    return [{ kind: 'frame' as const, name: `${socket} ${type}`, socket, type, shape, schemas }]
  })
  // To a socket that has a client say nothing, all is said that others understand.
  const anything = { anyOf: frames.map(({ shape }) => shape) }
  const heard = new Set(frames.map(({ socket }) => channels[socket]?.address))
  const deaf = Object.entries(channels).filter(([, { address }]) => !heard.has(address))
  return [
    ...frames,
    ...deaf.map(([socket]) => {
      return { kind: 'frame' as const, name: `${socket} anything`, socket, type: 'anything', shape: anything, schemas }
    }),
  ]
}

/** `messages` for the `id` of `/v1/messages/{id}/pin`. */
const partBefore = (path: string, name: string): string => {
  const parts = path.split('/')
  return parts[parts.indexOf(`{${name}}`) - 1] ?? ''
}
