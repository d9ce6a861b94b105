import { accountsOf, type Accounts } from '../directory/accounts.ts'
import { hubOf } from '../objects/stubs.ts'

/** The accounts of this deployment, as the routes use them. */
export const accounts = (env: Env): Accounts => accountsOf(env, (userId) => hubOf(env, userId))
