import type * as z from 'zod'

/** What a middleware asks of a request. The contract reads it there, so that nobody writes it twice. */
export type Declared = {
  json?: z.ZodType<object>
  query?: z.ZodType<object>
  param?: z.ZodType<object>
  signedIn?: true
  limited?: true
}

const declarations = new WeakMap<object, Declared>()

export const declares = <Handler extends object>(handler: Handler, declared: Declared): Handler => {
  declarations.set(handler, declared)
  return handler
}

export const declaredBy = (handler: object): Declared => declarations.get(handler) ?? {}
