import { afterEach, describe, expect, test } from 'vitest'
import { DIALECT_SOCKETS } from '../../src/dialects/contract.ts'
import { COMMAND_TYPES } from '../../src/protocol/commands.ts'
import { Problem } from '../../src/protocol/errors.ts'
import { servedRoutes } from '../support/routes.ts'
import { FRAMES, givenTo } from './calls.ts'
import { type Actor, ACTORS, Cast } from './cast.ts'
import { isFrame, type Outcome, perform } from './performance.ts'
import { type Row, ROWS, subjectOf } from './table.ts'

/** One cast plays row after row, until one of them changes more than it can play on with. */
let cast: Cast | null = null

afterEach(async () => {
  if (cast && !(await cast.isWhole())) cast = null
})

const isAllowed = (cell: number): boolean => cell < 400
const shown = ({ cells }: Row): string => ACTORS.map((actor) => String(cells[actor]).padStart(4)).join('')

describe('who may do what', () => {
  test.each(ROWS.map((row) => [row.name.padEnd(60), shown(row), row] as const))('[AUTHZ] %s%s', async (_, __, row) => {
    const players = (cast ??= await Cast.gather())
    const given = Object.fromEntries(
      await Promise.all(ACTORS.map(async (actor) => [actor, await givenTo(players, actor, row.name)] as const)),
    )
    const came: Partial<Record<Actor, Outcome>> = {}
    const play = async (actor: Actor): Promise<void> => {
      const things = given[actor]
      if (!things) return
      const may = isAllowed(row.cells[actor])
      came[actor] = await perform({ row: row.name, token: players.token(actor), given: things, isAllowed: may })
    }
    const [allowed, refused] = [true, false].map((is) => ACTORS.filter((actor) => isAllowed(row.cells[actor]) === is))

    // Those who may not come first, and leave everything as it is.
    const before = await players.state()
    await Promise.all((refused ?? []).map(play))
    const after = await players.state()
    for (const actor of allowed ?? []) await play(actor)

    const cells = Object.fromEntries(ACTORS.map((actor) => [actor, came[actor]?.cell]))
    expect(cells).toEqual(row.cells)
    expect(after).toBe(before)
    if (row.name.includes(' /v1/')) {
      for (const actor of refused ?? [])
        if (row.cells[actor] < 1_000) Problem.parse(JSON.parse(came[actor]?.body ?? ''))
      expect(codesOfNobody(came)).toEqual(row.cells.anonymous === 401 ? NOBODY : expect.anything())
    }
  })

  const hidden = ROWS.filter(({ name, cells }) => cells.stranger === 404 && !isFrame(name))

  test.each(hidden.map((row) => [row.name, row] as const))(
    '[AUTHZ] %s: what a stranger may not see is as if it were not there',
    async (name, row) => {
      const players = (cast ??= await Cast.gather())
      const things = await givenTo(players, 'stranger', name)
      const ask = (given: typeof things) =>
        perform({ row: row.name, token: players.token('stranger'), given, isAllowed: false })

      const seen = await ask(things)
      const absent = await ask({ ...things, ...players.nothing })

      expect(absent).toEqual(seen)
    },
  )
})

const NOBODY = { anonymous: 'auth.required', revoked: 'session.revoked', expired: 'token.expired' }

const codesOfNobody = (came: Partial<Record<Actor, Outcome>>): object =>
  Object.fromEntries(
    Object.keys(NOBODY).map((actor) => {
      const problem = /"code":"([^"]+)"/.exec(came[actor as Actor]?.body ?? '')
      return [actor, problem?.[1] ?? '']
    }),
  )

test('[AUTHZ] every route and every frame has a row, and every row is of one', () => {
  const frames = [
    ...COMMAND_TYPES.map((type) => `native ${type}`),
    ...DIALECT_SOCKETS.flatMap(({ name, says }) => Object.keys(says).map((type) => `${name} ${type}`)),
  ]

  expect(new Set(ROWS.map(({ name }) => subjectOf(name)))).toEqual(new Set([...servedRoutes(), ...frames]))
  expect(new Set(Object.keys(FRAMES).map(subjectOf))).toEqual(new Set(frames))
})
