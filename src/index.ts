import { app } from './http/app.ts'

export { Conversation } from './objects/conversation.ts'
export { UserHub } from './objects/user-hub.ts'
export default app
