import { ERRORS, type ErrorCode, Problem } from '../protocol/errors.ts'
import type { Declared } from './declared.ts'
import type { Operation } from './operations.ts'
import { componentsOf, fieldsOf, type Shape, shapeOf } from './shapes.ts'

export type Parameter = { name: string; in: 'path' | 'query'; required: boolean; schema: Shape }
export type Body = { content?: Record<string, { schema: Shape }> }
export type Described = {
  operationId: string
  tags: string[]
  summary: string
  security: object[]
  parameters?: Parameter[]
  requestBody?: Body & { required: true }
  responses: Record<string, Body & { description: string }>
}
export type OpenApi = {
  openapi: string
  info: object
  servers: object[]
  tags: { name: string; description: string }[]
  paths: Record<string, Record<string, Described>>
  components: { securitySchemes: object; schemas: Record<string, Shape> }
}

export const INFO = { title: 'Causerie', version: '1.0.0' }

/** The REST routes as an OpenAPI document. */
export const openApiOf = (operations: Operation[], tags: Record<string, string>): OpenApi => {
  const paths: OpenApi['paths'] = {}
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method.toLowerCase()]: describe(operation) }
  }
  return {
    openapi: '3.1.0',
    info: {
      ...INFO,
      description: 'A chat: its REST API. What is said over WebSockets is in /asyncapi.json.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } },
      schemas: componentsOf(paths),
    },
  }
}

const describe = ({ method, path, tags, does, declared, gives, refuses }: Operation): Described => {
  const parameters = [...inPath(path, declared), ...inQuery(declared)]
  const answers = Object.entries(gives).map(([status, answer]) => {
    const content = answer === null ? {} : { content: contentOf(answer) }
    return [status, { description: MEANING[status] ?? 'Done', ...content }] as const
  })
  return {
    operationId: idOf(method, path),
    tags,
    summary: does,
    security: declared.signedIn ? [{ bearer: [] }] : [],
    ...(parameters.length > 0 && { parameters }),
    ...(declared.json && { requestBody: { required: true, content: contentOf(declared.json) } }),
    responses: {
      ...Object.fromEntries(answers),
      ...(Array.isArray(refuses)
        ? problemsOf(refuses)
        : {
            '4XX': { description: 'Refused', content: contentOf(refuses) },
            '5XX': { description: 'Not done, or not known to be', content: contentOf(refuses) },
          }),
    },
  }
}

const MEANING: Record<string, string> = {
  '101': 'The socket is open',
  '200': 'Done',
  '201': 'Made',
  '204': 'Done, and there is nothing to say',
  '426': 'Not an upgrade',
}

const contentOf = (answer: Parameters<typeof shapeOf>[0] | string): Record<string, { schema: Shape }> =>
  typeof answer === 'string'
    ? { [answer]: { schema: { type: 'string' } } }
    : { 'application/json': { schema: shapeOf(answer) } }

const inPath = (path: string, { param }: Declared): Parameter[] => {
  const fields = new Map(param ? fieldsOf(param).map(([name, field]) => [name, field]) : [])
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: fields.get(name) ?? { type: 'string' },
  }))
}

const inQuery = ({ query }: Declared): Parameter[] =>
  (query ? fieldsOf(query) : []).map(([name, schema, required]) => ({
    name,
    in: 'query',
    required,
    // A list is one value with commas in it.
    ...(schema.type === 'array' && { style: 'form', explode: false }),
    schema,
  }))

const problemsOf = (codes: ErrorCode[]): Described['responses'] =>
  Object.fromEntries(
    [...Map.groupBy(codes, (code) => ERRORS[code][0])].map(([status, same]) => [
      String(status),
      {
        description: same.map((code) => `\`${code}\`: ${ERRORS[code][1]}`).join('\n\n'),
        content: {
          'application/problem+json': {
            schema: { allOf: [shapeOf(Problem), { properties: { code: { enum: same } } }] },
          },
        },
      },
    ]),
  )

/** `getV1ConversationsIdMessages` */
const idOf = (method: string, path: string): string =>
  method.toLowerCase() +
  path
    .split(/[^A-Za-z0-9]+/)
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')
