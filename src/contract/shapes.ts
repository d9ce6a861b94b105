import * as z from 'zod'
import * as auth from '../protocol/auth.ts'
import * as commands from '../protocol/commands.ts'
import * as conversation from '../protocol/conversation.ts'
import * as errors from '../protocol/errors.ts'
import * as event from '../protocol/calendar.ts'
import * as events from '../protocol/events.ts'
import * as friend from '../protocol/friend.ts'
import * as invitation from '../protocol/invitation.ts'
import * as message from '../protocol/message.ts'
import * as user from '../protocol/user.ts'

/** A schema as JSON Schema has it: as much of it as the contract says. */
export type Shape = {
  $ref?: string
  type?: string | string[]
  const?: unknown
  enum?: unknown[]
  default?: unknown
  format?: string
  pattern?: string
  minimum?: number
  exclusiveMinimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
  minItems?: number
  maxItems?: number
  properties?: Record<string, Shape>
  required?: string[]
  additionalProperties?: boolean | Shape
  items?: Shape
  anyOf?: Shape[]
  oneOf?: Shape[]
  allOf?: Shape[]
}

const COMPONENTS = '#/components/schemas/'

/** What is asked (`input`), or what it is taken for (`output`): the limit of a page is text in an address and means a number. */
type Side = 'input' | 'output'

/** The shape of a schema; one that `protocol` exports is told by its name. */
export const shapeOf = (schema: z.ZodType): Shape => {
  const name = NAMES.get(schema)?.id
  return name === undefined ? written(schema, 'input') : { $ref: COMPONENTS + name }
}

/** The fields of an object in an address. */
export const fieldsOf = (schema: z.ZodType): [name: string, field: Shape, isRequired: boolean][] => {
  const { required = [] } = written(schema, 'input')
  const { properties = {} } = written(schema, 'output')
  return Object.entries(properties).map(([name, field]) => [name, field, required.includes(name)])
}

/** Every named schema that this part of a document refers to, also by way of another. */
export const componentsOf = (part: unknown): Record<string, Shape> => {
  const found: Record<string, Shape> = {}
  const look = (within: unknown): void => {
    for (const [, name = ''] of JSON.stringify(within).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      const schema = SCHEMAS[name]
      if (name in found || !schema) continue
      found[name] = written(schema, 'input')
      look(found[name])
    }
  }
  look(part)
  return Object.fromEntries(Object.entries(found).toSorted(([a], [b]) => a.localeCompare(b)))
}

export const nameOf = ({ $ref }: Shape): string | undefined => $ref?.slice(COMPONENTS.length)

const isStructure = (value: unknown): value is z.ZodType =>
  value instanceof z.ZodObject || value instanceof z.ZodUnion || value instanceof z.ZodEnum

const exported = {
  ...auth,
  ...commands,
  ...conversation,
  ...errors,
  ...event,
  ...events,
  ...friend,
  ...invitation,
  ...message,
  ...user,
}
const SCHEMAS: Record<string, z.ZodType> = Object.fromEntries(
  Object.entries(exported).flatMap(([name, value]) => (isStructure(value) ? [[name, value]] : [])),
)
const NAMES = z.registry<{ id: string }>()
for (const [id, schema] of Object.entries(SCHEMAS)) NAMES.add(schema, { id })

const written = (schema: z.ZodType, io: Side): Shape => {
  const made = z.toJSONSchema(schema, { io, metadata: NAMES, override: ({ jsonSchema }) => plain(jsonSchema) })
  const { $schema: _, $defs = {}, ...shape } = made
  // A schema with a name is found below it, like those that it holds.
  const whole = $defs[NAMES.get(schema)?.id ?? ''] ?? shape
  return JSON.parse(JSON.stringify(whole).replaceAll('"#/$defs/', `"${COMPONENTS}`)) as Shape
}

/** Without what says nothing: that a number is one that JavaScript can hold, and how a format is to be tested. */
const plain = (shape: z.core.JSONSchema.BaseSchema): void => {
  delete shape.id
  if (shape.maximum === Number.MAX_SAFE_INTEGER) delete shape.maximum
  if (shape.minimum === Number.MIN_SAFE_INTEGER) delete shape.minimum
  // Classes of Unicode are read by few of those who read JSON Schema.
  if (shape.format !== undefined || /\\[pu]\{/.test(shape.pattern ?? '')) delete shape.pattern
}
