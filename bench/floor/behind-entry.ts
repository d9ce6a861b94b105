// The floor in the place of the server: the classes of its configuration, and its entry worker and asset router before them.
import { Floor } from './worker.ts'

type Env = { CONVERSATION: DurableObjectNamespace<Conversation> }

export class Conversation extends Floor {}
export class UserHub extends Floor {}

export default {
  fetch: (request, env) => env.CONVERSATION.getByName(new URL(request.url).pathname).fetch(request),
} satisfies ExportedHandler<Env>
