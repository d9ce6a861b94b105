import { contractRoutes } from './contract/routes.ts'
import { operationsOf } from './contract/operations.ts'
import { dialectOperations, DIALECT_SOCKETS, DIALECT_TAGS } from './dialects/contract.ts'
import { dialectRoutes } from './dialects/routes.ts'
import { app } from './http/app.ts'
import { ROUTES, TAGS } from './http/contract.ts'
import { nativeSocket } from './http/frames.ts'

const contract = contractRoutes({
  operations: () => [...operationsOf(app.routes, ROUTES), ...dialectOperations(app.routes)],
  tags: { ...TAGS, ...DIALECT_TAGS },
  sockets: () => [nativeSocket(), ...DIALECT_SOCKETS],
})

export { Conversation } from './objects/conversation.ts'
export { UserHub } from './objects/user-hub.ts'
export default app.route('/', contract).route('/', dialectRoutes)
