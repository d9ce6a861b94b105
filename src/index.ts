import { dialectRoutes } from './dialects/routes.ts'
import { app } from './http/app.ts'

export { Conversation } from './objects/conversation.ts'
export { UserHub } from './objects/user-hub.ts'
export default app.route('/', dialectRoutes)
