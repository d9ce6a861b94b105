/** Of spoilt inputs to all routes, and of spoilt frames to all sockets, in a whole run: row S1 of docs/reliability.md. */
const LEAST_SPOILT = 10_000

/** How many spoilt inputs came to one route or frame. */
export type Spoilt = { name: string; kind: 'route' | 'frame'; spoilt: number }

export const spoiltIn = (targets: Spoilt[], kind: Spoilt['kind']): number =>
  targets.reduce((sum, target) => sum + (target.kind === kind ? target.spoilt : 0), 0)

/** What a whole run lacks: where little was sent, little was shown. */
export const lackOf = (targets: Spoilt[]): string[] => {
  const kinds = (['route', 'frame'] as const).flatMap((kind) => {
    const spoilt = spoiltIn(targets, kind)
    return spoilt < LEAST_SPOILT ? [`only ${spoilt} spoilt inputs to all ${kind}s together, not ${LEAST_SPOILT}`] : []
  })
  const untried = targets.filter(({ spoilt }) => spoilt === 0).map(({ name }) => name)
  return untried.length === 0 ? kinds : [...kinds, `no spoilt input to ${untried.join(', ')}`]
}
