// The server with doors for `npm run chaos`: its own classes and routes, wrapped. Nothing of it is in what is deployed.
import server, { Conversation as RealConversation, UserHub as RealUserHub } from '../../src/index.ts'
import { Clock } from './clock.ts'
import { Injector, type Rates } from './injector.ts'
import { spoiled } from './spoiled.ts'

/** What the runtime offers to tests, with the flag `unsafe_module`. The bundler does not know its name, so it is not told it. */
type Unsafe = { default: { evict(stub: unknown, options: { webSockets: 'hibernate' | 'close' }): Promise<void> } }
const UNSAFE = ['workerd', 'unsafe'].join(':')

/** All objects of a local server live in one isolate, and so share it. */
const injector = new Injector()
const clock = new Clock()

export class Conversation extends RealConversation {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, spoiled(env, injector, ctx))
    clock.keep(ctx.storage)
  }

  override alarm(info?: AlarmInvocationInfo): Promise<void> {
    return injector.alarm(() => super.alarm(info))
  }

  breakOff(): void {
    this.ctx.abort('injected')
  }
}

export class UserHub extends RealUserHub {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, spoiled(env, injector, ctx))
  }

  breakOff(): void {
    this.ctx.abort('injected')
  }
}

type Order =
  | { do: 'clock'; offsetMs: number }
  | { do: 'rates'; rates: Partial<Rates>; seed: number }
  | { do: 'abort' | 'evict'; kind: 'CONVERSATION' | 'USER_HUB'; name: string }

const obey = async (order: Order, env: Env): Promise<void> => {
  if (order.do === 'clock') return clock.set(order.offsetMs)
  if (order.do === 'rates') return injector.set(order.rates, order.seed)
  const stub: unknown = env[order.kind].getByName(order.name)
  if (order.do === 'evict') {
    const unsafe = (await import(UNSAFE)) as Unsafe
    // It waits for whatever is under way.
    return unsafe.default.evict(stub, { webSockets: 'hibernate' }).then(
      () => console.log(JSON.stringify({ event: 'injected: object evicted' })),
      () => undefined,
    )
  }
  // That the call breaks off is what was asked for.
  await (stub as { breakOff(): Promise<void> })
    .breakOff()
    .catch(() => console.log(JSON.stringify({ event: 'injected: object aborted' })))
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname !== '/chaos') return server.fetch(request, spoiled(env, injector), ctx)
    ctx.waitUntil(obey(await request.json<Order>(), env))
    return new Response(null, { status: 204 })
  },
} satisfies ExportedHandler<Env>
