import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { admin } from './admin.ts'
import { auth } from './auth.ts'
import { backup } from './backup.ts'
import { blocks } from './blocks.ts'
import { conversations } from './conversations.ts'
import { shedSocketLoad } from './load-shedding.ts'
import { events } from './events.ts'
import { friendRequests, friends } from './friends.ts'
import { invitations } from './invitations.ts'
import type { Public } from './authenticated.ts'
import { onError, onNotFound } from './failure.ts'
import { allowedOrigins, bodyCap, securityHeaders } from './headers.ts'
import { me } from './me.ts'
import { messages } from './messages.ts'
import { failuresReported, metrics } from './metrics.ts'
import { socket } from './socket.ts'
import { finishRequest } from './finish-request.ts'
import { users } from './users.ts'
import { wellKnown } from './well-known.ts'

/** The HTTP API. */
export const app = new Hono<Public>()
  // Made here, never taken from the client: it goes into the log.
  .use(requestId({ headerName: '' }), finishRequest, securityHeaders, failuresReported, allowedOrigins)
  // Its bodies are larger than others.
  .route('/v1/backup', backup)
  .use(bodyCap(), shedSocketLoad)
  .route('/', wellKnown)
  .route('/metrics', metrics)
  .route('/v1/auth', auth)
  .route('/v1/me', me)
  .route('/v1/users', users)
  .route('/v1/friends', friends)
  .route('/v1/friend-requests', friendRequests)
  .route('/v1/blocks', blocks)
  .route('/v1/invitations', invitations)
  .route('/v1/events', events)
  .route('/v1/conversations', conversations)
  .route('/v1/messages', messages)
  .route('/v1/admin', admin)
  .route('/v1/socket', socket)

app.onError(onError)
app.notFound(onNotFound((method, path) => app.router.match(method, path)[0].length))
