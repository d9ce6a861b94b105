import type { Injector } from './injector.ts'

type Methods = Record<string, (...args: unknown[]) => Promise<unknown>>

/** The same bindings, but every call through them meets the injector. `ctx` is that of the object that holds them, if it is one. */
export const spoiled = (env: Env, injector: Injector, ctx?: DurableObjectState): Env => ({
  ...env,
  CONVERSATION: spoiledNamespace(env.CONVERSATION, (_, call) => injector.call(call)),
  USER_HUB: spoiledNamespace(env.USER_HUB, (method, call) =>
    ctx && method.startsWith('deliver') ? injector.tell(ctx, call) : injector.call(call),
  ),
  DIRECTORY: spoiledDatabase(env.DIRECTORY, (run) => injector.query(run)),
})

type Meet = (method: string, call: () => Promise<unknown>) => Promise<unknown>

const spoiledNamespace = <Namespace extends Env['CONVERSATION'] | Env['USER_HUB']>(
  namespace: Namespace,
  meet: Meet,
): Namespace =>
  new Proxy(namespace, {
    get: (target, property) => {
      if (property !== 'getByName') return bound(target, property)
      return (name: string) => spoiledStub(target.getByName(name), meet)
    },
  })

const spoiledStub = (stub: object, meet: Meet): object =>
  new Proxy(stub, {
    get: (target, property) => {
      // The upgrade of a socket is no call that anybody repeats.
      if (typeof property === 'symbol' || property === 'fetch') return bound(target, property)
      return (...args: unknown[]) => meet(property, async () => (target as Methods)[property]?.(...args))
    },
  })

const RUNS = ['all', 'first', 'raw', 'run']
/** By what stands in for it: a batch takes no stand-ins. */
const originals = new WeakMap<object, D1PreparedStatement>()

type Query = <Result>(run: () => Promise<Result>) => Promise<Result>

/** The same database, but every query of it goes through `query`. */
export const spoiledDatabase = (database: D1Database, query: Query): D1Database =>
  new Proxy(database, {
    get: (target, property) => {
      if (property === 'prepare') return (sql: string) => spoiledStatement(target.prepare(sql), query)
      if (property === 'batch') {
        return (statements: D1PreparedStatement[]) =>
          query(() => target.batch(statements.map((each) => originals.get(each) ?? each)))
      }
      return bound(target, property)
    },
  })

const spoiledStatement = (statement: D1PreparedStatement, query: Query): D1PreparedStatement => {
  const standIn = new Proxy(statement, {
    get: (target, property) => {
      if (property === 'bind') return (...values: unknown[]) => spoiledStatement(target.bind(...values), query)
      if (typeof property === 'symbol' || !RUNS.includes(property)) return bound(target, property)
      return (...args: unknown[]) => query(async () => (target as unknown as Methods)[property]?.(...args))
    },
  })
  originals.set(standIn, statement)
  return standIn
}

/** What the runtime's own objects offer works on them alone. */
const bound = (target: object, property: string | symbol): unknown => {
  const value: unknown = Reflect.get(target, property, target)
  return typeof value === 'function' ? value.bind(target) : value
}
