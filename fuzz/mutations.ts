import * as fc from 'fast-check'
import type { Shape } from '../src/contract/shapes.ts'
import { edgesOf, resolved, type Schemas } from './values.ts'
import { nasty, PRIVILEGED } from './nasties.ts'

type Json = Record<string, unknown>

/** One thing made wrong: a field set to something nasty or just over its edge, left out, wrapped, renamed; or one too many. */
export type Mutation = { at: number; how: 'edge' | 'set' | 'drop' | 'add' | 'wrap' | 'rename'; value: unknown }

export const mutations: fc.Arbitrary<Mutation[]> = fc.array(
  fc.record({
    at: fc.nat(),
    how: fc.constantFrom('edge', 'edge', 'edge', 'set', 'set', 'drop', 'add', 'wrap', 'rename'),
    value: nasty,
  }),
  { minLength: 1, maxLength: 3 },
)

/** The value with these changes; the shape tells where the edges are. */
export const mutate = (base: unknown, changes: Mutation[], shape: Shape, schemas: Schemas): unknown => {
  // In a box, so that the value itself can be replaced as well.
  const box: Json = { '': structuredClone(base) }
  for (const { at, how, value: shared } of changes) {
    // A copy, for the next change may be within it.
    const value = structuredClone(shared)
    const paths = pathsOf(box, shapeOfBox(shape), schemas)
    const [path, field] = paths[at % paths.length] ?? [[''], {}]
    const holder = path.slice(0, -1).reduce<Json>((inner, key) => inner[key] as Json, box)
    const last = path.at(-1) ?? ''
    const edges = edgesOf(field, schemas)
    if (how === 'edge') holder[last] = structuredClone(edges[at % edges.length] ?? value)
    else if (how === 'set') holder[last] = value
    else if (how === 'wrap') holder[last] = [holder[last]]
    else if (how === 'drop' && last !== '') delete holder[last]
    else if (how === 'rename' && last !== '') {
      holder[`${last} `] = holder[last]
      delete holder[last]
    } else {
      const target = isObject(holder[last]) ? holder[last] : box['']
      if (isObject(target)) target[PRIVILEGED[at % PRIVILEGED.length] ?? 'id'] = value
    }
  }
  return box['']
}

const shapeOfBox = (shape: Shape): Shape => ({ type: 'object', properties: { '': shape } })

/** The paths to every part of a value, each with the shape that it should have. */
const pathsOf = (value: unknown, shape: Shape, schemas: Schemas, path: string[] = []): [string[], Shape][] => {
  if (typeof value !== 'object' || value === null) return []
  const own = branchFor(value, resolved(shape, schemas), schemas)
  return Object.entries(value).flatMap(([key, inner]) => {
    const field = (Array.isArray(value) ? own.items : own.properties?.[key]) ?? {}
    const here: [string[], Shape] = [[...path, key], field]
    return [here, ...pathsOf(inner, field, schemas, [...path, key])]
  })
}

/** Of several shapes, the one that this value seems to be of. */
const branchFor = (value: object, shape: Shape, schemas: Schemas): Shape => {
  const branches = (shape.oneOf ?? shape.anyOf ?? []).map((each) => resolved(each, schemas))
  if (branches.length === 0) return shape
  const fits = (branch: Shape): boolean =>
    Object.entries(branch.properties ?? {}).every(
      ([key, field]) => field.const === undefined || Reflect.get(value, key) === field.const,
    ) && (branch.required ?? []).every((key) => key in value)
  return branches.find((branch) => branch.type === 'object' && fits(branch)) ?? shape
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)
