import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { hubOf } from '../../src/objects/stubs.ts'
import type { SignedIn } from '../../src/protocol/auth.ts'

/** What a user may send in ten seconds; all hubs of a test share it, so it is to be put back. */
export const setBudgetOf = (who: SignedIn, value: string): Promise<void> =>
  runInDurableObject(hubOf(env, who.user.id), (hub) => {
    Reflect.set(Reflect.get(hub, 'env') as object, 'COMMANDS_PER_10_SECONDS', value)
  })
