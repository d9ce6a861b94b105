import type * as z from 'zod'
import type { Asked, Dialect } from './dialect.ts'
import { invalid, malformed, unknownType } from './words.ts'

/** A frame as a client said it: which one, and its fields. */
export type SaidFrame = { type: unknown; fields: object }

/** A frame that clients say: the fields that it takes, and what they ask for. `newClientId` names what the frame sends. */
export type ClientFrame = { takes: z.ZodObject; ask: (fields: object, newClientId: () => string) => Asked }

/** One that is refused where its fields are not as they should be. */
export const clientFrame = <Schema extends z.ZodObject>(
  takes: Schema,
  ask: (fields: z.output<Schema>, newClientId: () => string) => Asked,
): ClientFrame => ({
  takes,
  ask: (fields, newClientId) => {
    const read = takes.safeParse(fields)
    return read.success ? ask(read.data, newClientId) : invalid
  },
})

/** What a text frame asks for. It never throws, whatever the frame holds. */
export const askedBy = ({ hears }: Dialect, text: string, newClientId: () => string): Asked => {
  if (hears === null) return { kind: 'reply', frames: [] }
  const said = hears.read(text)
  if (said === null) return malformed
  const frame = Object.entries(hears.frames).find(([type]) => type === said.type)?.[1]
  return frame?.ask(said.fields, newClientId) ?? unknownType
}
